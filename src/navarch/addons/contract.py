"""What the worker asks of a cluster's Kubernetes API. `navarch.addons.client.KubernetesClusters` keeps it.

Every call is bounded, whatever answers: a request 10 s, a call that reads 15 s, one that changes something 60 s; so are
the size of what is read and the length of texts, which hold nothing that a terminal would act upon. Raises Temporary
while the API does not answer, or not as Kubernetes does, Permanent where it refuses for good. Safe to call from
threads.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from navarch.addons.kinds import Discovery
from navarch.charts.rendering import Found, Lookup
from navarch.domain.catalogue import Item
from navarch.domain.disputes import Dispute
from navarch.domain.insight import Figures, Source, Span, Workloads
from navarch.domain.kube import KubeState
from navarch.domain.offer import Release
from navarch.domain.spec import Cluster
from navarch.domain.steps import MarkNode
from navarch.domain.terms import Created, EventsRule


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a cluster's API as its administrator: URL, PEMs of its CA and of a short-lived client certificate.
    `server_name`: what the server's certificate must say, whatever address leads to it; empty: the URL's host.

    Connections are kept per URL and certificate: hand in the same one for as long as it is good.
    """

    url: str
    ca: str
    certificate: str
    key: str = field(repr=False)
    server_name: str = ""


@dataclass(frozen=True, slots=True)
class Holder:
    """A machine and the images that it holds: those of the release that it was made from. `takes_pods`: whether the
    system's pods may be put onto it now."""

    release: Release
    control_plane: bool
    takes_pods: bool


@dataclass(frozen=True, slots=True)
class Inputs:
    """What add-ons are rendered from, besides the cluster's spec.

    `holders` are all machines that are not gone, `unlabelled` the nodes that lack labels about the images which their
    machines hold, with these labels; `cloud_files` is what the cluster's controllers are told about the cloud, as file
    name and content (they hold a password: never logged, never part of a digest in clear);
    `api_address`/`api_port` the balancer's address inside the node network; `mtu` of the node network in bytes;
    `volume_types` of the cloud, as (name, zones), the first one the default class; `zones` all of them, `storage_zone`
    the one that all volumes are in where machines have others; `machines` are those that may be nodes, each with its
    node group (control plane: `cp`): not those that are being removed.
    """

    cluster: Cluster
    api_address: str
    api_port: int
    mtu: int
    cloud_files: Mapping[str, str] = field(repr=False)
    volume_types: tuple[tuple[str, tuple[str, ...]], ...] = ()
    zones: tuple[str, ...] = ()
    storage_zone: str = ""
    machines: Mapping[str, str] = field(default_factory=dict)
    holders: tuple[Holder, ...] = ()
    unlabelled: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draining:
    """A drain that is not done. `held`: the pods that may not be evicted now, each as `namespace/name: why`; `pods`:
    how many are still there; 0: only their volumes; `slow`: those of them that were asked to end and want more than
    a minute for it, each as `namespace/name until when`."""

    held: tuple[str, ...] = ()
    pods: int = 0
    slow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asks:
    """What a look asks for beside the usual, where something hangs on it: the members of `etcd`; how many pods would
    have to be moved off each node; what an upgrade would meet, and whether what add-ons have beside pods is there
    (`survey`); the `pods` that wait for a node, and where some do or `all_pods` is asked for, the others; which of the
    kubeconfigs with these ids are refused (`revoked`); what became of `chosen` add-ons, given as (name, inventory); of
    those with rules of their own, as (name, rules), what they complain of (`complaints`); and what hangs on those that
    `beside` names."""

    etcd: bool = False
    evictions: bool = False
    survey: bool = False
    pods: bool = False
    all_pods: bool = False
    revoked: tuple[str, ...] = ()
    chosen: tuple[tuple[str, tuple[Item, ...]], ...] = ()
    complaints: tuple[tuple[str, tuple[EventsRule, ...]], ...] = ()
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServingRequest:
    """A kubelet's request for a serving certificate: `request` is its PEM, the rest says who asks for what."""

    name: str
    requestor: str
    groups: tuple[str, ...]
    usages: tuple[str, ...]
    request: str


@dataclass(frozen=True, slots=True)
class Installation:
    """A chosen add-on as it is to be. `objects`: as its chart rendered them, definitions and hooks among them;
    `before`: the inventory so far; `mark`: of the wish, by which hooks know whether they ran for it; `applied`: the
    wish was applied to its end, and what others changed is put back: no hook runs; `ignore`: fields (dotted paths) that
    others set. `served`: what the cluster serves, as it was asked for the rendering; None: it is asked."""

    name: str
    namespace: str
    mark: str
    upgrade: bool
    objects: tuple[dict[str, Any], ...] = field(repr=False)
    before: tuple[Item, ...] = ()
    ignore: tuple[str, ...] = ()
    applied: bool = False
    served: Discovery | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Installing:
    """How far an installation is: the inventory, and what is waited for, each in words; nothing: all is done. `taken`:
    fields that others had set and that were taken back."""

    items: tuple[Item, ...]
    waits: tuple[str, ...] = ()
    taken: tuple[Dispute, ...] = ()


