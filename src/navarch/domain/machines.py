"""Machines that Navarch decided to have: what is written down of each before the cloud is asked for it."""

from dataclasses import dataclass, field
from datetime import datetime

from navarch.domain.offer import Release
from navarch.domain.spec import Cluster, Role, Taint

BOOTED = "Booted"  # the step that a machine has done when it asks to join for the first time
MAKES_A_MEMBER = frozenset({"KubeadmInit", "KubeadmJoin"})  # steps in which a machine becomes a member of etcd
API_STARTS_IN = MAKES_A_MEMBER | {"Joined"}  # steps from which a control plane may answer


@dataclass(frozen=True, slots=True)
class BootReport:
    """What a machine said of one step of its boot. `state` is started, done or failed; `seconds` how long it took;
    `log` the end of the step's output where it failed."""

    step: str
    state: str
    at: datetime
    seconds: float = 0.0
    log: str = ""

    @property
    def matters(self) -> bool:
        """Whether something may be done about it now; of the other steps people are told when there is time."""
        return self.state == "failed" or self.step in API_STARTS_IN


@dataclass(frozen=True, slots=True)
class MachineTemplate:
    """What a machine is made from, as it was wanted when the machine was decided on. What is wanted later makes other
    machines, and changes nothing about what this one is."""

    release: Release
    flavor: str
    labels: tuple[tuple[str, str], ...] = ()
    taints: tuple[Taint, ...] = ()


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """What became known when its server was asked for, and its join configuration needs. `member_volume_id` and
    `member_address`: of the etcd member that an earlier machine of this place made. Empty: none."""

    address: str = ""
    etcd_volume_id: str = ""
    member_volume_id: str = ""
    member_address: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine. `serial` is the place of a control-plane machine, the number of a worker. `joined` is true once its
    last boot step was reported done. `removing` is set when it is to go, `removed` once it is gone."""

    name: str
    role: Role
    group: str
    serial: int
    zone: str
    created_at: datetime
    template: MachineTemplate
    joined: bool = False
    removing: bool = False
    removed: bool = False
    boot: tuple[BootReport, ...] = ()
    facts: MachineFacts = field(default_factory=MachineFacts)

    @property
    def member_volume(self) -> str:
        """The volume on which this place of the control plane, in this machine or an earlier one, may have become a
        member of etcd; empty: none."""
        return self.facts.etcd_volume_id if self._is_member else self.facts.member_volume_id

    @property
    def member_address(self) -> str:
        """The address at which the others know that member; empty: none."""
        if not self.member_volume:
            return ""
        return self.facts.address if self._is_member else self.facts.member_address

    @property
    def _is_member(self) -> bool:
        return self.joined or any(report.step in MAKES_A_MEMBER for report in self.boot)

    def reports_since(self, moment: datetime | None) -> tuple[BootReport, ...]:
        """What it reported since then: an earlier server of the same machine may have said something, too."""
        return tuple(report for report in self.boot if moment is None or report.at >= moment)


def template_of(cluster: Cluster, group: str) -> MachineTemplate:
    """What a machine of this node group is made from now; where there is none of that name, one of the control
    plane."""
    release, node_group = cluster.spec.release, cluster.group(group)
    if node_group is not None:
        spec = node_group.spec
        return MachineTemplate(release, spec.flavor, spec.labels, spec.taints)
    return MachineTemplate(release, cluster.spec.control_plane.flavor)


def successor_facts(machines: tuple[Machine, ...], name: str) -> MachineFacts:
    """What a machine of that name has to know of the one whose place it takes."""
    before = next((m for m in machines if m.name == name), None)
    if before is None or not before.member_volume:
        return MachineFacts()
    return MachineFacts(member_volume_id=before.member_volume, member_address=before.member_address)
