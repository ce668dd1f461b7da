"""Add-ons in the console, as a browser without scripts sees them."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from tests.integration.api_fixtures import OFFER, Api, MakeApi, plenty
from tests.integration.catalogue_fixtures import ICON, SCHEMA, Unchanging, add_entry
from tests.integration.console_fixtures import Browser, browser_before
from tests.integration.test_console_security import HOSTILE, filled, routes

from navarch.domain.catalogue import Beside, Item
from navarch.domain.chosen import ChosenPhase, ChosenStatus
from navarch.domain.condition import Condition
from navarch.domain.required import RequiredAddon
from navarch.domain.status import Status
from navarch.domain.terms import Created, Terms

pytestmark = pytest.mark.postgres
ADDONS = "/clusters/shop/addons"
_PROPERTIES = {
    **SCHEMA["properties"],  # type: ignore[dict-item]
    "web": {"type": "object", "title": "Pages", "properties": {"on": {"type": "boolean", "default": True}}},
    "hosts": {"type": "array", "items": {"type": "string"}},
    "level": {"enum": ["low", "high"], "default": "low", "x-navarch-advanced": True},
}


@pytest.fixture
def equipped(make_api: MakeApi) -> Iterator[Browser]:
    """Ann's browser before a cluster `shop`, and a catalogue with two versions of an entry."""
    api = make_api(renderer=Unchanging())
    api.store.write_offer(OFFER)
    for project in ("alpha", "beta"):
        api.store.write_quota(project, plenty())
    for version in ("1.9.0", "1.10.0"):
        add_entry(api.store, "store", version, schema={**SCHEMA, "properties": _PROPERTIES})
    api.create()
    made = browser_before(api)
    made.sign_in()
    yield made
    made.client.close()


@pytest.fixture
def at(equipped: Browser) -> str:
    """The path of the cluster's page."""
    return f"/clusters/{equipped.api.get('/clusters/shop').json()['id']}"


def installed(api: Api, **body: Any) -> None:
    answer = api.post(ADDONS, {"entry": "store", **body})
    assert answer.status_code == 202, answer.text


def noted(api: Api, status: ChosenStatus) -> None:
    """What a worker says of the add-on."""
    cluster = api.get("/clusters/shop").json()["id"]
    api.store.note_chosen(cluster, api.claim(cluster).token, "store", status)


def generation_of(html: str) -> str:
    found = re.search(r'name="generation" value="(\d+)"', html)
    assert found is not None
    return found[1]


def test_the_catalogue_stands_as_cards_and_one_is_installed_with_nothing_filled_in(equipped: Browser, at: str) -> None:
    page = equipped.get(f"{at}/addons").text
    assert "None of the catalogue yet" in page
    assert "What every cluster has" not in page, "nobody has looked into the cluster yet"
    assert "Store" in page
    assert "and 1 older" in page
    assert "&gt;=1.30.0" in page
    form = equipped.get(f"{at}/catalogue/store").text
    assert "ConfigMap store" in form, "what would come stands beside the form"
    answer = equipped.post(f"{at}/catalogue/store", {"do": "ask", "values.size": "", "values.level": ""})
    assert answer.headers["location"] == f"{at}/addon/store"
    made = equipped.api.get(f"{ADDONS}/store").json()
    assert (made["version"], made["values"]) == ("1.10.0", {})
    assert f'href="{at}/addon/store"' in equipped.get(f"{at}/addons").text


def test_what_every_cluster_has_stands_below_with_what_it_lacks(equipped: Browser, at: str) -> None:
    api, here = equipped.api, at.rpartition("/")[2]
    claim = api.claim(here)
    dns = RequiredAddon("coredns", ChosenPhase.DEGRADED, "1.14.7", "coredns: 1 of 2 replicas available")
    api.store.record(here, claim.token, Status(required=(dns,)), look_again_after=3600)
    page = equipped.get(f"{at}/addons").text
    for words in (
        "What every cluster has",
        "coredns",
        "Names inside the cluster.",
        "1.14.7",
        "coredns: 1 of 2 replicas available",
    ):
        assert words in page


