"""Node groups, events and kubeconfigs."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from api_fixtures import API_URL, Api, errors, plenty
from cryptography import x509
from cryptography.x509.oid import NameOID
from some_values import NOON

from navarch.api.identity import Caller
from navarch.domain.status import Event

pytestmark = pytest.mark.postgres


def ready(api: Api, name: str = "shop") -> dict[str, Any]:
    """A cluster with keys and an address."""
    made = api.create(name)
    api.make_ready(made["id"])
    return made


def certificate(answer: Any) -> x509.Certificate:
    user = yaml.safe_load(answer.json()["kubeconfig"])["users"][0]["user"]
    return x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"]))


def names(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(a.value) for a in certificate.subject.get_attributes_for_oid(oid)]


def test_node_groups_are_resources(api: Api) -> None:
    ready(api)
    listed = api.get("/clusters/shop/node_groups").json()["node_groups"]
    assert [(g["name"], g["status"]) for g in listed] == [("default", {"desired": 2, "ready": 1})]
    answer = api.post("/clusters/shop/node_groups", {"name": "web", "spec": {"replicas": 1, "zones": ["z2"]}})
    assert answer.status_code == 202
    assert answer.headers["Location"].endswith("/node_groups/web")
    assert answer.json()["spec"]["flavor"] == "m1.small"
    assert api.post("/clusters/shop/node_groups", {"name": "web"}).status_code == 409
    scaled = api.patch("/clusters/shop/node_groups/web", {"spec": {"replicas": 5, "labels": {"tier": "web"}}})
    assert (scaled.status_code, scaled.headers["ETag"]) == (200, '"2"')
    assert (scaled.json()["spec"]["replicas"], scaled.json()["spec"]["labels"]) == (5, {"tier": "web"})
    assert api.get("/clusters/shop").json()["generation"] == 1
    unlabelled = api.patch("/clusters/shop/node_groups/web", {"spec": {"labels": {"tier": None}}})
    assert unlabelled.json()["spec"]["labels"] == {}
    gone = api.delete("/clusters/shop/node_groups/web")
    assert (gone.status_code, bool(gone.json()["deletion_requested_at"])) == (202, True)
    assert api.patch("/clusters/shop/node_groups/web", {"spec": {"replicas": 1}}).status_code == 409
    assert api.delete("/clusters/shop/node_groups/none").status_code == 404


def test_bad_node_groups_are_told_by_field(api: Api) -> None:
    api.create()
    spec = {
        "flavor": "m1.tiny", "replicas": 101, "zones": ["z9"], "labels": {"kubernetes.io/x": "y", "a b": "c"},
        "taints": [{"key": "k", "effect": "Never"}], "autoscaling": {"min": 1}, "root_volume": {"size": 1},
        "max_surge": 0, "flavr": "x",
    }  # fmt: skip
    found = errors(api.post("/clusters/shop/node_groups", {"name": "cp", "spec": spec}))
    assert set(found) == {
        "name", "spec.flavor", "spec.replicas", "spec.zones[0]", "spec.labels", "spec.taints[0].effect",
        "spec.autoscaling", "spec.root_volume", "spec.max_surge", "spec.flavr",
    }  # fmt: skip
    found = errors(api.patch("/clusters/shop/node_groups/default", {"name": "x", "spec": {"flavor": "c1.small"}}))
    assert set(found) == {"name", "spec.flavor"}


def test_growing_is_held_against_quota_and_network(api: Api) -> None:
    api.create(network={"node_cidr": "10.0.0.0/27"})
    api.store.write_quota("alpha", plenty(instances=98, ports=100))
    path = "/clusters/shop/node_groups/default"
    assert set(errors(api.patch(path, {"spec": {"replicas": 5}}))) == {"quota.instances", "quota.ports"}
    assert "room for 26" in errors(api.patch(path, {"spec": {"replicas": 60}}))["spec.replicas"]
    assert api.patch(path, {"spec": {"replicas": 0}}).status_code == 200
    plan = api.patch(f"{path}?dry_run=true", {"spec": {"replicas": 4}}).json()
    assert not plan["fits"]
    assert {n["resource"]: n["needed"] for n in plan["needs"]}["instances"] == 4


def test_if_match_guards_a_node_group(api: Api) -> None:
    api.create()
    path = "/clusters/shop/node_groups/default"
    assert api.patch(path, {"spec": {"replicas": 3}}, headers={"If-Match": '"1"'}).status_code == 200
    assert api.patch(path, {"spec": {"replicas": 4}}, headers={"If-Match": '"1"'}).status_code == 412
    assert api.delete(path, headers={"If-Match": '"1"'}).status_code == 412


def test_the_timeline_comes_in_pages(api: Api) -> None:
    made = api.create()
    (asked,) = api.get("/clusters/shop/events").json()["events"]
    for number in range(5):
        api.store.add_event(made["id"], Event(NOON, f"R{number}", "m", subject="s", seconds=1.5))
    reasons, url = [], f"/clusters/shop/events?limit=2&marker={asked['id']}"
    while url:
        page = api.get(url).json()
        reasons += [e["reason"] for e in page["events"]]
        url = page["next"]
    assert reasons == ["R0", "R1", "R2", "R3", "R4"]


def test_a_kubeconfig_is_issued_and_noted(api: Api) -> None:
    ready(api)
    before = datetime.now(UTC)
    answer = api.post("/clusters/shop/kubeconfigs", {})
    assert answer.status_code == 201
    document = yaml.safe_load(answer.json()["kubeconfig"])
    assert document["clusters"][0]["cluster"]["server"] == API_URL
    issued = certificate(answer)
    assert names(issued, NameOID.COMMON_NAME) == ["ann"]
    assert names(issued, NameOID.ORGANIZATION_NAME) == ["navarch:admins"]
    assert abs(issued.not_valid_after_utc - before - timedelta(hours=8)) < timedelta(minutes=1)
    assert datetime.fromisoformat(answer.json()["expires_at"]) == issued.not_valid_after_utc
    event = api.get("/clusters/shop/events").json()["events"][-1]
    assert event["reason"] == "KubeconfigIssued"
    assert answer.headers["x-openstack-request-id"] in event["message"]
    assert "ann-id" in event["message"]
    assert api.call("POST", "/clusters/shop/kubeconfigs").status_code == 201


@pytest.mark.parametrize(
    ("body", "groups"),
    [
        ({"role": "view", "ttl_seconds": 300}, ["navarch:viewers"]),
        ({"role": "edit"}, ["navarch:editors"]),
        ({"groups": ["team-a", "team-b"]}, ["team-a", "team-b"]),
    ],
)
def test_roles_and_groups_are_in_the_certificate(api: Api, body: dict[str, Any], groups: list[str]) -> None:
    ready(api)
    issued = certificate(api.post("/clusters/shop/kubeconfigs", body))
    assert sorted(names(issued, NameOID.ORGANIZATION_NAME)) == groups


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"role": "root"}, {"role"}),
        ({"ttl_seconds": 1}, {"ttl_seconds"}),
        ({"ttl_seconds": 99_999_999}, {"ttl_seconds"}),
        ({"role": "view", "groups": ["a"]}, {"groups"}),
        ({"groups": ["system:masters"]}, {"groups[0]"}),
        ({"groups": ["kubeadm:cluster-admins", ""]}, {"groups[0]", "groups[1]"}),
        ({"groups": ["x" * 65]}, {"groups[0]"}),
        ({"groups": [f"g{n}" for n in range(9)]}, {"groups"}),
        ({"user": "me"}, {"user"}),
    ],
)
def test_what_cannot_be_issued_is_told_by_field(api: Api, body: dict[str, Any], fields: set[str]) -> None:
    ready(api)
    answer = api.post("/clusters/shop/kubeconfigs", body)
    assert answer.status_code == 422
    assert set(errors(answer)) == fields


def test_before_a_cluster_has_an_address_there_is_no_kubeconfig(api: Api) -> None:
    api.create()
    assert api.post("/clusters/shop/kubeconfigs", {}).status_code == 409


@pytest.mark.parametrize("name", ["system:kube-controller-manager", "navarch", "x" * 70, "a\nb", "kubeadm:x"])
def test_nobody_poses_as_a_part_of_kubernetes(api: Api, name: str) -> None:
    ready(api)
    expires = datetime.now(UTC) + timedelta(hours=1)
    api.tokens.callers["odd"] = Caller("0123", name, "alpha", ("member",), expires)
    issued = certificate(api.as_("odd").post("/clusters/shop/kubeconfigs", {}))
    assert names(issued, NameOID.COMMON_NAME) == ["keystone:0123"]


def test_the_timeline_says_who_asked_for_what(api: Api) -> None:
    made = api.create()
    api.patch("/clusters/shop", {"spec": {"paused": True}})
    api.post("/clusters/shop/node_groups", {"name": "web"})
    answer = api.patch("/clusters/shop/node_groups/web", {"spec": {"replicas": 5}})
    api.patch("/clusters/shop/node_groups/web", {"spec": {"replicas": 5}})
    for path in ("/node_groups/web", "/node_groups/web", "", ""):
        api.delete(f"/clusters/{made['id']}{path}")
    events = api.get(f"/clusters/{made['id']}/events").json()["events"]
    assert [(e["reason"], e["subject"]) for e in events] == [
        ("ClusterRequested", "shop"), ("ChangeRequested", "shop"), ("NodeGroupRequested", "web"),
        ("NodeGroupChangeRequested", "web"), ("NodeGroupDeletionRequested", "web"), ("DeletionRequested", "shop"),
    ]  # fmt: skip
    assert "spec.paused false -> true" in events[1]["message"]
    request_id = answer.headers["x-openstack-request-id"]
    assert events[3]["message"] == f"ann asked for web spec.replicas 2 -> 5 ({request_id})"


def test_the_request_that_asked_last_is_the_clusters_for_the_log_and_for_openstack(api: Api) -> None:
    made = api.create("shop")
    stored = api.store.cluster(made["id"], project_id=None).cluster
    assert stored.request_id.startswith("req-")
    groups = "/clusters/shop/node_groups"
    for ask in (
        lambda: api.post(groups, {"name": "web", "spec": {"replicas": 1}}),
        lambda: api.patch(f"{groups}/web", {"spec": {"replicas": 2}}),
        lambda: api.delete(f"{groups}/web"),
        lambda: api.patch("/clusters/shop", {"labels": {"a": "b"}}),
        lambda: api.delete("/clusters/shop"),
    ):
        answer = ask()
        assert answer.status_code < 300, answer.text
        asked = answer.headers["x-openstack-request-id"]
        assert api.store.cluster(made["id"], project_id=None).cluster.request_id == asked
