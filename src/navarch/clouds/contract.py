"""What Navarch asks of a cloud. Every implementation passes the same conformance suite (tests/contract).

| # | a cloud | |
| --- | --- | --- |
| 1 | finds its objects again | MUST: an object made by `carry_out` appears in `observe` under the same name, also from another process; an Ensure whose earlier answer was lost makes no second one; an object that is `known` appears as long as it exists in the project, whatever its name or mark says now, and is `astray` where it lost the mark |
| 2 | shows only one cluster's objects | MUST: nothing of another cluster or project, nor a foreign object of the same name without the owner's mark where the kind can carry a mark |
| 3 | tells unknown from absent | MUST: a kind that could not be read is not in `seen` and has a `Trouble` whose subject is the kind; the others are still read |
| 4 | refuses in words | MUST: raise Temporary or Permanent from `domain.errors`, never a foreign exception; a quota exceeded is Permanent with reason QuotaExceeded and names which, needed and free where known |
| 5 | removes idempotently | MUST: removing what is not there succeeds; what is in use raises Conflict |
| 6 | shows what the cluster's own controllers made | MUST: balancers, floating IPs, security groups and volumes made by cloud controller and CSI appear with their `made_by` |
| 7 | never waits | MUST: each request is bounded in time (30 s of silence), and none is made to wait for a state |
| 8 | is safe to call from threads | MUST |
| 9 | can be fenced | MUST: `clouds.fence.before_a_change` is called before each request that changes something |
| 10 | puts back | MUST: RestoreName gives name and mark back where the cloud lets them be changed; EnsurePort and EnsureLoadBalancer with an `address` get that very one or raise; EnsureFloatingIP gets it or another |
| 11 | batches | MAY read kinds in parallel |
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from navarch.domain.cloud import CloudState, Resource
from navarch.domain.observed import KnownObject, Observed
from navarch.domain.offer import Offer, Quota
from navarch.domain.spec import Cluster, Owner
from navarch.domain.steps import Step


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How a cluster's own controllers reach the cloud: Keystone's public URL, the region, and the PEM of the CA that
    signs the cloud's endpoints (empty where a public one does)."""

    auth_url: str
    region: str
    ca_certificate: str = ""


class Cloud(Protocol):
    """A cloud, acting in customers' projects with Navarch's own service user."""

    @property
    def endpoint(self) -> Endpoint:
        """How the cluster's controllers reach it. Never a call to the cloud."""
        ...

    def observe(
        self, owner: Owner, kinds: frozenset[StrEnum] | None = None, known: Collection[KnownObject] = ()
    ) -> CloudState:
        """Read the owner's objects of these kinds (None: of every kind) once; the other kinds are not in the answer.
        `known`: what is the owner's, whatever it says of itself. Never raises for what a cloud does: see
        `CloudState.trouble`."""
        ...

    def carry_out(self, owner: Owner, step: Step, *, private: str = "") -> Resource | None:
        """Do one of the cloud's steps and give the object as it now is (None where it makes and changes none).

        `private` is what must not stand in a step: the user-data of one that CreatesMachine, the password of one that
        CreatesIdentity. Raises Temporary, Conflict or Permanent.
        """
        ...

    def controller_files(
        self, cluster: Cluster, seen: Observed, password: str, offer: Offer
    ) -> Mapping[str, str] | None:
        """What the cluster's own controllers read to reach this cloud, content by file name: it holds `password`, which
        is theirs. `offer` is this cloud's. None while part of it is not known yet. Never a call to the cloud."""
        ...

    def senders(self, owner: Owner, address: str) -> tuple[str, ...]:
        """The owner's Services (`namespace/name`, sorted) whose balancers have a machine's address as a member, and so
        send to it. Raises Temporary or Permanent."""
        ...

    def console(self, owner: Owner, server_id: str, lines: int = 50) -> str:
        """End of a machine's console output; empty where the cloud has none. Raises Temporary or Permanent."""
        ...

    def offer(self) -> Offer:
        """What the cloud offers. Raises Temporary or Permanent."""
        ...

    def quota(self, project_id: str) -> Quota:
        """A project's quotas with what is used, and what it may use that others may not. Raises Temporary or
        Permanent."""
        ...