def test_the_catalogue_shows_what_every_cluster_has_without_a_way_to_install_it(equipped: Browser, at: str) -> None:
    page = equipped.get(f"{at}/addons").text
    cards = {
        unescape(title): card for title, card in re.findall(r'<a id="about-[^>]*>(.*?)</a>(.*?)</li>', page, re.DOTALL)
    }
    assert next(iter(cards)) == "Store", "what can be chosen comes first"
    assert {"CoreDNS", "Calico", "Volumes"} < set(cards)
    assert 'id="install-store"' in cards["Store"]
    assert "required" not in cards["Store"]
    for words in ("required", "Names inside the cluster.", "networking", "Apache-2.0", "Every cluster has it"):
        assert words in cards["CoreDNS"]
    assert "install-" not in cards["CoreDNS"]
    assert 'value="coredns"' not in equipped.get("/clusters/new").text


def test_a_new_cluster_is_asked_for_with_add_ons(equipped: Browser) -> None:
    page = equipped.get("/clusters/new").text
    box = re.search(r'<input type="checkbox" name="addons" value="store">(.*?)</label>', page, re.DOTALL)
    assert box is not None
    assert "Store" in box[1]
    assert "An entry." in box[1]
    plan = equipped.post("/clusters/new/plan", {"name": "other", "addons": "store"}).text
    assert "Store 1.10.0" in plan
    assert "2 objects" in plan
    assert "navarch cluster create other --addon store" in plan
    assert '"entry": "store"' in unescape(plan).replace("&#34;", '"')
    made = equipped.post("/clusters/new", {"name": "other", "addons": "store", "do": "create"})
    assert made.status_code == 303
    assert [a["version"] for a in equipped.api.get("/clusters/other/addons").json()["addons"]] == ["1.10.0"]
    wrong = equipped.post("/clusters/new", {"name": "Third!", "addons": "store", "do": "create"})
    assert wrong.status_code == 422
    assert 'value="store" checked' in wrong.text
    wrong = equipped.post("/clusters/new", {"name": "third", "addons": "gone", "do": "create"})
    assert "is not in the catalogue; known: store" in unescape(wrong.text)


README = """# Store

It *keeps* things. <script>alert(1)</script> [docs](https://docs.example.org) [bad](javascript:alert(1))
"""
OTHER = {
    "type": "object",
    "properties": {
        "colour": {"oneOf": [{"const": "r", "title": "Red"}, {"const": "g", "title": "Green"}]},
        "key": {"$ref": "#/$defs/key"},
    },
    "$defs": {"key": {"type": "string", "writeOnly": True}},
}


def test_an_entrys_page_shows_its_readme_icon_news_and_versions(equipped: Browser, at: str) -> None:
    files = {"README.md": README, "icon.svg": ICON}
    add_entry(equipped.api.store, "store", "1.11.0", ">=1.99.0-0", files=files)
    page = equipped.get("/catalogue/store").text
    for words in ("It <em>keeps</em> things.", "&lt;script&gt;alert", 'href="https://docs.example.org"', "Apache-2.0"):
        assert words in page, words
    assert 'href="javascript' not in page
    assert "What is new in 1.9.0." in page
    assert "sha256:" + "0" * 64 in page
    image = re.search(r'<img class="icon" src="([^"]+)"[^>]* alt="">', page)
    assert image is not None
    icon = equipped.get(unescape(image[1]))
    assert icon.text == ICON
    assert icon.headers["content-security-policy"].endswith("sandbox"), "its own, which is stricter than the pages'"
    assert icon.headers["x-content-type-options"] == "nosniff"
    assert "script-src 'self'" in equipped.get("/catalogue/store").headers["content-security-policy"]
    older = equipped.get("/catalogue/store?version=1.9.0").text
    assert "Its chart has no README." in older
    assert '<img class="icon"' not in older
    here = at.rpartition("/")[2]
    fits = equipped.get(f"/catalogue/store?for={here}").text
    assert f'href="{at}/catalogue/store?version=1.10.0"' in fits, "the newest is for another Kubernetes"
    assert 'src="/catalogue/store/icon?version=1.11.0"' in equipped.get("/catalogue").text
    for gone in ("/catalogue/other", "/catalogue/store?version=3", "/catalogue/store/icon?version=1.9.0"):
        assert equipped.get(gone).status_code == 404, gone
    assert equipped.get("/catalogue/store?for=nothing").status_code == 404


