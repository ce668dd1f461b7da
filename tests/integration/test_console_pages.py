"""What a person does in the console, as a browser without scripts does it."""

import re
from dataclasses import replace

import pytest
from tests.integration.api_fixtures import plenty
from tests.integration.console_fixtures import Browser

from navarch.store.contract import Unavailable

pytestmark = pytest.mark.postgres


def key_of(html: str) -> str:
    found = re.search(r'name="key" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def generation_of(html: str) -> str:
    found = re.search(r'name="generation" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def test_with_no_clusters_the_list_says_what_to_do(browser: Browser) -> None:
    browser.sign_in()
    text = browser.get("/clusters").text
    assert "No clusters yet" in text
    assert "navarch cluster create NAME --wait" in text


def test_who_has_one_project_is_in_it_and_who_has_several_chooses(browser: Browser) -> None:
    assert browser.sign_in().headers["location"] == "/clusters"
    other = browser.another()
    assert other.sign_in("cat").headers["location"] == "/projects?next=/clusters"
    assert other.get("/clusters").headers["location"] == "/projects"
    assert "beta" in other.get("/projects").text
    assert other.post("/projects", {"project": "beta"}).headers["location"] == "/clusters"
    assert other.get("/clusters").status_code == 200


def test_who_has_no_project_is_told_who_helps(browser: Browser) -> None:
    browser.sign_in("new")
    assert "You have no role in any project" in browser.get("/projects").text


def test_a_wrong_password_is_told_and_what_was_typed_stays(browser: Browser) -> None:
    page = browser.get("/sign-in")
    secret = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert secret is not None
    fields = {"how": "password", "name": "ann", "password": "wrong", "domain": "Default"}
    answer = browser.post("/sign-in", fields, csrf=secret[1])
    assert answer.status_code == 422
    assert 'value="ann"' in answer.text
    assert "wrong" not in answer.text


def test_a_name_is_enough_for_a_cluster(browser: Browser) -> None:
    browser.sign_in()
    page = browser.get("/clusters/new").text
    assert "1 × c1.small" in page, "what is chosen is shown"
    answer = browser.post("/clusters/new", {"name": "shop", "key": key_of(page)})
    assert answer.status_code == 303
    assert "shop" in browser.get(answer.headers["location"]).text
    assert "shop" in browser.get("/clusters").text


def test_a_second_click_makes_no_second_cluster(browser: Browser) -> None:
    browser.sign_in()
    key = key_of(browser.get("/clusters/new").text)
    first, second = (browser.post("/clusters/new", {"name": "shop", "key": key}) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]


def test_every_error_is_at_its_field_and_no_field_is_reset(browser: Browser) -> None:
    browser.sign_in()
    fields = {"name": "Shop!", "key": "k", "count": "many", "allowed": "198.51.100.0/99", "version": "1.36.9"}
    answer = browser.post("/clusters/new", fields)
    assert answer.status_code == 422
    wrong = set(re.findall(r'id="(\w+)-error"', answer.text))
    assert wrong >= {"name", "count", "allowed"}
    for value in ('value="Shop!"', 'value="many"', 'value="198.51.100.0/99"', "<option selected>1.36.9"):
        assert value in answer.text
    assert key_of(answer.text) == "k"


def test_the_plan_tells_objects_quotas_and_the_same_as_command_and_json(browser: Browser) -> None:
    browser.api.store.write_quota("alpha", plenty(instances=98))
    browser.sign_in()
    fields = {"name": "shop", "control_plane": "3", "count": "2", "flavor": "m1.small"}
    text = browser.post("/clusters/new/plan", fields).text
    assert "98" in text
    assert "103" in text
    assert "too little" in text
    assert "load balancer" in text
    assert "navarch cluster create shop --control-plane-replicas 3" in text
    assert "&#34;replicas&#34;: 3" in text
    assert browser.api.get("/clusters").json()["total"] == 0


def test_a_list_is_searched_and_filtered_by_its_address(browser: Browser) -> None:
    browser.sign_in()
    for name in ("shop", "stage"):
        browser.api.create(name)
    text = browser.get("/clusters?search=sho").text
    assert ">shop</a>" in text
    assert ">stage</a>" not in text
    assert "No cluster is like that" in browser.get("/clusters?phase=Deleting").text
    refused = browser.get("/clusters?kubernetes_version=new")
    assert refused.status_code == 200
    assert 'role="alert"' in refused.text
    assert "No cluster is like that" in refused.text


def test_more_clusters_than_a_page_are_paged_through(browser: Browser) -> None:
    browser.sign_in()
    for number in range(51):
        browser.api.create(f"shop-{number}")
    first = browser.get("/clusters").text
    following = re.search(r'href="(/clusters\?[^"]*marker=[^"]+)"', first)
    assert following is not None
    assert first.count('<tr id="cluster-') == 50
    assert browser.get(following[1].replace("&amp;", "&")).text.count('<tr id="cluster-') == 1


def test_a_group_is_scaled_with_the_plan_first(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    path = f"/clusters/{made['id']}/groups/default/scale"
    assert "Machines created" in browser.post(f"{path}/plan", {"count": "4"}).text
    page = browser.get(path).text
    assert browser.post(path, {"count": "4", "generation": generation_of(page)}).status_code == 303
    assert browser.api.get(f"/clusters/{made['id']}/node_groups/default").json()["spec"]["replicas"] == 4


def test_a_change_of_somebody_else_meanwhile_is_told_and_nothing_done(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    path = f"/clusters/{made['id']}/groups/default/scale"
    seen = generation_of(browser.get(path).text)
    browser.api.patch(f"/clusters/{made['id']}/node_groups/default", {"spec": {"replicas": 7}})
    answer = browser.post(path, {"count": "4", "generation": seen})
    assert answer.status_code == 412
    assert "Somebody changed it meanwhile" in answer.text
    assert "7 wanted machines" in answer.text
    assert 'value="4"' in answer.text
    assert generation_of(answer.text) != seen


def test_a_bad_number_is_the_apis_to_refuse(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    answer = browser.post(f"/clusters/{made['id']}/groups/default/scale", {"count": "-1"})
    assert answer.status_code == 422
    assert 'value="-1"' in answer.text


@pytest.mark.parametrize(
    ("switch", "field", "value"),
    [("stop", "running", False), ("pause", "paused", True), ("protect", "protected", True)],
)
def test_switches(browser: Browser, switch: str, field: str, value: bool) -> None:
    browser.sign_in()
    made = browser.api.create()
    path = f"/clusters/{made['id']}/switch/{switch}"
    seen = generation_of(browser.get(path).text)
    assert browser.post(path, {"generation": seen}).status_code == 303
    assert browser.api.get(f"/clusters/{made['id']}").json()["spec"][field] is value


def test_a_cluster_goes_when_its_name_was_typed(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    path = f"/clusters/{made['id']}/delete"
    answer = browser.post(path, {"name": "shopp"})
    assert answer.status_code == 422
    assert "That is not its name" in answer.text
    assert browser.api.get(f"/clusters/{made['id']}").json()["deletion_requested_at"] is None
    assert browser.post(path, {"name": "shop"}).status_code == 303
    assert browser.api.get(f"/clusters/{made['id']}").json()["deletion_requested_at"] is not None


def test_a_protected_cluster_is_not_deleted(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create(protected=True)
    path = f"/clusters/{made['id']}/delete"
    assert "It is protected" in browser.get(path).text
    answer = browser.post(path, {"name": "shop"})
    assert answer.status_code == 409
    assert browser.api.get(f"/clusters/{made['id']}").json()["deletion_requested_at"] is None


def test_a_version_that_cannot_be_had_says_what_is_in_the_way(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create(kubernetes_version="1.36.9")
    text = browser.get(f"/clusters/{made['id']}/upgrade").text
    assert "1.37.2" in text
    assert "the cluster is Progressing" in text
    assert "wait until it is Ready" in text
    assert "Show the plan" not in text


def test_an_upgrade_is_asked_for_with_its_plan_seen(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create(kubernetes_version="1.36.9")
    browser.api.make_ready(made["id"])
    path = f"/clusters/{made['id']}/upgrade"
    assert "Show the plan" in browser.get(path).text
    page = browser.get(f"{path}?to=1.37.2").text
    assert "spec.kubernetes_version" in page
    assert browser.post(path, {"to": "1.37.2", "generation": generation_of(page)}).status_code == 303
    assert browser.api.get(f"/clusters/{made['id']}").json()["spec"]["kubernetes_version"] == "1.37.2"


def test_a_kubeconfig_is_a_file_and_its_role_is_chosen(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    path = f"/clusters/{made['id']}/kubeconfig"
    assert "no address yet" in browser.post(path, {"role": "view", "hours": "8"}).text
    browser.api.make_ready(made["id"])
    answer = browser.post(path, {"role": "view", "hours": "8"})
    assert answer.headers["content-disposition"] == 'attachment; filename="shop.kubeconfig"'
    assert "client-certificate-data" in answer.text
    events = browser.api.get(f"/clusters/{made['id']}/events").json()["events"]
    assert "view" in events[-1]["message"]


def test_who_may_only_look_is_told_that_a_change_is_refused(browser: Browser) -> None:
    made = browser.api.create()
    browser.sign_in("rob")
    assert browser.get(f"/clusters/{made['id']}").status_code == 200
    answer = browser.post(f"/clusters/{made['id']}/switch/stop", {})
    assert answer.status_code == 403
    assert "Stop shop" in answer.text


def test_a_token_that_the_api_refuses_ends_the_session(browser: Browser) -> None:
    browser.sign_in()
    del browser.api.tokens.callers["ann"]
    answer = browser.get("/clusters?search=shop")
    assert answer.headers["location"] == "/sign-in?next=/clusters%3Fsearch%3Dshop"
    browser.api.tokens.callers["ann"] = replace(browser.api.tokens.callers["rob"])
    assert browser.get("/clusters").status_code == 303, "the session is gone, whatever the token is worth"


def test_an_api_that_is_away_is_told_as_such_and_not_as_gone(browser: Browser) -> None:
    browser.sign_in()
    browser.api.tokens.away = True
    answer = browser.get("/clusters")
    assert answer.status_code == 503
    assert "Navarch does not answer" in answer.text
    assert "Clusters run on without it" in answer.text


def test_a_fragment_of_who_is_signed_out_sends_the_whole_page_to_sign_in(browser: Browser) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "https://console.test/clusters/new"}
    answer = browser.get("/clusters", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/sign-in?next=/clusters/new"


def test_a_database_that_is_away_is_told_as_such(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.sign_in()

    def away(key: bytes) -> bytes:
        raise Unavailable("the database does not answer")

    monkeypatch.setattr(browser.api.store, "session", away)
    answer = browser.get("/clusters")
    assert answer.status_code == 503
    assert "Navarch does not answer" in answer.text
    monkeypatch.undo()
    assert browser.get("/clusters").status_code == 200, "the session is still there"
