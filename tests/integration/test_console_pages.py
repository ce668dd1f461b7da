"""What a person does in the console, as a browser without scripts does it."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape

import pytest
from tests.integration.api_fixtures import MakeApi, plenty
from tests.integration.console_fixtures import Browser, browser_before, secret_of
from tests.integration.some_values import a_machine

from navarch.console.pages.clusters.selecting import fits
from navarch.domain.autoscaling.memory import (
    Backoff,
    Helpless,
    Kept,
    Memory,
    SilentDevice,
    SpareRoom,
    Unneeded,
    Verdict,
)
from navarch.domain.inventory import CloudObject, Inventory, Purpose
from navarch.domain.kube import ClusterObstacle
from navarch.domain.obstacles import Survey
from navarch.domain.prices import Prices
from navarch.domain.spec import Spare
from navarch.domain.status import Event, Phase, Status
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


def seen_of(html: str) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', html)
    assert found is not None
    return unescape(found[1])


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
    fields = {"name": "Shop!", "key": "k", "g0.replicas": "many", "allowed": "198.51.100.0/99", "version": "1.36.9"}
    answer = browser.post("/clusters/new", fields)
    assert answer.status_code == 422
    wrong = set(re.findall(r'id="([\w.]+)-error"', answer.text))
    assert wrong >= {"name", "g0.replicas", "allowed"}
    for value in ('value="Shop!"', 'value="many"', 'value="198.51.100.0/99"', "<option selected>1.36.9"):
        assert value in answer.text
    assert key_of(answer.text) == "k"


def test_the_plan_tells_objects_quotas_and_the_same_as_command_and_json(browser: Browser) -> None:
    browser.api.store.write_quota("alpha", plenty(instances=98))
    browser.sign_in()
    fields = {"name": "shop", "control_plane": "3", "g0.replicas": "2", "g0.flavor": "m1.small"}
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
    page = browser.get(path).text
    seen = generation_of(page)
    browser.api.patch(f"/clusters/{made['id']}/node_groups/default", {"spec": {"replicas": 7}})
    answer = browser.post(path, {"count": "4", "generation": seen, "seen": seen_of(page)})
    assert answer.status_code == 412
    assert "Somebody changed it meanwhile" in answer.text
    row = re.search(
        r"<code>replicas</code></th><td>(\d+)</td><td><strong>(\d+)</strong></td><td>(\d+)</td>", answer.text
    )
    assert row is not None, "as it was seen, as it is, and as it is asked for stand side by side"
    assert row.groups() == ("2", "7", "4")
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


def test_what_a_stop_ends_for_good_is_told_before_the_button(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    path = f"/clusters/{made['id']}/switch/stop"
    assert "by-hand" not in browser.get(path).text
    bare = ClusterObstacle("Pod shop/by-hand", "a stop", "PodWithoutController", "nobody", "do", False, of_stop=True)
    claim = browser.api.claim(made["id"])
    status = Status(Phase.READY, 1, survey=Survey(datetime.now(UTC), (bare,)))
    browser.api.store.record(made["id"], claim.token, status, look_again_after=3600)
    assert "Pod shop/by-hand: nobody" in browser.get(path).text


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


def test_what_goes_with_a_cluster_stands_one_by_one_on_the_page_of_its_deletion(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    path = f"/clusters/{made['id']}/delete"
    assert "Nobody has looked at it yet" in browser.get(path).text
    balancer = CloudObject(
        "load balancer", "b-1", "kube_service_x", "cloud-controller", Purpose.SERVICE, "shop/<b>", address="10.0.0.9"
    )
    volume = CloudObject(
        "volume", "v-1", "pvc-1", "csi", Purpose.CLAIM, "shop/data", "z1", 8, state="in-use", keepable=True
    )
    found = (("volume", (volume,)), ("load balancer", (balancer,)))
    seen = Inventory(datetime.now(UTC), found, ("snapshot",))
    browser.api.store.record(
        made["id"], browser.api.claim(made["id"]).token, Status(), inventory=seen, look_again_after=3600
    )
    text = browser.get(path).text
    for part in ("shop/&lt;b&gt;", "10.0.0.9", "shop/data", "8 GiB", "goes, unless you keep it", "b-1", "v-1"):
        assert part in text, part
    assert "Could not be read, and is shown as it was seen before: snapshot" in " ".join(text.split())
    kept = browser.post(path, {"name": "shopp", "keep_volumes": "yes"})
    assert 'name="keep_volumes" value="yes" checked' in kept.text, "what was ticked stays so"
    drawn = browser.get(f"/clusters/{made['id']}").text
    assert "shop/&lt;b&gt;" in drawn
    assert "Volumes of claims" in drawn


def test_a_plan_says_what_it_costs_only_where_the_operator_gave_prices(browser: Browser, make_api: MakeApi) -> None:
    browser.sign_in()
    assert "Price" not in browser.get("/clusters/new").text
    prices = Prices("EUR", (("*", Decimal("0.1")),), (), Decimal("0.02"), None)
    priced = browser_before(make_api(prices=prices))  # of the same database, with its offer
    priced.sign_in()
    text = " ".join(priced.get("/clusters/new").text.split())
    assert "EUR</strong> a month" in text
    assert "no price, and not in it" in text
    plan = priced.api.post("/clusters?dry_run=true", {"name": "shop"}).json()["price"]
    machines = next(line["count"] for line in plan["lines"] if line["kind"] == "flavor")
    assert (plan["currency"], plan["monthly_before"]) == ("EUR", None)
    assert machines
    assert "floating address" in plan["unpriced"]


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


def kubeconfigs_of(browser: Browser, cluster: str) -> dict[str, list[str]]:
    """Names of owners by the state of their kubeconfigs."""
    found: dict[str, list[str]] = {}
    for its in browser.api.get(f"/clusters/{cluster}/kubeconfigs").json()["kubeconfigs"]:
        found.setdefault(its["state"], []).append(its["user_name"])
    return found


def test_who_has_a_kubeconfig_stands_below_the_form(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    browser.api.make_ready(made["id"])
    path = f"/clusters/{made['id']}/kubeconfig"
    assert "Nobody has one" in browser.get(path).text
    assert browser.post(path, {"role": "edit", "hours": "1"}).status_code == 200
    own = browser.post(path, {"role": "groups", "groups": "team-blue, team-red", "hours": "1"})
    assert own.headers["content-type"].startswith("application/yaml"), own.text
    page = browser.get(path).text
    assert "team-blue, team-red" in page
    assert re.search(r'<th scope="row">ann</th><td [^>]*>edit</td>', page)
    refused = browser.post(path, {"role": "groups", "groups": "system:masters", "hours": "1"})
    assert refused.status_code == 422
    assert "Kubernetes&#39; own" in refused.text
    assert 'value="system:masters"' in refused.text
    assert browser.post(path, {"role": "groups", "hours": "1"}).status_code == 422, "no group is no administrator"


def test_cloud_credentials_are_replaced_after_a_look_at_what_that_means(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    browser.api.make_ready(made["id"])
    path = f"/clusters/{made['id']}/credentials"
    assert f'href="{path}"' in browser.get(f"/clusters/{made['id']}/kubeconfig").text
    assert "open nothing any more" in browser.get(path).text
    assert browser.post(path, {}).headers["location"] == path
    asked = browser.get(path).text
    assert "being replaced" in asked
    assert '<button class="danger">' not in asked


def test_a_kubeconfig_is_revoked_after_a_look_at_whose_it_is(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    browser.api.make_ready(made["id"])
    path = f"/clusters/{made['id']}/kubeconfig"
    browser.post(path, {"role": "view", "hours": "8"})
    link = re.search(rf'href="({path}s/[0-9a-f]+/revoke)"', browser.get(path).text)
    assert link is not None
    asked = browser.get(link[1]).text
    assert "service accounts and their tokens" in asked, "what stays is said first"
    assert "All of" not in asked, "there is no other"
    assert kubeconfigs_of(browser, made["id"]) == {"active": ["ann"]}
    assert browser.post(link[1], {"which": "this"}).headers["location"] == path
    assert kubeconfigs_of(browser, made["id"]) == {"revoking": ["ann"]}
    assert "being revoked" in browser.get(path).text
    again = browser.get(link[1]).text
    assert '<button class="danger">' not in again
    assert browser.get(f"{path}s/0123456789abcdef/revoke").status_code == 404


def test_all_kubeconfigs_of_a_person_are_revoked_at_once(browser: Browser) -> None:
    made = browser.api.create()
    browser.api.make_ready(made["id"])
    kubeconfigs = f"/clusters/{made['id']}/kubeconfigs"
    boss = browser.api.as_("customer-admin")
    hers = [browser.api.post(kubeconfigs, {"role": "view"}).json()["id"] for _ in range(2)]
    assert boss.post(kubeconfigs, {"role": "admin"}).status_code == 201
    browser.sign_in()
    path = f"{kubeconfigs}/{hers[0]}/revoke"
    page = browser.get(path).text
    assert "All of ann: 2" in page
    assert "All of the cluster: 3" in page
    assert browser.post(path, {"which": "owner"}).status_code == 303
    assert kubeconfigs_of(browser, made["id"]) == {"revoking": ["ann", "ann"], "active": ["boss"]}
    nothing = f"{kubeconfigs}/0123456789abcdef/revoke"
    assert browser.post(nothing, {"which": "all"}).status_code == 404
    assert kubeconfigs_of(browser, made["id"])["active"] == ["boss"]
    assert browser.post(path, {"which": "all"}).status_code == 303
    assert "active" not in kubeconfigs_of(browser, made["id"])


def test_who_may_only_look_revokes_nothing(browser: Browser) -> None:
    made = browser.api.create()
    browser.api.make_ready(made["id"])
    its = browser.api.post(f"/clusters/{made['id']}/kubeconfigs", {"role": "view"}).json()["id"]
    browser.sign_in("rob")
    answer = browser.post(f"/clusters/{made['id']}/kubeconfigs/{its}/revoke", {"which": "all"})
    assert answer.status_code == 403
    assert "Revoke kubeconfig" in answer.text
    assert kubeconfigs_of(browser, made["id"]) == {"active": ["ann"]}


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


def test_a_cluster_of_several_groups_is_asked_for_in_one_form(browser: Browser) -> None:
    browser.sign_in()
    page = browser.get("/clusters/new").text
    more = browser.post("/clusters/new", {"name": "shop", "key": key_of(page), "groups": "1", "do": "add"})
    assert 'id="g1.replicas"' in more.text
    assert 'value="shop"' in more.text
    fields = {
        "name": "shop", "key": key_of(more.text), "groups": "2", "g0.name": "web", "g0.replicas": "2",
        "g0.labels": "tier=web", "g1.name": "batch", "g1.autoscaling.min": "0", "g1.autoscaling.max": "4",
        "g1.taints": "dedicated=batch:NoSchedule", "schedule.start": "08:00", "schedule.stop": "20:00",
    }  # fmt: skip
    answer = browser.post("/clusters/new", fields)
    assert answer.status_code == 303, answer.text
    made = browser.api.get(answer.headers["location"]).json()
    assert made["spec"]["schedule"]["start"] == "08:00"
    groups = {group["name"]: group["spec"] for group in made["node_groups"]}
    assert groups["web"]["labels"] == {"tier": "web"}
    assert (groups["batch"]["autoscaling"]["min"], groups["batch"]["autoscaling"]["max"]) == (0, 4)
    assert groups["batch"]["taints"] == [{"key": "dedicated", "value": "batch", "effect": "NoSchedule"}]


def test_a_group_is_added_changed_and_removed(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    path = f"/clusters/{made['id']}/groups"
    assert "What would be done" in browser.get(f"{path}/new").text
    wrong = browser.post(f"{path}/new", {"g0.name": "Batch!", "g0.replicas": "many"})
    assert wrong.status_code in (400, 422)
    assert {"g0.name", "g0.replicas"} & set(re.findall(r'id="([\w.]+)-error"', wrong.text))
    assert 'value="Batch!"' in wrong.text
    assert browser.post(f"{path}/new", {"g0.name": "batch", "g0.replicas": "1"}).status_code == 303
    page = browser.get(f"{path}/batch/change").text
    changed = {"g0.replicas": "1", "g0.labels": "tier=batch", "g0.max_surge": "25%", "generation": generation_of(page)}
    assert browser.post(f"{path}/batch/change", changed).status_code == 303
    spec = browser.api.get(f"/clusters/{made['id']}/node_groups/batch").json()["spec"]
    assert (spec["labels"], spec["max_surge"]) == ({"tier": "batch"}, "25%")
    again = browser.post(f"{path}/batch/change", changed)
    assert again.status_code == 412
    assert "As it is now" in again.text
    assert browser.post(f"{path}/batch/delete").status_code == 303
    groups = browser.api.get(f"/clusters/{made['id']}/node_groups").json()["node_groups"]
    assert all(group["deletion_requested_at"] for group in groups if group["name"] == "batch")


def test_settings_hold_schedule_window_and_labels(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    path = f"/clusters/{made['id']}/settings"
    seen = generation_of(browser.get(path).text)
    fields = [
        ("schedule.start", "08:00"), ("schedule.stop", "20:00"), ("schedule.days", "mon"), ("schedule.days", "tue"),
        ("maintenance.start", "03:00"), ("maintenance.hours", "4"), ("automatic_upgrades", "yes"),
        ("labels", "team=shop"), ("soak_seconds", "60"), ("generation", seen),
    ]  # fmt: skip
    assert browser.post(path, fields).status_code == 303
    found = browser.api.get(f"/clusters/{made['id']}").json()
    assert found["spec"]["schedule"] | {"timezone": ""} == {
        "start": "08:00", "stop": "20:00", "days": ["mon", "tue"], "timezone": "",
    }  # fmt: skip
    assert found["spec"]["maintenance"]["hours"] == 4
    assert found["labels"] == {"team": "shop"}
    page = browser.get(path).text
    assert 'value="08:00"' in page
    unchanged = browser.post(f"{path}/plan", re_posted(page))
    assert unchanged.status_code == 200
    assert "spec." not in unchanged.text, "a form that nobody touched changes nothing"
    assert browser.post(path, {"generation": generation_of(page)}).status_code == 303
    found = browser.api.get(f"/clusters/{made['id']}").json()
    assert (found["spec"]["schedule"], found["spec"]["maintenance"], found["labels"]) == (None, None, {})


def re_posted(html: str) -> list[tuple[str, str]]:
    """What a browser sends of a page's form that nobody touched."""
    boxes = re.findall(r'<input type="checkbox"[^>]*name="([^"]+)" value="([^"]+)" checked', html)
    texts = re.findall(r'<input id="[^"]+" name="([^"]+)"[^>]* value="([^"]*)"', html)
    areas = re.findall(r'<textarea id="[^"]+" name="([^"]+)"[^>]*>([^<]*)</textarea>', html)
    return [*boxes, *texts, *areas]