def test_a_form_is_that_of_the_version_that_is_chosen(equipped: Browser, at: str) -> None:
    add_entry(equipped.api.store, "store", "1.11.0", schema=OTHER)
    path = f"{at}/catalogue/store"
    newest = equipped.get(path).text
    assert 'name="values.colour"' in newest
    assert ">Green</option>" in newest
    assert '<input type="password" id="values.key"' in newest
    assert 'name="values.size"' not in newest
    older = equipped.get(f"{path}?version=1.9.0").text
    assert 'name="values.size"' in older
    assert 'name="values.colour"' not in older
    assert '<option value="1.9.0" selected>' in older
    again = equipped.post(path, {"do": "plan", "version": "1.9.0", "values.size": "4", "values.colour": '"r"'}).text
    assert 'value="4"' in again, "what was typed stays where it has a field"
    assert equipped.post(path, {"do": "ask", "version": "1.9.0", "values.size": "4"}).status_code == 303
    change = equipped.get(f"{at}/addon/store/change").text
    assert 'name="values.size"' in change, "as of the version that it has"
    assert 'name="values.colour"' not in change
    unknown = equipped.post(path, {"do": "ask", "version": "3.0.0", "name": "second"})
    assert unknown.status_code == 422
    assert 'id="version-error"' in unknown.text