@dataclass(frozen=True, slots=True)
class Removal:
    """A chosen add-on that is to go, by its inventory. `with_data`: definitions and claims go, too. `hooks`: of its
    chart, those of a removal, with the `mark` of the wish and the add-on's `namespace`; none: none is run. `creates`:
    what its programs made by themselves; `served`: as of an Installation."""

    name: str
    items: tuple[Item, ...]
    with_data: bool = False
    hooks: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    mark: str = ""
    namespace: str = ""
    creates: tuple[Created, ...] = ()
    served: Discovery | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """The tests of a chosen add-on: `hooks` of its chart, run once for each `mark`. `items`: the inventory so far;
    `served`: as of an Installation."""

    name: str
    namespace: str
    mark: str
    items: tuple[Item, ...]
    hooks: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    served: Discovery | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PodEvent:
    """What a pod is told, in upstream's words. `pod`: with its namespace; `uid`: its own, for its event to be found."""

    pod: str
    uid: str
    reason: str
    message: str
    at: datetime


class Addons(Protocol):
    """The catalogue of add-ons and the way into a cluster."""

    def digests(self, inputs: Inputs) -> tuple[tuple[str, str], ...]:
        """(name, digest) of each add-on as it would be applied now, in the order to apply. Pure."""
        ...

    def apply(self, access: Access, inputs: Inputs, name: str) -> None:
        """Server-side apply of one add-on with field manager `navarch`, then note its digest in the cluster."""
        ...

    def observe(self, access: Access, asks: Asks) -> KubeState:
        """Version, nodes, and for each add-on there is the digest noted and whether its workloads are available. Needs
        nothing that add-ons are rendered from: what is there can be seen where what is wanted is not known. etcd's
        members are None where nobody can be asked."""
        ...

    def pods_wait(self, access: Access) -> bool:
        """Whether a pod has no node, for whatever reason. One small request, which is given up after 3 s."""
        ...

    def count_pods(self, access: Access) -> int | None:
        """How many pods there are, about, ended ones too; None: the cluster does not say. As small a request, and given
        up as soon."""
        ...

    def served(self, access: Access) -> Discovery:
        """All that the cluster serves."""
        ...

    def answer(self, access: Access, lookups: Collection[Lookup], served: Discovery) -> tuple[Found, ...]:
        """What charts look up in the cluster."""
        ...

    def install(self, access: Access, wanted: Installation, note: Callable[[tuple[Item, ...]], None]) -> Installing:
        """Bring a chosen add-on as far as it goes now. `note` is handed its inventory before anything is made."""
        ...

    def uninstall(self, access: Access, removal: Removal, note: Callable[[tuple[Item, ...]], None]) -> tuple[str, ...]:
        """Take a chosen add-on out as far as it goes now; what is still there, in words; nothing: it is gone. `note` is
        handed the inventory before a hook is made, and once all of them are done. Raises Permanent for a hook that
        failed."""
        ...

    def test(self, access: Access, trial: Trial, note: Callable[[tuple[Item, ...]], None]) -> str:
        """Run a chosen add-on's tests as far as they go now; what is waited for, in words; nothing: they passed. `note`
        is handed the inventory before anything is made. Raises Permanent for one that failed."""
        ...

    def figures(self, access: Access, source: Source, span: Span, until: datetime) -> Figures:
        """What a chosen add-on has measured, up to `until`. Takes 10 s at the most."""
        ...

    def workloads(self, access: Access, namespace: str) -> Workloads:
        """What runs in a namespace; in all of them, where it is empty. Takes 10 s at the most."""
        ...

    def drain(self, access: Access, node: str, *, evict: bool) -> Draining | None:
        """Cordon, and evict what may be evicted now; None when nothing is left that a drain waits for. Without `evict`
        pods are ended instead, whatever budgets say."""
        ...

    def note_drained(self, access: Access, node: str, at: datetime, *, withdraw: bool = False) -> datetime | None:
        """Note on a node that its pods have moved: `Node.drained`. Gives since when that is noted, `at` at the latest;
        None if it is not there. `withdraw`: no Service's balancer is to send to it any more."""
        ...

    def uncordon(self, access: Access, node: str) -> None:
        """Let pods onto a node again that Navarch cordoned; fine if it is not there."""
        ...

    def mark_node(self, access: Access, step: MarkNode) -> None:
        """Change a node's labels and taints as the step says; fine if it is not there."""
        ...

    def revoke(self, access: Access, ids: Sequence[str]) -> bool:
        """Have the kubeconfigs with these ids refused, and no others (one at least). Gives whether the API server was
        seen to do so; it takes a moment, and for ever where the control plane is older than this."""
        ...

    def remove_member(self, access: Access, member_id: str) -> None:
        """Take a member out of etcd, its leadership handed on before; fine if it is not there."""
        ...

    def delete_node(self, access: Access, node: str) -> None:
        """Remove a node object; fine if it is not there."""
        ...

    def give_up_node(self, access: Access, node: str) -> None:
        """Remove the node object of a machine that is gone, and end at once what ran there; fine if it is not there."""
        ...

    def tell_pods(self, access: Access, events: tuple[PodEvent, ...]) -> None:
        """Write Events of pods; fine if a pod is gone, or knows it already."""
        ...

    def serving_requests(self, access: Access) -> tuple[ServingRequest, ...]:
        """Requests for kubelet serving certificates that nobody has decided about."""
        ...

    def decide_serving_request(self, access: Access, name: str, objection: str | None) -> None:
        """Approve a request, or deny it with the objection; fine if it is gone."""
        ...
