"""Add-ons that a new cluster begins with, as the API takes them."""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.integration.api_fixtures import OFFER, SEALER, Api, MakeApi, errors, plenty
from tests.integration.catalogue_fixtures import Unchanging, add_entry

from navarch.bootstrap.vault import open_values
from navarch.charts.rendering import Circumstances, Rendered, Unrenderable
from navarch.store.contract import IdempotencyMismatch

pytestmark = pytest.mark.postgres


class Loud(Unchanging):
    """Fails with a `size` of 13, and does something of its own (`meanwhile`) as it renders."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] = lambda: None
        self.versions: list[str] = []

    def render(
        self, chart: bytes, values: Mapping[str, Any], circumstances: Circumstances, *, owner: str = ""
    ) -> Rendered:
        self.meanwhile()
        self.versions.append(circumstances.kubernetes)
        if values.get("size") == 13:
            raise Unrenderable(("thirteen is refused by the chart",))
        return super().render(chart, values, circumstances, owner=owner)


@pytest.fixture
def renderer() -> Loud:
    return Loud()


@pytest.fixture
def offering(make_api: MakeApi, renderer: Loud) -> Api:
    """A catalogue with two versions of `store`, one of them for a Kubernetes that is to come, and one of `web`."""
    api = make_api(renderer=renderer)
    api.store.write_offer(OFFER)
    api.store.write_quota("alpha", plenty())
    for version, kubernetes in (("1.9.0", ">=1.30.0-0"), ("1.10.0", ">=1.30.0-0"), ("2.0.0", ">=1.99.0-0")):
        add_entry(api.store, "store", version, kubernetes)
    add_entry(api.store, "web", "3.0.0")
    return api


def asking(*addons: Any, **spec: Any) -> dict[str, Any]:
    return {"name": "shop", "spec": {"addons": list(addons), **spec}}


def test_they_are_written_with_the_cluster_and_are_resources_as_any_other(offering: Api, renderer: Loud) -> None:
    answer = offering.post(
        "/clusters",
        asking(
            {"entry": "store"},
            {"entry": "store", "name": "old", "version": "1.9.0", "namespace": "shop", "values": {"size": 2}},
            {"entry": "web"},
            kubernetes_version="1.36.9",
        ),
    )
    assert answer.status_code == 202, answer.text
    assert set(renderer.versions) == {"1.36.9"}
    found = offering.get("/clusters/shop/addons").json()["addons"]
    assert [(a["name"], a["version"], a["namespace"], a["values"], a["generation"]) for a in found] == [
        ("old", "1.9.0", "shop", {"size": 2}, 1),
        ("store", "1.10.0", "store", {}, 1),
        ("web", "3.0.0", "web", {}, 1),
    ]
    assert {a["status"]["phase"] for a in found} == {"Waiting"}
    assert offering.patch("/clusters/shop/addons/old", {"version": "1.10.0"}).status_code == 200
    assert offering.delete("/clusters/shop/addons/web").status_code == 202
    told = [e["message"] for e in offering.get("/clusters/shop/events").json()["events"]]
    assert any("asked for add-on store 1.10.0" in message for message in told)
    claim = offering.claim(answer.json()["id"])
    assert {wish.name for wish in offering.store.chosen(claim.cluster.id)} == {"old", "store", "web"}


def test_a_cluster_that_names_none_has_none(offering: Api) -> None:
    for name, spec in (("a", {}), ("b", {"addons": None}), ("c", {"addons": []})):
        assert offering.post("/clusters", {"name": name, "spec": spec}).status_code == 202
        assert offering.get(f"/clusters/{name}/addons").json()["addons"] == []


def test_every_problem_of_every_one_is_told_at_its_path_with_those_of_the_cluster(offering: Api) -> None:
    answer = offering.post(
        "/clusters",
        asking(
            {"entry": "other"},
            {"entry": "store", "name": "Bad", "version": "2.0.0"},
            {"entry": "store", "namespace": "kube-system", "values": {"size": "x"}, "colour": 1},
            {"entry": "web", "name": "store", "values": {"size": 13}},
            {"entry": 5},
            {},
            control_plane={"replicas": 2},
        ),
    )
    assert answer.status_code == 422
    said = errors(answer)
    assert set(said) == {
        "spec.addons[0].entry", "spec.addons[1].name", "spec.addons[1].version", "spec.addons[2].namespace",
        "spec.addons[2].values.size", "spec.addons[2].colour", "spec.addons[3].name", "spec.addons[3].values",
        "spec.addons[4].entry", "spec.addons[5].entry", "spec.control_plane.replicas",
    }  # fmt: skip
    assert said["spec.addons[0].entry"] == "'other' is not in the catalogue; known: store, web"
    assert said["spec.addons[1].version"] == "is for Kubernetes >=1.99.0-0, and the cluster has 1.37.2"
    assert said["spec.addons[3].name"] == "'store' is used twice"
    assert "thirteen" in said["spec.addons[3].values"]
    assert offering.get("/clusters").json()["clusters"] == []


def test_without_a_version_of_kubernetes_what_does_not_need_one_is_judged_all_the_same(offering: Api) -> None:
    wish = asking({"entry": "store", "values": {"size": "x"}}, {"entry": "web"}, kubernetes_version="1.2")
    assert set(errors(offering.post("/clusters", wish))) == {"spec.kubernetes_version", "spec.addons[0].values.size"}


@pytest.mark.parametrize("bad", ["store", {"store": {}}, [["store"]], ["store"], 5])
def test_what_is_no_list_of_add_ons_is_refused(offering: Api, bad: Any) -> None:
    answer = offering.post("/clusters", {"name": "shop", "spec": {"addons": bad}})
    assert answer.status_code == 422
    assert all(field.startswith("spec.addons") for field in errors(answer))


def test_more_than_can_be_rendered_for_one_request_are_refused(offering: Api, renderer: Loud) -> None:
    answer = offering.post("/clusters", asking(*({"entry": "web", "name": f"w{n}"} for n in range(21))))
    assert errors(answer) == {"spec.addons": "must be at most 20, got 21"}
    assert len(renderer.versions) == 20


def test_a_dry_run_tells_what_is_chosen_and_what_comes_and_writes_nothing(offering: Api) -> None:
    wish = asking({"entry": "store", "values": {"password": "hunter2", "size": 2}})
    answer = offering.post("/clusters?dry_run=true", wish)
    assert answer.status_code == 200
    assert answer.json()["addons"] == [
        {
            "name": "store",
            "title": "Store",
            "entry": "store",
            "version": "1.10.0",
            "namespace": "store",
            "values": {"password": "(sealed)", "size": 2},
            "differences": [
                {"object": "ConfigMap store", "field": "", "before": None, "after": "present"},
                {"object": "Secret store", "field": "", "before": None, "after": "present"},
            ],
            "looked_up": [],
            "notes": "",
        }
    ]
    assert "hunter2" not in answer.text
    assert offering.get("/clusters").json()["clusters"] == []
    assert set(errors(offering.post("/clusters?dry_run=true", asking({"entry": "x"})))) == {"spec.addons[0].entry"}


def test_what_is_secret_is_sealed_and_nothing_that_is_kept_tells_it(offering: Api) -> None:
    wish = asking({"entry": "store", "values": {"password": "hunter2"}})
    answer = offering.post("/clusters", wish, headers={"Idempotency-Key": "k"})
    cluster = answer.json()["id"]
    sealed = offering.store.values(cluster, "store")
    assert sealed is not None
    assert b"hunter2" not in sealed
    assert open_values(SEALER, cluster, "store", sealed) == {"password": "hunter2"}
    shown = "".join(offering.get(f"/clusters/shop{path}").text for path in ("", "/addons", "/events"))
    assert "hunter2" not in answer.text + shown
    plain = sha256(json.dumps(wish, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    with pytest.raises(IdempotencyMismatch):  # by a plain digest of the request, a short password could be guessed
        offering.store.made_with_key("alpha", "k", plain)


def test_the_same_request_once_more_is_the_same_cluster_and_another_password_another_request(offering: Api) -> None:
    key = {"Idempotency-Key": "k"}
    wish = asking({"entry": "store", "values": {"password": "a"}})
    first, second = (offering.post("/clusters", wish, headers=key) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert len(offering.get("/clusters/shop/addons").json()["addons"]) == 1
    other = offering.post("/clusters", asking({"entry": "store", "values": {"password": "b"}}), headers=key)
    assert other.json()["type"].endswith("idempotency-mismatch")


def test_an_entry_that_goes_after_all_was_admitted_leaves_no_cluster_behind(offering: Api, renderer: Loud) -> None:
    def taken_out() -> None:
        offering.store.remove_entry("web", "3.0.0")

    renderer.meanwhile = taken_out
    answer = offering.post("/clusters", asking({"entry": "web"}))
    assert answer.status_code == 422
    assert "web 3.0.0" in errors(answer)["spec.addons"]
    assert offering.get("/clusters").json()["clusters"] == []
    assert offering.post("/clusters", {"name": "shop"}).status_code == 202


def test_who_may_not_write_add_ons_may_ask_for_a_cluster_without(make_api: MakeApi, tmp_path: Path) -> None:
    rules = tmp_path / "policy.yaml"
    rules.write_text('"navarch:addons:write": "role:admin"\n')
    api = make_api(renderer=Unchanging(), policy_file=str(rules))
    api.store.write_offer(OFFER)
    api.store.write_quota("alpha", plenty())
    add_entry(api.store, "web", "3.0.0")
    refused = api.post("/clusters", asking({"entry": "web"}))
    assert refused.status_code == 403
    assert "addons:write" in refused.text
    assert api.post("/clusters?dry_run=true", asking({"entry": "web"})).status_code == 403
    assert api.post("/clusters", {"name": "shop"}).status_code == 202


def test_where_none_can_be_chosen_that_is_told_at_the_field(api: Api) -> None:
    add_entry(api.store, "web", "3.0.0")
    answer = api.post("/clusters", asking({"entry": "web"}))
    assert answer.status_code == 422
    assert "no add-ons to choose" in errors(answer)["spec.addons"]


def test_a_change_of_a_cluster_names_none(offering: Api) -> None:
    offering.create()
    answer = offering.patch("/clusters/shop", {"spec": {"addons": [{"entry": "web"}]}})
    assert errors(answer) == {"spec.addons": "are changed at /kaas/v1/clusters/{id}/addons/{name}"}


def test_a_cluster_goes_with_those_that_it_began_with(offering: Api) -> None:
    cluster = offering.post("/clusters", asking({"entry": "web"})).json()["id"]
    assert offering.delete("/clusters/shop").status_code == 202
    offering.store.forget(cluster, offering.claim(cluster).token)
    assert offering.store.values(cluster, "web") is None


def test_what_they_take_of_the_quotas_is_in_the_plan_and_must_be_there(offering: Api) -> None:
    def needed(*addons: Any) -> dict[str, int]:
        answer = offering.post("/clusters?dry_run=true", asking(*addons))
        assert answer.status_code == 200, answer.text
        return {need["resource"]: need["needed"] for need in answer.json()["needs"]}

    large = {"entry": "store", "values": {"disk": "15Gi", "balancer": True}}
    alone, beside = needed(), needed(large, {"entry": "web", "values": {"disk": "500Mi"}})
    more = {resource: count - alone[resource] for resource, count in beside.items() if count != alone[resource]}
    assert more == {"volumes": 2, "gigabytes": 16, "load_balancers": 1, "floating_ips": 1, "ports": 1}

    offering.store.write_quota("alpha", plenty(volumes=100 - alone["volumes"]))
    refused = offering.post("/clusters", asking(large))
    assert refused.status_code == 422, refused.text
    assert set(errors(refused)) == {"quota.volumes"}
    assert offering.post("/clusters", asking({"entry": "store"})).status_code == 202


def test_one_that_is_no_object_hides_nothing_of_the_others(offering: Api) -> None:
    answer = offering.post("/clusters", asking({"entry": "nowhere"}, "web", {"entry": "web", "size": 1}, None, 7))
    assert answer.status_code == 422
    found = errors(answer)
    assert set(found) == {
        "spec.addons[0].entry",
        "spec.addons[1]",
        "spec.addons[2].size",
        "spec.addons[3]",
        "spec.addons[4]",
    }
    assert found["spec.addons[1]"] == "must be an object, got the text 'web'"
