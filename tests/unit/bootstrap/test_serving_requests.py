"""Requests for kubelet serving certificates: the genuine one, and those of nodes that want to be another."""

from dataclasses import replace

import pytest
from tests.unit.bootstrap.joining import NODE, control_plane, request, worker

from navarch.bootstrap.serving import objection

MACHINES = (control_plane(0), worker(1), worker(2))
GROUPS = ("system:nodes", "system:authenticated")
USAGES = ("digital signature", "server auth")


def judged(text: str, **changes: object) -> str | None:
    who: dict[str, object] = {"requestor": NODE, "groups": GROUPS, "usages": USAGES}
    values = who | {"machines": MACHINES, "addresses": {}}
    return objection(text, **(values | changes))  # type: ignore[arg-type]


def test_a_kubelet_gets_a_certificate_for_its_own_name_and_address() -> None:
    assert judged(request()) is None
    assert judged(request(names=())) is None


def test_nobody_gets_one_for_another_nodes_address() -> None:
    assert judged(request(addresses=("10.0.0.22",))) == "10.0.0.22 does not belong to shop-3f2a91bc-web-1"


def test_an_address_that_its_owner_gave_the_machine_is_its_own() -> None:
    asked = request(addresses=("10.0.0.21", "198.51.100.77"))
    assert judged(asked) == "198.51.100.77 does not belong to shop-3f2a91bc-web-1"
    assert judged(asked, addresses={"shop-3f2a91bc-web-1": ("198.51.100.77",)}) is None
    assert judged(asked, addresses={"shop-3f2a91bc-web-2": ("198.51.100.77",)}) is not None


def test_nobody_gets_one_for_another_name() -> None:
    assert judged(request(names=("kubernetes.default",))) == "kubernetes.default does not belong to shop-3f2a91bc-web-1"


def test_nobody_gets_one_with_another_subject() -> None:
    assert "subject" in (judged(request(common_name="system:node:shop-3f2a91bc-web-2")) or "")
    assert "subject" in (judged(request(organization="system:masters")) or "")


def test_only_nodes_may_ask() -> None:
    assert judged(request(), requestor="alice") == "alice is not a node"
    assert judged(request(), groups=("system:authenticated",)) == f"{NODE} is not a node"


def test_only_the_clusters_machines_may_ask() -> None:
    assert judged(request(), machines=MACHINES[:1]) == f"{NODE} is none of the cluster's machines"
    gone = replace(MACHINES[1], removed=True)
    assert judged(request(), machines=(gone,)) == f"{NODE} is none of the cluster's machines"


def test_the_certificate_is_for_serving_only() -> None:
    assert "usages" in (judged(request(), usages=("client auth",)) or "")
    assert "usages" in (judged(request(), usages=("server auth", "client auth")) or "")


@pytest.mark.parametrize("san", ["3004a3020500", "3004a5020500", "ff", "30058703010203"])
def test_a_request_with_names_that_nobody_can_read_is_refused(san: str) -> None:
    """An x400Address, an ediPartyName, no ASN.1, an address of three bytes."""
    assert judged(request(san=bytes.fromhex(san))) == "not a certificate request"


def test_a_request_that_cannot_be_read_is_refused() -> None:
    assert judged("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n") is not None
    assert judged(request(names=(), addresses=())) == "it names no address"
