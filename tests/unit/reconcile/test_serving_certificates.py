"""What becomes of the kubelets' requests for serving certificates."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from tests.unit.bootstrap.joining import CLUSTER, NODE, NOW, control_plane, request, worker

from navarch.addons.contract import Access, ServingRequest
from navarch.domain.cloud import CloudState
from navarch.domain.errors import Permanent, Responsible, Temporary
from navarch.domain.kube import KubeState
from navarch.domain.observed import Observed, Record
from navarch.domain.status import Event, Phase, Status
from navarch.reconcile.cycle import Cycle
from navarch.reconcile.serving_certificates import decide_requests
from navarch.store.contract import Claim

ACCESS = Access("https://198.51.100.9:6443", "", "", "")
GROUPS, USAGES = ("system:nodes", "system:authenticated"), ("digital signature", "server auth")


@dataclass
class Kubernetes:
    """A cluster with requests; notes what is decided."""

    requests: tuple[ServingRequest, ...] = ()
    away: bool = False
    refused: str = ""
    decided: dict[str, str | None] = field(default_factory=dict)

    def serving_requests(self, access: Access) -> tuple[ServingRequest, ...]:
        if self.away:
            raise Temporary("no answer")
        return self.requests

    def decide_serving_request(self, access: Access, name: str, objection: str | None) -> None:
        if name == self.refused:
            raise Permanent("denied by a policy", reason="RequestRefused", responsible=Responsible.USER, remedy="-")
        self.decided[name] = objection


def decide(kubernetes: Kubernetes) -> tuple[Event, ...]:
    machines = (control_plane(0), worker(1), worker(2))
    return decide_requests(kubernetes, ACCESS, CLUSTER, machines, lambda: {}, NOW)  # type: ignore[arg-type]


def test_a_machines_own_request_is_approved_and_told() -> None:
    kubernetes = Kubernetes((ServingRequest("csr-1", NODE, GROUPS, USAGES, request()),))
    [event] = decide(kubernetes)
    assert kubernetes.decided == {"csr-1": None}
    assert (event.reason, event.subject, event.level) == (
        "ServingCertificateApproved",
        "shop-3f2a91bc-web-1",
        "Normal",
    )


def test_a_request_for_another_machines_address_is_denied_and_somebody_is_warned() -> None:
    other = request(addresses=("10.0.0.22",))
    kubernetes = Kubernetes((ServingRequest("csr-1", NODE, GROUPS, USAGES, other),))
    [event] = decide(kubernetes)
    assert kubernetes.decided == {"csr-1": "10.0.0.22 does not belong to shop-3f2a91bc-web-1"}
    assert (event.reason, event.level) == ("ServingCertificateDenied", "Warning")
    assert "10.0.0.22" in event.message


def test_one_that_is_refused_does_not_hold_up_the_next() -> None:
    kubernetes = Kubernetes(
        (
            ServingRequest("csr-1", "system:node:stranger", GROUPS, USAGES, "nonsense"),
            ServingRequest("csr-2", NODE, GROUPS, USAGES, request()),
        )
    )
    assert len(decide(kubernetes)) == 2
    assert kubernetes.decided["csr-2"] is None


def test_a_cluster_that_refuses_one_decision_does_not_hold_up_the_next() -> None:
    both = tuple(ServingRequest(name, NODE, GROUPS, USAGES, request()) for name in ("csr-1", "csr-2"))
    kubernetes = Kubernetes(both, refused="csr-1")
    assert len(decide(kubernetes)) == 1
    assert kubernetes.decided == {"csr-2": None}


def test_an_api_that_does_not_answer_is_asked_at_the_next_look() -> None:
    assert decide(Kubernetes(away=True)) == ()


@pytest.mark.parametrize("phase", [Phase.READY, Phase.DEGRADED, Phase.BLOCKED, Phase.PAUSED, Phase.PROGRESSING])
def test_requests_are_decided_whatever_a_clusters_phase_is_once_it_was_ready(phase: Phase) -> None:
    kubernetes = Kubernetes((ServingRequest("csr-1", NODE, GROUPS, USAGES, request()),))
    told: list[Event] = []
    observed = Observed(CloudState(), record=Record(machines=(worker(1),)), kube=KubeState("v1.37.2"))
    Cycle._decide_certificates(
        SimpleNamespace(_dependencies=SimpleNamespace(addons=kubernetes)),  # type: ignore[arg-type]
        Claim(CLUSTER, Status(phase=phase, ready_at=NOW), token=1, attempts=0, at=NOW),
        SimpleNamespace(access=SimpleNamespace(api=ACCESS)),  # type: ignore[arg-type]
        observed,
        SimpleNamespace(add=told.append),  # type: ignore[arg-type]
        NOW,
    )
    assert kubernetes.decided == {"csr-1": None}
    assert [event.reason for event in told] == ["ServingCertificateApproved"]