def test_a_machine_that_is_named_goes_and_another_takes_its_place(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    browser.api.make_ready(made["id"])
    assert "None went so far" in browser.get(f"/clusters/{made['id']}/repairs").text
    assert browser.get(f"/clusters/{made['id']}/machines/nothing/delete").status_code == 404


def test_autoscaling_has_its_limits_as_fields(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    path = f"/clusters/{made['id']}/groups/default/autoscaling"
    page = browser.get(path).text
    assert "it is off" in page
    limits = {"g0.autoscaling.min": "1", "g0.autoscaling.max": "4"}
    assert "spec.autoscaling" in browser.post(f"{path}/plan", limits).text
    wrong = browser.post(path, {**limits, "g0.autoscaling.min": "7"})
    assert wrong.status_code == 422
    assert 'id="g0.autoscaling.min-error"' in wrong.text
    assert 'value="7"' in wrong.text
    seen = generation_of(page)
    spare = {"g0.autoscaling.spare.replicas": "2", "g0.autoscaling.spare.cpu_millicores": "9000"}
    wrong = browser.post(path, {**limits, **spare, "generation": seen})
    assert 'id="g0.autoscaling.spare.cpu_millicores-error"' in wrong.text
    spare["g0.autoscaling.spare.cpu_millicores"] = "500"
    assert browser.post(path, {**limits, **spare, "generation": seen}).headers["location"] == path
    spec = browser.api.get(f"/clusters/{made['id']}/node_groups/default").json()["spec"]
    assert (spec["autoscaling"]["min"], spec["autoscaling"]["max"]) == (1, 4)
    assert spec["autoscaling"]["spare"] == {"replicas": 2, "cpu_millicores": 500, "memory_mib": 0}
    again = browser.post(path, {**limits, "g0.autoscaling.max": "5", "generation": seen})
    assert again.status_code == 412
    assert "Somebody changed it meanwhile" in again.text
    emptied = {"g0.autoscaling.min": "", "g0.autoscaling.max": "", "generation": generation_of(again.text)}
    assert browser.post(path, emptied).status_code == 303
    spec = browser.api.get(f"/clusters/{made['id']}/node_groups/default").json()["spec"]
    assert spec["autoscaling"] is None
    assert browser.get(f"/clusters/{made['id']}/groups/nothing/autoscaling").status_code == 404


def test_what_autoscaling_thinks_and_decided_is_shown_with_why(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create(node_groups=[{"name": "web", "autoscaling": {"min": 1, "max": 4}}])
    path = f"/clusters/{made['id']}/groups/web/autoscaling"
    assert "not looked at yet" in browser.get(path).text
    now = datetime.now(UTC)
    memory = Memory(
        unneeded=(Unneeded("web-2", "web", now),),
        backoffs=(
            Backoff("web", now, now + timedelta(minutes=5), "a quota is used up", "project-admin", "have it raised"),
        ),
        helpless=(Helpless("shop/big", 3, (Verdict("web", "its machines are too small"),)),),
        kept=(Kept("web-1", "web", "a pod of kube-system"), Kept("other-1", "other", "of another group")),
        spare=(SpareRoom("web", Spare(3, 500), 1, 1, "max node group size reached"),),
        devices=(SilentDevice("web", "nvidia.com/gpu", 1, "m1.small", "web-3"),),
    )
    claim = browser.api.claim(made["id"])
    status = Status(Phase.READY, 1, autoscaling=memory)
    browser.api.store.record(made["id"], claim.token, status, look_again_after=3600)
    for reason, subject, text in (
        ("TriggeredScaleUp", "web", "web: 1 → 2"),
        ("SpareKept", "web", "web keeps room free for all of 3 × 500m CPU"),
        ("ScaleDown", "other", "other: 2 → 1"),
        ("Ready", "web", "no decision"),
    ):
        browser.api.store.add_event(made["id"], Event(now, reason, text, subject=subject))
    page = browser.get(path).text
    assert 'type="range" min="0" max="10"' in page and "between 1 and 4" in page
    for words in ("web-2", "a quota is used up", "shop/big", "its machines are too small", "a pod of kube-system",
                  "Of 3 places that are kept free 1 are there, 1 on their way.", "max node group size reached",
                  "Your project's administrator must act", "have it raised", "then it is tried again",
                  "1 is missing", "web-3 does not show nvidia.com/gpu.", "while that one is there", "You must act",
                  "Then one is tried again", "Room is kept free again"):  # fmt: skip
        assert words in page, words
    assert "Node group grown by itself" in page
    assert "web: 1 → 2" in page
    for words in ("of another group", "other: 2 → 1", "no decision"):
        assert words not in page, words


def test_machines_of_the_control_plane_that_went_are_told_from_the_history(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    browser.api.store.record_machine(made["id"], browser.api.claim(made["id"]).token, a_machine("shop-cp-0"))
    path = f"/clusters/{made['id']}/repairs"
    assert "None went so far" in browser.get(path).text, "the one that is there did not go"
    for subject, text in (("shop-cp-0", "it was lost"), ("shop-default-1", "a worker has a row of its own")):
        event = Event(
            datetime.now(UTC), "ReleaseMachine", f"machine {subject} is to go (repair): {text}", subject=subject
        )
        browser.api.store.add_event(made["id"], event)
    page = browser.get(path).text
    assert "Of the control plane" in page
    assert "shop-cp-0 is to go (repair): it was lost" in page
    assert "a worker has a row" not in page


def test_of_many_events_the_newest_are_shown_and_the_others_counted(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    for number in range(500):
        browser.api.store.add_event(made["id"], Event(datetime.now(UTC), "Ready", f"line {number}", subject="shop"))
    text = browser.get(f"/clusters/{made['id']}").text
    assert "line 499" in text
    assert "line 400" not in text
    assert re.search(r"Earlier lines: 47\d", " ".join(text.split()))
    assert len(text) < 100_000


def test_quotas_are_shown_with_what_is_free(browser: Browser) -> None:
    browser.api.store.write_quota("alpha", plenty(instances=98))
    browser.sign_in()
    text = browser.get("/quota").text
    assert "servers" in text
    assert "98" in text


def test_an_account_has_its_language_theme_and_times_in_every_browser(browser: Browser) -> None:
    browser.sign_in()
    assert "As the browser asks for" in browser.get("/account").text
    kept = {"language": "ru", "theme": "dark", "time_zone": "local"}
    assert browser.post("/account", kept).status_code == 303
    page = browser.get("/clusters").text
    assert '<html lang="ru" data-theme="dark">' in page
    assert "data-local-times" in page
    assert "Кластеров пока нет" in page
    other = browser.another()
    other.sign_in()
    assert "Кластеров пока нет" in other.get("/clusters").text
    assert browser.post("/account", {"language": "xx"}).status_code == 422
    assert browser.post("/account", {"shortcuts": "some"}).status_code == 422
    assert "data-no-shortcuts" not in page
    browser.post("/account", {"shortcuts": "off"})
    assert "data-no-shortcuts" in browser.get("/clusters").text
    somebody = browser.another()
    somebody.sign_in("bea")
    assert "No clusters yet" in somebody.get("/clusters").text


def test_codes_speak_the_pages_language_and_keep_the_apis_sentence(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    browser.post("/account", {"language": "ru"})
    page = browser.get(f"/clusters/{made['id']}").text
    assert "Запрошен кластер" in page, "an event, by its reason"
    assert 'lang="en"' in page, "what is English is marked as such"


def test_who_is_signed_out_at_a_form_comes_back_to_it(browser: Browser) -> None:
    answer = browser.post("/clusters/new", {"name": "shop"}, csrf="x")
    assert answer.headers["location"] == "/sign-in?next=/clusters/new"


def test_a_second_factor_is_asked_for_and_no_receipt_is_in_the_page(browser: Browser) -> None:
    browser.keystone.passcodes["ann"] = "123456"
    asked = browser.sign_in()
    assert asked.status_code == 200
    assert "Passcode of your second factor" in asked.text
    assert "receipt-of" not in asked.text + str(asked.headers)
    secret = secret_of(asked.text)
    wrong = browser.post("/sign-in", {"how": "passcode", "passcode": "000000"}, csrf=secret)
    assert wrong.status_code == 422
    assert "does not take this passcode" in wrong.text
    right = browser.post("/sign-in", {"how": "passcode", "passcode": "123 456"}, csrf=secret)
    assert right.headers["location"] == "/clusters"
    assert browser.get("/clusters").status_code == 200


def test_a_passcode_without_a_password_before_it_is_of_no_use(browser: Browser) -> None:
    secret = secret_of(browser.get("/sign-in").text)
    answer = browser.post("/sign-in", {"how": "passcode", "passcode": "123456"}, csrf=secret)
    assert answer.status_code == 403


@pytest.mark.parametrize("passed_on", [True, False])
def test_behind_a_prefix_every_address_has_it(browser: Browser, passed_on: bool) -> None:
    inside = browser.behind("/kubernetes", passed_on=passed_on)
    inside.sign_in()
    assert inside.get("/clusters").status_code == 200
    page = inside.get("/clusters/new").text
    bare = re.findall(r'(?:href|action|src|hx-\w+|data-stream)="(/(?!kubernetes/)[^"]*)"', page)
    assert bare == []
    answer = inside.post("/clusters/new", {"name": "shop", "key": key_of(page)})
    assert answer.headers["location"].startswith("/kubernetes/clusters/")
    assert inside.another().get("/clusters/new").headers["location"] == "/kubernetes/sign-in?next=/clusters/new"


def test_a_lists_filters_mean_the_same_in_a_page_as_in_the_api(browser: Browser) -> None:
    for name, labels in (("shop", {"team": "web"}), ("stage", {}), ("shop-2", {"team": "shop"})):
        assert browser.api.post("/clusters", {"name": name, "labels": labels}).status_code == 202
    every = browser.api.get("/clusters").json()["clusters"]
    browser.api.make_ready(every[0]["id"])
    every = browser.api.get("/clusters").json()["clusters"]
    for filters in (
        [("search", "shop")], [("search", "team=web")], [("search", "SHOP team")], [("search", every[1]["id"][:8])],
        [("phase", "Ready")], [("phase", "Ready"), ("phase", "Progressing")], [("kubernetes_version", "1.37")],
        [("kubernetes_version", "1.36")], [("responsible", "user")], [("search", "abc")],
    ):  # fmt: skip
        listed = browser.api.get("/clusters", params=filters).json()["clusters"]
        ours = {cluster["id"] for cluster in every if fits(filters, cluster)}
        assert ours == {cluster["id"] for cluster in listed}, filters
