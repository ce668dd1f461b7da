"""What can be done next: frozen values that the plan returns, tests compare, and `reconcile` carries out.

Here: what a step is, and the steps that are the same in every cloud. Those of OpenStack: `domain.openstack.steps`.

A step says of itself all that others need: its words for people, whose part of the timeline it is, what is told when it
puts back what somebody else changed, with what it may not run side by side, and what is seen once it is done. To add a
step: its class, where the plan takes it, and who carries it out (`reconcile.executors`, or a cloud).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from navarch.domain.catalogue import ChosenSeen
from navarch.domain.cloud import Resource
from navarch.domain.kube import NOT_BEHIND_SERVICES, Addon, Node
from navarch.domain.machines import Departure, Machine, MachineFacts, MachineTemplate, successor_facts
from navarch.domain.observed import Observed
from navarch.domain.spec import Role, Taint

_IDS_SHOWN = 5  # in the timeline


class Component(StrEnum):
    """Whose part of the timeline an event is."""

    CLOUD = "cloud"
    KUBERNETES = "kubernetes"
    MACHINE = "machine"
    NAVARCH = "navarch"


class Step:
    """Base of all steps: frozen dataclasses.

    `makes`: the kind of object that it makes in a cloud, None where it makes none: the timeline tells by it what nobody
    told of. `component`: whose part of the timeline it is. `about_machines`: it is told with the machines of its role,
    not with the infrastructure. `drift`: what is told of it in a cluster that was as wanted; `{}` is its name; empty:
    it is no sign of drift."""

    __slots__ = ()
    makes: ClassVar[StrEnum | None] = None
    component: ClassVar[Component] = Component.CLOUD
    about_machines: ClassVar[bool] = False
    drift: ClassVar[str] = ""

    @property
    def words(self) -> str:
        """What it does, as an order, for people."""
        raise NotImplementedError

    @property
    def subject(self) -> str:
        """The object it is about, for events and conditions; empty: the cluster as a whole."""
        return str(getattr(self, "name", ""))

    @property
    def label(self) -> str:
        """What metrics call it: one of few words."""
        return type(self).__name__

    @property
    def done(self) -> str:
        """What the timeline says when it was done."""
        return f"{type(self).__name__} {self.subject} done".replace("  ", " ")

    @property
    def key(self) -> tuple[str, ...]:
        """Steps with the same key never run side by side: the plan does not see what is under way, so one that counts
        what there is must wait for those that change the count."""
        return type(self).__name__, self.subject

    @property
    def puts_back(self) -> bool:
        """Whether it can only mean drift in a cluster that was as wanted."""
        return bool(self.drift)

    def imagined(self, seen: Observed) -> Resource | None:
        """What a cloud would give for it, with an id made up; None: nothing. For rehearsals."""
        return None

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        """What is seen once it is done. `made`: what the cloud gave for it."""
        return seen


class CreatesMachine(Step):
    """Base of a provider's step that makes a machine: its user-data goes along, which holds a join ticket and must not
    stand in a step."""

    __slots__ = ()

    def facts(self, seen: Observed) -> MachineFacts:
        """What becomes known of the machine with it."""
        raise NotImplementedError


class CreatesIdentity(Step):
    """Base of a provider's step that makes who the cluster's controllers act as: its password goes along."""

    __slots__ = ()


class RenewsIdentity(CreatesIdentity):
    """Base of a provider's step that puts another in the place of who they act as: with a new password, and so that
    nothing of the old one opens anything once it is done."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class EnsureSecrets(Step):
    """Keys and certificates of the cluster: made once, sealed, kept by Navarch."""

    component = Component.NAVARCH

    @property
    def words(self) -> str:
        return "make the cluster's keys and certificates"

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        return seen.with_record(secrets_ready=True)


