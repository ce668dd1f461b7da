"""Add-ons of a cluster, as the API takes and shows them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.integration.api_fixtures import OFFER, SEALER, Api, MakeApi, errors, plenty
from tests.integration.catalogue_fixtures import ICON, Unchanging, add_entry

from navarch import __version__
from navarch.addons.catalogue import names
from navarch.bootstrap.vault import open_values
from navarch.domain.catalogue import Beside, Item
from navarch.domain.chosen import ChosenPhase, ChosenStatus, TrialRun
from navarch.domain.required import RequiredAddon
from navarch.domain.status import Status
from navarch.store.contract import NameTaken, TooMany

pytestmark = pytest.mark.postgres

ADDONS = "/clusters/shop/addons"


@pytest.fixture
def shop(make_api: MakeApi) -> Api:
    """A cluster, and a catalogue with two versions of an entry and one for a Kubernetes that is to come."""
    api = make_api(renderer=Unchanging())
    api.store.write_offer(OFFER)
    api.store.write_quota("alpha", plenty())
    for version, kubernetes in (("1.9.0", ">=1.30.0-0"), ("1.10.0", ">=1.30.0-0"), ("2.0.0", ">=1.99.0-0")):
        add_entry(api.store, "store", version, kubernetes)
    api.create()
    return api


def installed(api: Api, **body: Any) -> dict[str, Any]:
    answer = api.post(ADDONS, {"entry": "store", **body})
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def test_a_name_is_enough_and_the_newest_version_that_fits_is_taken(shop: Api) -> None:
    made = installed(shop)
    assert (made["name"], made["version"], made["namespace"]) == ("store", "1.10.0", "store")
    assert (made["upgrade"], made["status"]["phase"]) == (None, "Waiting")
    assert [a["name"] for a in shop.get(ADDONS).json()["addons"]] == ["store"]


def test_everything_that_is_wrong_is_told_at_once(shop: Api) -> None:
    answer = shop.post(
        ADDONS, {"entry": "store", "name": "Bad", "version": "3.0.0", "namespace": "kube-system", "x": 1}
    )
    assert answer.status_code == 422
    assert set(errors(answer)) == {"name", "version", "x"}
    assert errors(answer)["version"] == "'3.0.0' is not in the catalogue; known: 2.0.0, 1.10.0, 1.9.0"
    late = shop.post(ADDONS, {"entry": "store", "version": "2.0.0"})
    assert errors(late)["version"] == "is for Kubernetes >=1.99.0-0, and the cluster has 1.37.2"
    assert "known: store" in errors(shop.post(ADDONS, {"entry": "other"}))["entry"]
    assert set(errors(shop.post(ADDONS, {"entry": "store", "namespace": "kube-system"}))) == {"namespace"}
    assert set(errors(shop.post(ADDONS, {"entry": "store", "values": {"size": "x"}}))) == {"values.size"}
    assert shop.get(ADDONS).json()["addons"] == []


def test_what_is_secret_is_kept_sealed_and_never_shown(shop: Api) -> None:
    made = installed(shop, values={"password": "hunter2", "size": 2})
    assert made["values"] == {"password": "(sealed)", "size": 2}
    assert "hunter2" not in shop.get(ADDONS).text
    cluster = shop.get("/clusters/shop").json()["id"]
    sealed = shop.store.values(cluster, "store")
    assert sealed is not None
    assert b"hunter2" not in sealed
    assert open_values(SEALER, cluster, "store", sealed) == {"password": "hunter2", "size": 2}
    back = shop.patch(f"{ADDONS}/store", {"values": made["values"]})
    assert set(errors(back)) == {"values"}
    plan = shop.patch(f"{ADDONS}/store?dry_run=true", {"values": {"password": "other"}}).json()
    assert plan["differences"] == [
        {"object": "Secret store", "field": "stringData.password", "before": "(sealed)", "after": "(sealed)"}
    ]


def test_a_secret_that_does_not_fit_is_in_no_answer(shop: Api) -> None:
    secret = "unfit-hunter2"
    answer = shop.post(ADDONS, {"entry": "store", "values": {"password": secret}})
    assert answer.status_code == 422
    assert {e["field"] for e in answer.json()["errors"]} == {"values.password", "values"}
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("word", ["y", "no", "true", "null"])
def test_a_name_may_be_a_word_that_means_something_to_yaml(shop: Api, word: str) -> None:
    made = installed(shop, name=word, namespace=word)
    assert (made["name"], made["namespace"]) == (word, word)


def test_a_namespace_may_be_a_number(shop: Api) -> None:
    assert installed(shop, namespace="123")["namespace"] == "123"


def test_what_defines_kinds_is_in_a_cluster_once(shop: Api) -> None:
    add_entry(shop.store, "boats", "1.0.0")
    assert shop.post(ADDONS, {"entry": "boats"}).status_code == 202
    twice = shop.post(ADDONS, {"entry": "boats", "name": "other", "namespace": "other"})
    assert errors(twice) == {"entry": "boats defines boats.example.org already, which a cluster has once"}
    both = [{"entry": "boats"}, {"entry": "store"}, {"entry": "boats", "name": "other"}]
    new = shop.post("/clusters", {"name": "two", "spec": {"addons": both}})
    assert set(errors(new)) == {"spec.addons[2].entry"}


def test_values_are_bounded_in_all_and_not_only_a_request(shop: Api) -> None:
    installed(shop, entry="store", values={"a": "x" * 200_000})
    answer = shop.patch(f"{ADDONS}/store", {"values": {"b": "x" * 100_000}})
    assert answer.status_code == 422
    assert "at most 256 KiB in all" in answer.text


def test_a_patch_merges_values_and_null_is_the_default_again(shop: Api) -> None:
    installed(shop, values={"password": "p", "size": 2})
    changed = shop.patch(f"{ADDONS}/store", {"values": {"size": None}})
    assert changed.json()["values"] == {"password": "(sealed)"}
    assert changed.headers["ETag"] == '"2"'
    assert shop.patch(f"{ADDONS}/store", {"values": {}}, headers={"If-Match": '"1"'}).status_code == 412
    assert shop.patch(f"{ADDONS}/store", {"values": None}).json()["values"] == {}


def test_an_upgrade_is_offered_and_its_dry_run_says_what_changes(shop: Api) -> None:
    assert installed(shop, version="1.9.0")["upgrade"] == "1.10.0"
    plan = shop.patch(f"{ADDONS}/store?dry_run=true", {"version": "1.10.0"}).json()
    assert plan["differences"] == [
        {"object": "ConfigMap store", "field": "data.chart", "before": "store 1.9.0", "after": "store 1.10.0"}
    ]
    assert shop.get(f"{ADDONS}/store").json()["version"] == "1.9.0"
    assert shop.patch(f"{ADDONS}/store", {"version": "1.10.0"}).json()["upgrade"] is None


def test_a_dry_run_of_an_installation_names_its_objects_and_writes_nothing(shop: Api) -> None:
    plan = shop.post(f"{ADDONS}?dry_run=true", {"entry": "store"}).json()
    assert [(d["object"], d["before"], d["after"]) for d in plan["differences"]] == [
        ("ConfigMap store", None, "present"),
        ("Secret store", None, "present"),
    ]
    assert shop.get(ADDONS).json()["addons"] == []


def test_a_removal_says_what_stays_and_what_a_worker_noted_is_shown(shop: Api) -> None:
    installed(shop)
    cluster = shop.get("/clusters/shop").json()["id"]
    claim = shop.claim(cluster)
    items = (
        Item("", "PersistentVolumeClaim", "store", "data", "v1", "persistentvolumeclaims", "u1"),
        Item("", "ConfigMap", "store", "store", "v1", "configmaps", "u2"),
    )
    status = ChosenStatus(ChosenPhase.READY, applied="1 d 1.37.2", applied_version="1.10.0", items=items)
    shop.store.note_chosen(cluster, claim.token, "store", status)
    shown = shop.get(f"{ADDONS}/store").json()["status"]
    assert {o["kind"]: o["stays"] for o in shown["objects"]} == {"PersistentVolumeClaim": True, "ConfigMap": False}
    gone = shop.delete(f"{ADDONS}/store?with=data")
    assert gone.status_code == 202
    assert not any(o["stays"] for o in gone.json()["status"]["objects"])
    assert shop.patch(f"{ADDONS}/store", {"values": {}}).status_code == 409
    shop.store.forget_chosen(cluster, claim.token, "store")
    assert shop.get(f"{ADDONS}/store").status_code == 404
    assert shop.store.values(cluster, "store") is None


def test_a_version_that_clusters_have_stays_what_it_is(shop: Api) -> None:
    installed(shop)
    with pytest.raises(TooMany, match=r"clusters that have store 1\.10\.0: 1"):
        shop.store.remove_entry("store", "1.10.0")
    shop.store.remove_entry("store", "1.9.0")
    entry = next(e for e in shop.store.entries() if e.card.version == "1.10.0")
    assert not shop.store.add_entry(entry, b"store 1.10.0")
    with pytest.raises(NameTaken):
        shop.store.add_entry(type(entry)(entry.card, entry.schema, "another"), b"other")


def test_a_cluster_goes_with_its_add_ons(shop: Api) -> None:
    installed(shop, values={"size": 2})
    cluster = shop.get("/clusters/shop").json()["id"]
    shop.store.request_deletion(cluster, at=datetime.now(UTC), keep_volumes=False)
    shop.store.forget(cluster, shop.claim(cluster).token)
    assert shop.store.values(cluster, "store") is None


def test_without_a_renderer_none_can_be_chosen(api: Api) -> None:
    add_entry(api.store, "store", "1.0.0")
    api.create()
    refused = api.post(ADDONS, {"entry": "store"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:navarch:problem:no-add-ons")


def test_the_catalogue_shows_newest_versions_first_and_the_schema(shop: Api) -> None:
    (entry,) = [e for e in shop.get("/addons").json()["entries"] if not e["required"]]
    assert [v["version"] for v in entry["versions"]] == ["2.0.0", "1.10.0", "1.9.0"]
    assert shop.get("/addons/store").json()["values_schema"]["properties"]["password"]["writeOnly"] is True
    assert shop.get("/addons/other").status_code == 404


def test_an_entry_is_shown_in_the_version_that_is_asked_for_with_readme_and_schema(shop: Api) -> None:
    wide = {"type": "object", "properties": {"wide": {"type": "boolean"}}}
    add_entry(shop.store, "store", "1.11.0", schema=wide, files={"README.md": "# Store\n", "icon.svg": ICON})
    newest = shop.get("/addons/store").json()
    assert (newest["version"], newest["readme"], newest["icon"]) == ("2.0.0", "", None)
    assert [v["version"] for v in newest["versions"]] == ["2.0.0", "1.11.0", "1.10.0", "1.9.0"]
    its = shop.get("/addons/store", params={"version": "1.11.0"}).json()
    assert (its["version"], its["readme"], its["values_schema"]) == ("1.11.0", "# Store\n", wide)
    assert its["icon"] == "/kaas/v1/addons/store/icon?version=1.11.0"
    assert its["versions"] == newest["versions"]
    fits = shop.get("/addons/store", params={"kubernetes": "1.37.2"}).json()
    assert fits["version"] == "1.11.0", "2.0.0 is for a Kubernetes that is to come"
    assert shop.get("/addons/store", params={"kubernetes": "1.2"}).json()["version"] == "2.0.0", "none is for it"
    assert shop.get("/addons/store", params={"kubernetes": "newest"}).status_code == 400
    assert shop.get("/addons/store", params={"version": "3.0.0"}).status_code == 404


def test_an_icon_is_an_image_in_which_nothing_can_run(shop: Api) -> None:
    bad = ICON.replace("<path", '<path onload="alert(1)"')
    add_entry(shop.store, "store", "1.11.0", files={"icon.svg": ICON})
    add_entry(shop.store, "store", "1.12.0", files={"icon.svg": bad})  # as by a release that did not look
    its = shop.get("/addons/store", params={"version": "1.11.0"}).json()
    answer = shop.client.get(its["icon"], headers={"X-Auth-Token": "ann"})
    assert (answer.status_code, answer.text) == (200, ICON)
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert policy.endswith("sandbox")
    assert shop.get("/addons/store/icon", params={"version": "1.12.0"}).status_code == 404
    assert shop.get("/addons/store/icon", params={"version": "1.10.0"}).status_code == 404, "it has none"
    assert shop.get("/addons/other/icon").status_code == 404


def test_what_every_cluster_has_stands_beside_it_and_keeps_its_names(shop: Api) -> None:
    assert shop.get(ADDONS).json()["required"] == []
    here = shop.get("/clusters/shop").json()["id"]
    claim = shop.claim(here)
    dns = RequiredAddon("coredns", ChosenPhase.DEGRADED, "1.14.7", "coredns: 1 of 2 replicas available")
    later = RequiredAddon("later", ChosenPhase.READY)
    shop.store.record(here, claim.token, Status(required=(dns, later)), look_again_after=3600)
    unknown = {"title": "later", "description": "", "category": "", "licence": ""}
    assert shop.get(ADDONS).json() == {
        "addons": [],
        "required": [
            {
                "name": "coredns",
                "title": "CoreDNS",
                "description": "Names inside the cluster.",
                "category": "networking",
                "licence": "Apache-2.0",
                "phase": "Degraded",
                "version": "1.14.7",
                "message": "coredns: 1 of 2 replicas available",
            },
            {"name": "later", "phase": "Ready", "version": "", "message": ""} | unknown,
        ],
    }
    answer = shop.post(ADDONS, {"entry": "store", "name": "coredns"})
    assert answer.status_code == 422
    assert errors(answer) == {"name": "coredns is an add-on that every cluster has; take another"}
    assert shop.post(ADDONS, {"entry": "store", "name": "mine"}).status_code == 202


REFUSED = "every cluster has it, with its node image: it is neither chosen, changed nor removed"


def test_the_catalogue_has_what_every_cluster_has_and_marks_it(shop: Api) -> None:
    entries = {entry["name"]: entry for entry in shop.get("/addons").json()["entries"]}
    assert list(entries) == sorted([*names(), "store"])
    assert {name for name, entry in entries.items() if entry["required"]} == set(names())
    dns = shop.get("/addons/coredns").json()
    assert (dns["title"], dns["category"], dns["licence"]) == ("CoreDNS", "networking", "Apache-2.0")
    assert dns["images"] == [{"reference": "registry.navarch.internal/coredns", "digest": ""}]
    assert [version["version"] for version in dns["versions"]] == [__version__]


@pytest.mark.parametrize("dry_run", ["", "?dry_run=true"])
def test_what_every_cluster_has_is_not_chosen(shop: Api, dry_run: str) -> None:
    for name in names():
        answer = shop.post(f"{ADDONS}{dry_run}", {"entry": name})
        assert (answer.status_code, errors(answer)) == (422, {"entry": REFUSED})


def test_what_every_cluster_has_is_neither_changed_nor_removed(shop: Api) -> None:
    path = f"{ADDONS}/coredns"
    answers = (shop.get(path), shop.patch(path, {"values": {}}), shop.delete(path), shop.post(f"{path}/test", {}))
    for answer in answers:
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:navarch:problem:required-add-on")
        assert answer.json()["detail"] == f"add-on coredns: {REFUSED}"


def test_a_stored_entry_of_such_a_name_is_hidden(shop: Api) -> None:
    add_entry(shop.store, "coredns", "9.0.0")
    assert shop.get("/addons/coredns").json()["required"] is True
    assert errors(shop.post(ADDONS, {"entry": "coredns", "name": "mine"})) == {"entry": REFUSED}


def applied(api: Api, token: int = 0, **fields: Any) -> int:
    """A worker says so; gives the token of its lease."""
    cluster = api.get("/clusters/shop").json()["id"]
    token = token or api.claim(cluster).token
    status = ChosenStatus(ChosenPhase.READY, applied="1 d 1.37.2", applied_version="1.10.0", **fields)
    api.store.note_chosen(cluster, token, "store", status)
    return token


def test_what_hangs_on_an_add_on_is_shown_as_it_was_counted(shop: Api) -> None:
    installed(shop)
    token = applied(shop)
    assert shop.get(f"{ADDONS}/store").json()["status"]["beside"] is None
    claim = Item("", "PersistentVolumeClaim", "store", "data-db-0", "v1", "persistentvolumeclaims", uid="u")
    at = datetime(2026, 11, 30, tzinfo=UTC)
    applied(shop, token, beside=Beside((claim,), (("boats.example.org", 12),), at))
    assert shop.get(f"{ADDONS}/store").json()["status"]["beside"] == {
        "claims": [{"kind": "PersistentVolumeClaim", "namespace": "store", "name": "data-db-0", "stays": True}],
        "objects": [{"kind": "boats.example.org", "count": 12}],
        "at": "2026-11-30T00:00:00Z",
    }
    assert shop.delete(f"{ADDONS}/store?with=data").json()["status"]["beside"]["claims"][0]["stays"] is False


def test_tests_are_asked_for_once_the_add_on_is_applied_and_again(shop: Api) -> None:
    installed(shop)
    path = f"{ADDONS}/store/test"
    assert shop.post(path, {}).json()["type"] == "urn:navarch:problem:not-applied"
    token = applied(shop)
    assert shop.post(path, {}).json()["type"] == "urn:navarch:problem:no-tests"
    applied(shop, token, tests=("ServiceAccount tester", "Pod speaks"))
    plan = shop.post(f"{path}?dry_run=true", {})
    assert (plan.status_code, plan.json()["hooks"]) == (200, ["ServiceAccount tester", "Pod speaks"])
    assert shop.get(f"{ADDONS}/store").json()["test_requested_at"] is None
    first = shop.post(path, {})
    assert (first.status_code, first.json()["generation"]) == (202, 1), "the wish is what it was"
    assert first.json()["test_requested_at"] is not None
    assert plan.json()["asked_at"] is None

    asked = shop.store.chosen(shop.get("/clusters/shop").json()["id"])[0].test_requested_at
    assert asked is not None
    for run in (None, TrialRun(asked, None, "hook Pod speaks is started")):
        applied(shop, token, tests=("Pod speaks",), test=run)
        again = shop.post(path, {})
        assert (again.status_code, again.json()["test_requested_at"]) == (202, first.json()["test_requested_at"])
        assert shop.post(f"{path}?dry_run=true", {}).json()["asked_at"] == first.json()["test_requested_at"]
    applied(shop, token, tests=("Pod speaks",), test=TrialRun(asked, False, "hook Pod speaks failed"))
    assert shop.post(path, {}).json()["test_requested_at"] > first.json()["test_requested_at"], "they have ended"
    assert shop.delete(f"{ADDONS}/store").status_code == 202
    assert shop.post(path, {}).status_code == 409


def test_a_removal_that_hangs_in_a_hook_can_be_asked_to_go_on_without(shop: Api) -> None:
    installed(shop)
    cluster = shop.get("/clusters/shop").json()["id"]
    applied(shop, removal_hooks=("Job drain",))
    assert shop.get(f"{ADDONS}/store").json()["status"]["removal_hooks"] == ["Job drain"]

    def wish() -> tuple[bool, bool, int]:
        (one,) = shop.store.chosen(cluster)
        return one.with_data, one.no_hooks, one.generation

    asked = shop.delete(f"{ADDONS}/store?with=data").json()["deletion_requested_at"]
    assert wish() == (True, False, 2)
    assert shop.delete(f"{ADDONS}/store").json()["deletion_requested_at"] == asked
    assert wish() == (True, False, 2), "asking again changes nothing"
    assert shop.delete(f"{ADDONS}/store?no_hooks=true").json()["deletion_requested_at"] == asked
    assert wish() == (True, True, 3), "but that hooks are left out"
    told = [e["message"] for e in shop.get("/clusters/shop/events").json()["events"]]
    assert sum("asked to remove add-on store without its hooks" in message for message in told) == 1