def test_a_form_that_needs_values_says_so_in_place_of_what_a_schema_says(equipped: Browser, at: str) -> None:
    needy = {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer"}}}
    add_entry(equipped.api.store, "store", "1.11.0", schema=needy)
    page = equipped.get(f"{at}/catalogue/store").text
    assert "What is marked as needed has to be filled in" in page
    assert "Fill in what is needed to see." in page
    assert "ConfigMap store" in equipped.post(f"{at}/catalogue/store", {"do": "plan", "values.size": "3"}).text


def test_a_new_clusters_add_on_has_its_values_beneath_its_box(equipped: Browser) -> None:
    shown = equipped.post("/clusters/new/addon/store", {"name": "other"}).text
    assert 'name="addon.store.values.size"' in shown
    assert "<form" not in shown, "it is a part of the form"
    fields = {
        "name": "other", "addons": "store", "addon.store.values.size": "4", "addon.store.values.password": "hunter2",
        "addon.store.values.hosts": "- a", "addon.store.values": 'web: {"on": false}',
    }  # fmt: skip
    plan = unescape(equipped.post("/clusters/new/plan", fields).text)
    assert "Store 1.10.0" in plan
    assert "hunter2" not in plan
    assert "navarch cluster create other -f addons.yaml" in plan
    assert '"password": "…"' in plan
    made = equipped.post("/clusters/new", {**fields, "do": "create"})
    assert made.status_code == 303
    (addon,) = equipped.api.get("/clusters/other/addons").json()["addons"]
    assert addon["values"] == {"size": 4, "password": "(sealed)", "hosts": ["a"], "web": {"on": False}}
    not_ticked = {"name": "third", "addon.store.values.size": "many", "do": "create"}
    assert equipped.post("/clusters/new", not_ticked).status_code == 303
    assert equipped.api.get("/clusters/third/addons").json()["addons"] == []


def test_what_is_wrong_with_a_new_clusters_add_on_is_at_its_field(equipped: Browser) -> None:
    fields = {"name": "other", "addons": "store", "addon.store.values.password": "hunter2", "do": "create"}
    answer = equipped.post("/clusters/new", {**fields, "addon.store.values.size": "many"})
    assert answer.status_code == 422
    assert re.findall(r'id="([\w.]+)-error"', answer.text) == ["addon.store.values.size"]
    assert '<a href="#addon.store.values.size">store size</a>' in answer.text
    assert 'value="many"' in answer.text
    assert "hunter2" not in answer.text
    assert "Type it again" in answer.text
    answer = equipped.post("/clusters/new", {**fields, "addon.store.values.hosts": "[a", "addon.store.values": "b"})
    assert answer.status_code == 422
    assert set(re.findall(r'id="([\w.]+)-error"', answer.text)) == {"addon.store.values.hosts", "addon.store.values"}
    assert equipped.api.get("/clusters/other").status_code == 404


def test_without_a_catalogue_the_form_for_a_cluster_says_nothing_of_add_ons(browser: Browser) -> None:
    browser.sign_in()
    assert 'name="addons"' not in browser.get("/clusters/new").text


def test_a_form_has_the_fields_of_the_schema(equipped: Browser, at: str) -> None:
    page = equipped.get(f"{at}/catalogue/store").text
    assert re.search(r'<input id="values.size" name="values.size"', page)
    assert re.search(r'<input type="password" id="values.password"', page)
    assert re.search(r'<select id="values.level"[^>]*><option value="">as the entry says: low', page)
    assert re.search(r'<select id="values.web.on"[^>]*><option value="">as the entry says: true', page)
    assert re.search(r'<textarea id="values.hosts"', page)
    assert "<legend>Pages</legend>" in page


def test_what_is_filled_in_is_sent_with_its_type(equipped: Browser, at: str) -> None:
    fields = {
        "do": "ask", "name": "mine", "version": "1.9.0", "namespace": "there", "values.size": "4",
        "values.password": "hunter2", "values.web.on": "false", "values.hosts": "- a\n- b", "values.level": '"high"',
        "values": "{size: 1}",
    }  # fmt: skip
    assert equipped.post(f"{at}/catalogue/store", fields).headers["location"] == f"{at}/addon/mine"
    made = equipped.api.get(f"{ADDONS}/mine").json()
    assert (made["version"], made["namespace"]) == ("1.9.0", "there")
    expected = {"size": 4, "password": "(sealed)", "web": {"on": False}, "hosts": ["a", "b"], "level": "high"}
    assert made["values"] == expected
    page = equipped.get(f"{at}/addon/mine").text
    assert "hunter2" not in page
    assert "sealed" in page


def test_every_problem_is_at_its_field_and_what_was_typed_stays_but_for_secrets(equipped: Browser, at: str) -> None:
    fields = {"do": "ask", "name": "Bad!", "namespace": "kube-system", "values.password": "hunter2"}
    answer = equipped.post(f"{at}/catalogue/store", fields)
    assert answer.status_code == 422
    assert set(re.findall(r'id="([\w.]+)-error"', answer.text)) == {"name", "namespace"}
    assert 'value="Bad!"' in answer.text
    assert "hunter2" not in answer.text
    assert "Type it again" in answer.text
    answer = equipped.post(f"{at}/catalogue/store", {"do": "ask", "values.size": "many", "values.hosts": "[a, b]"})
    assert answer.status_code == 422
    assert set(re.findall(r'id="([\w.]+)-error"', answer.text)) == {"values.size"}
    assert "got string, want integer" in answer.text
    assert 'value="many"' in answer.text
    assert ">[a, b]</textarea>" in answer.text
    unread = {"do": "ask", "values.hosts": "[a", "values": "&x [*x]", "values.size": "many"}
    answer = equipped.post(f"{at}/catalogue/store", unread)
    assert answer.status_code == 422
    assert set(re.findall(r'id="([\w.]+)-error"', answer.text)) == {"values.hosts", "values", "values.size"}
    assert equipped.api.get(ADDONS).json()["addons"] == []


def test_a_name_that_is_taken_is_told_at_its_field(equipped: Browser, at: str) -> None:
    installed(equipped.api)
    answer = equipped.post(f"{at}/catalogue/store", {"do": "ask"})
    assert answer.status_code == 409
    assert 'id="name-error"' in answer.text


def test_a_plan_says_what_would_come_and_does_nothing(equipped: Browser, at: str) -> None:
    text = equipped.post(f"{at}/catalogue/store/plan", {"values.size": "3"}).text
    assert "Secret store" in text
    assert "got string" in equipped.post(f"{at}/catalogue/store/plan", {"values.size": "x"}).text
    assert "is not YAML" in equipped.post(f"{at}/catalogue/store/plan", {"values.hosts": "["}).text
    assert equipped.api.get(ADDONS).json()["addons"] == []


def test_values_are_changed_with_the_difference_seen_before(equipped: Browser, at: str) -> None:
    installed(equipped.api, values={"size": 2, "password": "hunter2", "hosts": ["a"]})
    path = f"{at}/addon/store/change"
    page = equipped.get(path).text
    assert 'value="2"' in page
    assert ">- a</textarea>" in page
    assert "It is set, and sealed" in page
    assert equipped.post(path, {"values.size": "2", "values.hosts": "- a", "do": "ask"}).status_code == 303
    assert equipped.api.get(f"{ADDONS}/store").json()["generation"] == 1, "nothing was touched"
    fields = {"values.size": "3", "values.hosts": "- a", "generation": generation_of(page)}
    plan = equipped.post(f"{path}/plan", fields).text
    assert re.search(r"<code>data.size</code></dt><dd><del>2</del> .*<ins>3</ins>", plan)
    assert "hunter2" not in plan
    assert equipped.post(path, {**fields, "do": "ask"}).headers["location"] == f"{at}/addon/store"
    changed = equipped.api.get(f"{ADDONS}/store").json()
    assert changed["values"] == {"size": 3, "password": "(sealed)", "hosts": ["a"]}
    again = equipped.post(path, {**fields, "values.size": "5", "do": "ask", "seen": '{"size": 2}'})
    assert again.status_code == 412
    assert "Somebody changed it meanwhile" in again.text
    assert re.search(r"<code>size</code></th><td>2</td><td><strong>3</strong></td><td>5</td>", again.text)
    emptied = {"values.size": "", "values.hosts": "- a", "values.password.unset": "yes", "do": "ask"}
    assert equipped.post(path, {**emptied, "generation": generation_of(again.text)}).status_code == 303
    assert equipped.api.get(f"{ADDONS}/store").json()["values"] == {"hosts": ["a"]}


def test_an_upgrade_shows_what_is_new_and_what_differs(equipped: Browser, at: str) -> None:
    installed(equipped.api, version="1.9.0")
    assert "1.10.0 is offered" in equipped.get(f"{at}/addons").text
    assert "Upgrade to 1.10.0" in unescape(equipped.get(f"{at}/addon/store").text)
    path = f"{at}/addon/store/upgrade"
    assert "What is new in 1.10.0." in equipped.get(path).text
    page = equipped.get(f"{path}?to=1.10.0").text
    assert re.search(r"<code>data.chart</code></dt><dd><del>store 1.9.0</del> .*<ins>store 1.10.0</ins>", page)
    assert equipped.post(path, {"to": "1.10.0", "generation": generation_of(page)}).status_code == 303
    assert equipped.api.get(f"{ADDONS}/store").json()["version"] == "1.10.0"
    assert equipped.post(path, {"to": "1.9.0", "generation": generation_of(page)}).status_code == 412
    assert "known: 1.10.0, 1.9.0" in equipped.get(f"{path}?to=3.0.0").text
    assert "Back to 1.9.0" in equipped.get(f"{path}?to=1.9.0").text


def test_a_page_says_how_it_is_who_must_act_and_what_it_has(equipped: Browser, at: str) -> None:
    installed(equipped.api)
    wrong = Condition(
        "Healthy", "False", "NotHealthy", "pods of x do not start", responsible="user", remedy="Look at it."
    )
    items = (Item("", "ConfigMap", "store", "store", "v1", "configmaps", "u"),)
    noted(equipped.api, ChosenStatus(ChosenPhase.BLOCKED, "1 d 1", "1.10.0", (wrong,), items, notes="Open the page."))
    page = equipped.get(f"{at}/addon/store").text
    for words in ("Blocked", "pods of x do not start", "You must act", "Look at it.", "Open the page.", "ConfigMap"):
        assert words in page, words
    assert "You must act" in equipped.get(f"{at}/addons").text
    equipped.post("/account", {"language": "ru"})
    page = equipped.get(f"{at}/addon/store").text
    assert "Заблокировано" in page
    assert "pods of x do not start" in page


def test_a_removal_says_first_what_would_be_lost(equipped: Browser, at: str) -> None:
    installed(equipped.api)
    items = (
        Item("", "PersistentVolumeClaim", "store", "data", "v1", "persistentvolumeclaims", "u1"),
        Item("", "ConfigMap", "store", "settings", "v1", "configmaps", "u2"),
    )
    noted(equipped.api, ChosenStatus(ChosenPhase.READY, "1 d 1", "1.10.0", items=items))
    path = f"{at}/addon/store/remove"
    page = equipped.get(path).text
    goes, stays = page.index("store/settings"), page.index("store/data")
    assert goes < page.index("Stays, unless its data is to go, too") < stays
    answer = equipped.post(path, {"name": "stor", "data": "with"})
    assert answer.status_code == 422
    assert "That is not its name" in answer.text
    assert re.search(r'value="with" checked', answer.text)
    assert equipped.post(path, {"name": "store"}).headers["location"] == f"{at}/addon/store"
    gone = equipped.api.get(f"{ADDONS}/store").json()
    assert gone["deletion_requested_at"] is not None
    assert [o["stays"] for o in gone["status"]["objects"]] == [True, False], "the data stays unless it was asked to go"
    assert 'id="do-remove"' not in equipped.get(f"{at}/addon/store").text


def test_a_removal_says_what_hangs_on_the_add_on(equipped: Browser, at: str) -> None:
    installed(equipped.api)
    assert "Hangs on it" not in equipped.get(f"{at}/addon/store/remove").text
    claim = Item("", "PersistentVolumeClaim", "store", "data-db-0", "v1", "persistentvolumeclaims", "u1")
    beside = Beside((claim,), (("boats.example.org", 12),), datetime(2026, 11, 30, tzinfo=UTC))
    noted(equipped.api, ChosenStatus(ChosenPhase.READY, "1 d 1", "1.10.0", beside=beside))
    page = equipped.get(f"{at}/addon/store/remove").text
    heading = page.index("Hangs on it: stays, unless its data is to go, too")
    assert heading < page.index("store/data-db-0") < page.index("12 × <code>boats.example.org</code>")
    assert "2026-11-30T00:00:00Z" in page


def test_a_removal_says_what_programs_made_what_stays_and_who_cannot_do_without(equipped: Browser, at: str) -> None:
    made = (
        Created("Lease", "coordination.k8s.io", name="{name}-leader"),
        Created("Secret", labels=(("of", "{name}"),)),
    )
    terms = Terms(creates=made, leaves=("The <bucket> stays.",))
    add_entry(equipped.api.store, "bucket", "1.0.0", terms=terms)
    add_entry(equipped.api.store, "web", "1.0.0", terms=Terms(requires=("bucket",)))
    path = f"{at}/catalogue/web"
    assert "install bucket first, or with it" in equipped.post(path + "/plan", {"name": "web"}).text
    assert "install bucket first, or with it" in equipped.post(path, {"name": "web", "do": "install"}).text
    for entry in ("bucket", "web"):
        assert equipped.api.post(ADDONS, {"entry": entry}).status_code == 202
    path = f"{at}/addon/bucket/remove"
    page = equipped.get(path).text
    for said in (
        "Lease <code>bucket/bucket-leader</code>",
        "Secret <code>bucket/* of=bucket</code>",
        "The &lt;bucket&gt; stays.",
        "web cannot do without it: remove that first.",
    ):
        assert said in page
    refused = equipped.post(path, {"name": "bucket"})
    assert (refused.status_code, "web cannot do without add-on bucket" in refused.text) == (409, True)


def test_its_tests_are_asked_for_on_a_page_that_says_what_runs(equipped: Browser, at: str) -> None:
    installed(equipped.api)
    assert 'id="do-test"' not in equipped.get(f"{at}/addon/store").text, "nothing is known of any"
    noted(equipped.api, ChosenStatus(ChosenPhase.READY, "1 d 1", "1.10.0", tests=("Pod speaks",)))
    assert 'id="do-test"' in equipped.get(f"{at}/addon/store").text
    page = equipped.get(f"{at}/addon/store/test").text
    assert "Pod speaks" in page
    assert "10 minutes at most" in page
    assert equipped.post(f"{at}/addon/store/test", {}).headers["location"] == f"{at}/addon/store"
    assert equipped.api.get(f"{ADDONS}/store").json()["test_requested_at"] is not None
    page = equipped.get(f"{at}/addon/store/test").text
    assert "They were asked for already and have not ended" in page
    assert '<button class="primary" disabled>' in page


def test_a_removal_that_a_hook_holds_up_can_go_on_without(equipped: Browser, at: str) -> None:
    installed(equipped.api)
    noted(equipped.api, ChosenStatus(ChosenPhase.READY, "1 d 1", "1.10.0", removal_hooks=("Job drain",)))
    path = f"{at}/addon/store/remove"
    assert "Job drain" in equipped.get(path).text
    assert equipped.post(path, {"name": "store"}).status_code == 303
    assert "Remove without hooks" in equipped.get(f"{at}/addon/store").text
    assert equipped.post(path, {"name": "store", "hooks": "skip"}).status_code == 303
    cluster = equipped.api.get("/clusters/shop").json()["id"]
    (wish,) = equipped.api.store.chosen(cluster)
    assert wish.no_hooks


def test_a_removal_with_data_takes_it_too(equipped: Browser, at: str) -> None:
    installed(equipped.api)
    noted(equipped.api, ChosenStatus(items=(Item("", "PersistentVolumeClaim", "store", "data", "v1", "x", "u1"),)))
    assert equipped.post(f"{at}/addon/store/remove", {"name": "store", "data": "with"}).status_code == 303
    assert not any(o["stays"] for o in equipped.api.get(f"{ADDONS}/store").json()["status"]["objects"])


def test_who_may_only_look_sees_all_and_changes_nothing(equipped: Browser, at: str) -> None:
    installed(equipped.api, values={"size": 2})
    before = equipped.api.get(ADDONS).json()
    looking = equipped.another()
    looking.sign_in("rob")
    for path in (f"{at}/addons", f"{at}/addon/store", f"{at}/addon/store/remove", f"{at}/addon/store/change"):
        assert looking.get(path).status_code == 200, path
    for path in (f"{at}/catalogue/store", f"{at}/addon/store/upgrade?to=1.9.0"):
        assert 'class="alert bad"' in looking.get(path).text, path
    for path, fields in (
        (f"{at}/catalogue/store", {"do": "ask", "name": "other"}),
        (f"{at}/addon/store/change", {"do": "ask", "values.size": "3"}),
        (f"{at}/addon/store/upgrade", {"to": "1.9.0"}),
        (f"{at}/addon/store/remove", {"name": "store"}),
    ):
        assert looking.post(path, fields).status_code == 403, path
    assert equipped.api.get(ADDONS).json() == before


def test_an_add_on_of_another_project_is_as_absent_as_one_that_never_was(equipped: Browser, at: str) -> None:
    installed(equipped.api)
    stranger = equipped.another()
    stranger.sign_in("bea")
    mine = [
        (method, path)
        for method, path in routes(equipped)
        if "{cluster}" in path and ("addon" in path or "{entry}" in path)
    ]
    assert len(mine) > 10
    for method, path in mine:
        if "stream" in path:
            continue
        address = filled(path, at.rpartition("/")[2])
        answer = stranger.get(address) if method == "GET" else stranger.post(address, {"name": "store", "to": "1.9.0"})
        assert answer.status_code == 404, (method, path)
    assert equipped.get(f"{at}/addon/other").status_code == 404
    assert equipped.get(f"{at}/catalogue/other").status_code == 404


def test_what_a_cluster_and_its_values_say_is_text(equipped: Browser, at: str) -> None:
    installed(equipped.api, values={"hosts": [HOSTILE]})
    wrong = Condition("Healthy", "False", HOSTILE, HOSTILE, responsible="user", remedy=HOSTILE)
    item = Item("", HOSTILE, HOSTILE, HOSTILE, "v1", "x", "u")
    noted(equipped.api, ChosenStatus(ChosenPhase.BLOCKED, "1 d 1", HOSTILE, (wrong,), (item,), notes=HOSTILE))
    paths = ["addons", "addon/store", "addon/store/change", "addon/store/upgrade", "addon/store/remove"]
    typed = {"values.hosts": HOSTILE, "values.size": HOSTILE, "name": HOSTILE, "do": "ask"}
    pages = [equipped.get(f"{at}/{path}").text for path in paths] + [equipped.post(f"{at}/catalogue/store", typed).text]
    for page in pages:
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_without_a_catalogue_the_page_says_who_fills_it(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    assert "The catalogue is empty" in browser.get(f"/clusters/{made['id']}/addons").text


def test_where_charts_cannot_be_rendered_the_form_says_so(equipped: Browser, api: Api, at: str) -> None:
    plain = replace(browser_before(api))
    plain.sign_in()
    page = plain.get(f"{at}/catalogue/store")
    assert page.status_code == 200
    assert "this installation has no add-ons to choose" in page.text
    plain.client.close()