@dataclass(frozen=True, slots=True)
class RecordMachine(Step):
    """Decide to have a machine: written down before the cloud is asked, so that its number is never used twice."""

    component = Component.NAVARCH
    about_machines = True

    name: str
    role: Role
    group: str
    serial: int
    zone: str
    template: MachineTemplate

    @property
    def words(self) -> str:
        return f"decide to have the machine {self.name} in {self.zone}"

    @property
    def key(self) -> tuple[str, ...]:
        return type(self).__name__, self.group

    def machine(self, machines: tuple[Machine, ...], now: datetime) -> Machine:
        """The machine as it is written down, `machines` being those there are and were."""
        facts = successor_facts(machines, self.name)
        return Machine(self.name, self.role, self.group, self.serial, self.zone, now, self.template, facts=facts)

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        machines = seen.record.machines
        others = tuple(m for m in machines if m.name != self.name)
        return seen.with_record(machines=(*others, self.machine(machines, now)))


@dataclass(frozen=True, slots=True)
class ReleaseMachine(Step):
    """Decide that a machine is to go. `why` is for the timeline."""

    component = Component.NAVARCH
    about_machines = True
    drift = "machine {} was lost, and another takes its place"

    name: str
    departure: Departure
    why: str

    @property
    def words(self) -> str:
        return f"decide that the machine {self.name} is to go: {self.why}"

    @property
    def done(self) -> str:
        return f"machine {self.name} is to go ({self.departure}): {self.why}"

    @property
    def key(self) -> tuple[str, ...]:
        return (type(self).__name__,)

    @property
    def puts_back(self) -> bool:
        return self.departure is Departure.REPAIR

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        return seen.with_machine(self.name, removing=True, removing_at=now, departure=self.departure)


@dataclass(frozen=True, slots=True)
class KeepMachine(Step):
    """Give up a machine, and keep it for people to look at: another takes its place."""

    component = Component.NAVARCH
    about_machines = True

    name: str
    why: str

    @property
    def words(self) -> str:
        return f"give up the machine {self.name} and keep it for a look: {self.why}"

    @property
    def done(self) -> str:
        return f"machine {self.name} is given up and kept for a look: {self.why}"

    @property
    def key(self) -> tuple[str, ...]:
        return (ReleaseMachine.__name__,)

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        return seen.with_machine(self.name, kept_at=now)


@dataclass(frozen=True, slots=True)
class ForgetMachine(Step):
    """Mark a machine as gone, once neither server nor node is left."""

    component = Component.NAVARCH
    about_machines = True

    name: str

    @property
    def words(self) -> str:
        return f"note that the machine {self.name} is gone"

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        return seen.with_machine(self.name, removed=True)


@dataclass(frozen=True, slots=True)
class ApplyAddon(Step):
    """Server-side apply of an add-on whose digest in the cluster is not `digest`."""

    component = Component.KUBERNETES

    name: str
    digest: str

    @property
    def words(self) -> str:
        return f"apply the add-on {self.name}"

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        if seen.kube is None:
            return seen
        others = tuple(a for a in seen.kube.addons if a.name != self.name)
        before = next((a for a in seen.kube.addons if a.name == self.name), None)
        addon = Addon(self.name, self.digest, available=False, message="just applied")
        if before is not None and before.digest and not before.runs:
            addon = replace(before, digest=self.digest, available=True, message="")
        return replace(seen, kube=replace(seen.kube, addons=(*others, addon)))


class _OfChosen(Step):
    """Base of steps about an add-on that the cluster chose. One at a time: they may share kinds and namespaces."""

    __slots__ = ()
    component = Component.KUBERNETES

    @property
    def key(self) -> tuple[str, ...]:
        return ("chosen add-ons",)


@dataclass(frozen=True, slots=True)
class InstallChosen(_OfChosen):
    """Bring a chosen add-on into the cluster, or up to date. `mark`: of the wish, see `Chosen.mark`."""

    name: str
    mark: str

    @property
    def words(self) -> str:
        return f"install the add-on {self.name}"

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        if seen.kube is None:
            return seen
        wishes = tuple(
            replace(c, status=replace(c.status, applied=self.mark)) if c.name == self.name else c
            for c in seen.record.chosen
        )
        others = tuple(c for c in seen.kube.chosen if c.name != self.name)
        just = ChosenSeen(self.name, waiting=("just applied",))
        return replace(seen.with_record(chosen=wishes), kube=replace(seen.kube, chosen=(*others, just)))


