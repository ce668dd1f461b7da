"""Kubeconfigs."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID
from tests.integration.api_fixtures import API_URL, Api, errors

from navarch.api.identity import Caller
from navarch.bootstrap.authorization import NAME as AUTHORIZER
from navarch.service import kubeconfigs

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


def test_a_kubeconfig_is_issued_and_noted(api: Api) -> None:
    ready(api)
    before = datetime.now(UTC)
    answer = api.post("/clusters/shop/kubeconfigs", {})
    assert answer.status_code == 201
    document = yaml.safe_load(answer.json()["kubeconfig"])
    assert document["clusters"][0]["cluster"]["server"] == API_URL
    issued = certificate(answer)
    assert names(issued, NameOID.COMMON_NAME) == ["ann"]
    assert names(issued, NameOID.ORGANIZATION_NAME) == [
        "navarch:admins",
        f"navarch:kubeconfig:{answer.json()['id']}",
    ]
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
    answer = api.post("/clusters/shop/kubeconfigs", body)
    its = f"navarch:kubeconfig:{answer.json()['id']}"
    assert set(names(certificate(answer), NameOID.ORGANIZATION_NAME)) == {*groups, its}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"role": "root"}, {"role"}),
        ({"ttl_seconds": 1}, {"ttl_seconds"}),
        ({"ttl_seconds": 86_401}, {"ttl_seconds"}),
        ({"role": "view", "groups": ["a"]}, {"groups"}),
        ({"groups": ["system:masters"]}, {"groups[0]"}),
        ({"groups": ["kubeadm:cluster-admins", ""]}, {"groups[0]", "groups[1]"}),
        ({"groups": ["navarch:kubeconfig:0123456789abcdef"]}, {"groups[0]"}),
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


@pytest.mark.parametrize(
    "name", ["system:kube-controller-manager", "navarch", "x" * 70, "a\nb", "kubeadm:x", AUTHORIZER]
)
def test_nobody_poses_as_a_part_of_kubernetes(api: Api, name: str) -> None:
    ready(api)
    expires = datetime.now(UTC) + timedelta(hours=1)
    api.tokens.callers["odd"] = Caller("0123", name, "alpha", ("member",), expires)
    issued = certificate(api.as_("odd").post("/clusters/shop/kubeconfigs", {}))
    assert names(issued, NameOID.COMMON_NAME) == ["keystone:0123"]


def listed(api: Api) -> list[dict[str, Any]]:
    return list(api.get("/clusters/shop/kubeconfigs").json()["kubeconfigs"])


def test_who_has_one_is_known_and_what_it_opens_is_kept_nowhere(api: Api) -> None:
    ready(api)
    issued = api.post("/clusters/shop/kubeconfigs", {"role": "view"}).json()
    (shown,) = listed(api)
    assert api.get(f"/clusters/shop/kubeconfigs/{issued['id']}").json() == shown
    known = (shown["id"], shown["user_id"], shown["user_name"], shown["groups"], shown["state"])
    assert known == (issued["id"], "ann-id", "ann", ["navarch:viewers"], "active")
    assert shown["expires_at"] == issued["expires_at"]
    assert "kubeconfig" not in shown


def test_one_is_revoked_told_and_handed_to_the_workers(api: Api) -> None:
    made = ready(api)
    first, second = (api.post("/clusters/shop/kubeconfigs", {}).json()["id"] for _ in range(2))
    path = f"/clusters/shop/kubeconfigs/{first}"
    assert api.delete(f"{path}?dry_run=true").json()["state"] == "revoking"
    assert [k["state"] for k in listed(api)] == ["active", "active"]
    answer = api.delete(path)
    assert (answer.status_code, answer.json()["state"], answer.json()["revoked_by"]) == (202, "revoking", "ann-id")
    event = api.get("/clusters/shop/events").json()["events"][-1]
    assert event["reason"] == "KubeconfigRevoked"
    assert first in event["message"] and answer.headers["x-openstack-request-id"] in event["message"]
    # Again: nothing more is told.
    assert api.delete(path).json() == answer.json()
    assert api.get("/clusters/shop/events").json()["events"][-1] == event
    claim = api.store.claim("w", lease=60)  # it is due at once
    assert claim is not None and (claim.cluster.id, claim.revoked) == (made["id"], (first,))
    assert claim.revoking == (first,)
    api.store.note_refused(made["id"], claim.token, claim.revoked, datetime.now(UTC))
    assert {k["id"]: k["state"] for k in listed(api)} == {first: "revoked", second: "active"}


def test_what_has_ended_needs_no_revoking(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(api)
    its = api.post("/clusters/shop/kubeconfigs", {"ttl_seconds": 300}).json()["id"]
    api.delete(f"/clusters/shop/kubeconfigs/{its}")
    later = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr("navarch.service.access.Service.now", lambda service: later)
    assert listed(api) == []
    for method in ("GET", "DELETE"):
        assert api.call(method, f"/clusters/shop/kubeconfigs/{its}").status_code == 404


def test_a_cluster_has_so_many_and_no_more(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    ready(api)
    monkeypatch.setattr(kubeconfigs, "_MOST_OF_A_CLUSTER", 2)
    statuses = [api.post("/clusters/shop/kubeconfigs", {}).status_code for _ in range(3)]
    assert statuses == [201, 201, 422]