@dataclass(frozen=True, slots=True)
class RemoveChosen(_OfChosen):
    """Take a chosen add-on out of the cluster."""

    name: str

    @property
    def words(self) -> str:
        return f"remove the add-on {self.name}"

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        return seen.with_record(chosen=tuple(c for c in seen.record.chosen if c.name != self.name))


@dataclass(frozen=True, slots=True)
class TestChosen(_OfChosen):
    """Run the tests of a chosen add-on that somebody asked for."""

    name: str

    @property
    def words(self) -> str:
        return f"test the add-on {self.name}"

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        wishes = tuple(replace(c, test_requested_at=None) if c.name == self.name else c for c in seen.record.chosen)
        return seen.with_record(chosen=wishes)


class _EndsNode(Step):
    """Afterwards there is no such node."""

    __slots__ = ()
    component = Component.KUBERNETES
    about_machines = True

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        if seen.kube is None:
            return seen
        nodes = tuple(n for n in seen.kube.nodes if n.name != self.subject)
        return replace(seen, kube=replace(seen.kube, nodes=nodes))


@dataclass(frozen=True, slots=True)
class DrainNode(_EndsNode):
    """Cordon a node, evict its pods honouring disruption budgets, wait until their volumes are off it, and remove the
    node object. Pods that refuse to go are asked again until `deadline` (None: for ever); then people are, or, with
    `force`, the pods are ended."""

    name: str
    deadline: datetime | None = None
    force: bool = False

    @property
    def words(self) -> str:
        return f"drain the node {self.name}"


class _OnNode(Step):
    """It changes a node."""

    __slots__ = ()
    component = Component.KUBERNETES
    about_machines = True

    def node(self, node: Node) -> Node:
        """The node afterwards."""
        raise NotImplementedError

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        if seen.kube is None:
            return seen
        nodes = tuple(self.node(n) if n.name == self.subject else n for n in seen.kube.nodes)
        return replace(seen, kube=replace(seen.kube, nodes=nodes))


@dataclass(frozen=True, slots=True)
class EmptyNode(_OnNode):
    """Cordon a node and move its pods away; the node stays. `deadline` and `force` as with `DrainNode`. Without `evict`
    its pods are ended: there is nowhere to go."""

    name: str
    deadline: datetime | None = None
    force: bool = False
    evict: bool = True

    @property
    def words(self) -> str:
        return f"empty the node {self.name}"

    def node(self, node: Node) -> Node:
        return replace(node, unschedulable=True, cordoned=True, drained=True)


@dataclass(frozen=True, slots=True)
class UncordonNode(_OnNode):
    """Let pods onto a node again that Navarch made unschedulable."""

    name: str

    @property
    def words(self) -> str:
        return f"let pods onto the node {self.name} again"

    def node(self, node: Node) -> Node:
        return replace(node, unschedulable=False, cordoned=False, drained=False)


@dataclass(frozen=True, slots=True)
class AdmitNode(_OnNode):
    """Let the balancers of Services send to a new node."""

    name: str

    @property
    def words(self) -> str:
        return f"let the balancers of Services send to {self.name}"

    def node(self, node: Node) -> Node:
        return replace(node, labels=tuple(pair for pair in node.labels if pair[0] != NOT_BEHIND_SERVICES))


@dataclass(frozen=True, slots=True)
class MarkNode(_OnNode):
    """Give a node the labels and taints of its group, and take from it those (keys of labels, keys and effects of
    taints) that it was given and is to lose."""

    drift = "node {} had lost labels or taints of its group, and has them again"

    name: str
    labels: tuple[tuple[str, str], ...]
    taints: tuple[Taint, ...]
    lost_labels: tuple[str, ...] = ()
    lost_taints: tuple[tuple[str, str], ...] = ()

    @property
    def words(self) -> str:
        return f"give the node {self.name} the labels and taints of its group"

    def node(self, node: Node) -> Node:
        keys = {key for key, _ in self.labels} | set(self.lost_labels)
        labels = sorted({*(pair for pair in node.labels if pair[0] not in keys), *self.labels})
        gone = {(t.key, t.effect) for t in self.taints} | set(self.lost_taints)
        taints = (*(t for t in node.taints if (t.key, t.effect) not in gone), *self.taints)
        return replace(node, labels=tuple(labels), taints=taints)

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        machine = seen.record.machine(self.name)
        if machine is not None:
            template = replace(machine.template, labels=self.labels, taints=self.taints)
            seen = seen.with_machine(self.name, template=template)
        return _OnNode.after(self, seen, made, now)


@dataclass(frozen=True, slots=True)
class RevokeKubeconfigs(Step):
    """Have the API servers refuse these kubeconfigs, and no others."""

    component = Component.KUBERNETES

    ids: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"have the Kubernetes API refuse the {len(self.ids)} kubeconfigs that were revoked"

    @property
    def done(self) -> str:
        return f"the Kubernetes API refuses {', '.join(self.ids[-_IDS_SHOWN:])}"

    @property
    def key(self) -> tuple[str, ...]:
        return (type(self).__name__,)

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        seen = seen.with_record(revoking=())
        return seen if seen.kube is None else replace(seen, kube=replace(seen.kube, refused=self.ids))


@dataclass(frozen=True, slots=True)
class RemoveMember(Step):
    """Take the member of a machine that does not come back out of etcd; a leader hands leadership on first."""

    component = Component.KUBERNETES
    about_machines = True

    name: str
    member_id: str

    @property
    def words(self) -> str:
        return f"take the member of {self.name} out of etcd"

    @property
    def key(self) -> tuple[str, ...]:
        return (type(self).__name__,)

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        if seen.kube is None or seen.kube.etcd is None:
            return seen
        members = tuple(m for m in seen.kube.etcd if m.id != self.member_id)
        return replace(seen, kube=replace(seen.kube, etcd=members))


@dataclass(frozen=True, slots=True)
class ForgetMember(Step):
    """Note that etcd has no member of this machine any more: the next machine of its place becomes a new one."""

    component = Component.NAVARCH
    about_machines = True

    name: str

    @property
    def words(self) -> str:
        return f"note that etcd has no member {self.name} any more"

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        return seen.with_machine(self.name, facts=MachineFacts())


@dataclass(frozen=True, slots=True)
class NotePower(Step):
    """Note that a machine is off with its cluster, or is a Ready node again: who was off for long has no good
    certificate any more."""

    component = Component.NAVARCH
    about_machines = True

    name: str
    on: bool

    @property
    def words(self) -> str:
        return f"note that {self.name} is {'on' if self.on else 'off'}"

    def facts(self, machine: Machine, now: datetime) -> MachineFacts:
        """What is known of the machine then."""
        return replace(machine.facts, off_since=None if self.on else now)

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        machine = seen.record.machine(self.name)
        return seen if machine is None else seen.with_machine(self.name, facts=self.facts(machine, now))


@dataclass(frozen=True, slots=True)
class NoteCertificate(Step):
    """Note when the certificate of a machine's API server ends; None: not soon."""

    component = Component.NAVARCH
    about_machines = True

    name: str
    until: datetime | None

    @property
    def words(self) -> str:
        when = f"{self.until:%Y-%m-%d %H:%M} UTC" if self.until is not None else "not soon"
        return f"note when the certificate of the API server on {self.name} ends: {when}"

    def facts(self, machine: Machine) -> MachineFacts:
        """What is known of the machine then."""
        return replace(machine.facts, certificate_until=self.until)

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        machine = seen.record.machine(self.name)
        return seen if machine is None else seen.with_machine(self.name, facts=self.facts(machine))


@dataclass(frozen=True, slots=True)
class DeleteNode(_EndsNode):
    """Remove a node object whose machine is gone, and end what ran there."""

    name: str

    @property
    def words(self) -> str:
        return f"remove the node {self.name} from Kubernetes"


@dataclass(frozen=True, slots=True)
class ForgetNodeGroup(Step):
    """Drop a node group that was asked to go and has no machine left."""

    component = Component.NAVARCH

    name: str

    @property
    def words(self) -> str:
        return f"drop the node group {self.name}"


@dataclass(frozen=True, slots=True)
class Forget(Step):
    """Drop the cluster's row: a final look found nothing."""

    component = Component.NAVARCH

    @property
    def words(self) -> str:
        return "drop the cluster's row: nothing is left of it"
