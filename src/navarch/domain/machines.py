"""Machines that Navarch decided to have: what is written down of each before the cloud is asked for it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from navarch.domain import syntax
from navarch.domain.names import COMPONENT_LABEL
from navarch.domain.offer import Release, version_order
from navarch.domain.spec import Cluster, Role, Taint, VolumeSpec

BOOTED = "Booted"  # the step that a machine has done when it asks to join for the first time
MAKES_A_MEMBER = frozenset({"KubeadmInit", "KubeadmJoin"})  # steps in which a machine becomes a member of etcd
JOINED = "Joined"  # the last step
BOOT_DEADLINE = timedelta(minutes=10)  # a machine must have joined by then
API_STARTS_IN = MAKES_A_MEMBER | {JOINED}  # steps from which a control plane may answer


class Departure(StrEnum):
    """What a machine goes for."""

    SCALE_DOWN = "scale-down"
    REPAIR = "repair"
    ROLLOUT = "rollout"
    PERSON = "person"  # somebody named it


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
    machines, and changes nothing about what this one is; but labels and taints, which its Node is given at any time:
    they are those that it was given last."""

    release: Release
    flavor: str
    labels: tuple[tuple[str, str], ...] = ()
    taints: tuple[Taint, ...] = ()
    root_volume: VolumeSpec | None = None


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """What became known when its server was asked for, and its join configuration needs. `member_volume_id` and
    `member_address`: of the etcd member that an earlier machine of this place made. Empty: none. `off_since`: when it
    was first seen to be off, with its cluster; None: it runs, or nobody looked yet. `certificate_until`: when the
    certificate of its API server ends, where that is soon."""

    address: str = ""
    etcd_volume_id: str = ""
    member_volume_id: str = ""
    member_address: str = ""
    off_since: datetime | None = None
    certificate_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine. `serial` is the place of a control-plane machine, the number of a worker. `joined` is true once its
    last boot step was reported done. `removing` is set when it is to go, with the time and what for (`departure`; of
    one that is not to go yet, PERSON: somebody asked for another in its place). `removed` is set once it is gone.
    `kept_at`: when it was given up, to be looked at before it goes; None: it was not."""

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
    removing_at: datetime | None = None
    departure: Departure | None = None
    kept_at: datetime | None = None
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
    def joined_at(self) -> datetime | None:
        """When its last boot step was done; None: not yet, or nobody wrote it down."""
        return next((report.at for report in self.boot if report.step == JOINED and report.state == "done"), None)

    @property
    def _is_member(self) -> bool:
        return self.joined or any(report.step in MAKES_A_MEMBER for report in self.boot)

    @property
    def version(self) -> str:
        """Of Kubernetes, that it was made from."""
        return self.template.release.kubernetes_version

    def reports_since(self, moment: datetime | None) -> tuple[BootReport, ...]:
        """What it reported since then: an earlier server of the same machine may have said something, too."""
        return tuple(report for report in self.boot if moment is None or report.at >= moment)

    def failed_since(self, moment: datetime | None) -> BootReport | None:
        """The first step that failed since then."""
        return next((report for report in self.reports_since(moment) if report.state == "failed"), None)


def template_of(cluster: Cluster, group: str, release: Release | None = None) -> MachineTemplate:
    """What a machine of this node group is made from now; where there is none of that name, one of the control plane.
    `release`: instead of the one that is wanted in the end."""
    node_group = cluster.group(group)
    if node_group is not None:
        spec = node_group.spec
        made_from = release or spec.release or cluster.spec.release
        return MachineTemplate(made_from, spec.flavor, spec.labels, spec.taints, spec.root_volume)
    control_plane = cluster.spec.control_plane
    return MachineTemplate(release or cluster.spec.release, control_plane.flavor, root_volume=control_plane.root_volume)


def template_beside(
    cluster: Cluster, group: str, machines: Iterable[Machine], release: Release | None = None
) -> MachineTemplate:
    """What a new machine of this node group is made from while the control plane is not there yet: no kubelet may be
    newer than an API server. `machines`: the cluster's that are not gone. `release`: instead of the one that is wanted
    in the end."""
    wanted = template_of(cluster, group, release)
    releases = (m.template.release for m in machines if m.role is Role.CONTROL_PLANE)
    oldest = min(releases, key=lambda r: version_order(r.kubernetes_version), default=wanted.release)
    is_older = version_order(oldest.kubernetes_version) < version_order(wanted.release.kubernetes_version)
    return replace(wanted, release=oldest) if is_older else wanted


def version_wanted(cluster: Cluster, machine: Machine) -> str:
    """The version of Kubernetes that a machine is to have; of one that goes anyway or is kept for a look, the one that
    it has."""
    group = cluster.group(machine.group)
    goes = machine.removing or machine.kept_at is not None or (group is None and machine.role is Role.WORKER)
    if goes or (group is not None and group.deletion_requested_at is not None):
        return machine.version
    return template_of(cluster, machine.group).release.kubernetes_version


def component_labels(tags: Mapping[str, str]) -> dict[str, str]:
    """Labels of a node that holds these container images, by component: pods that run them ask for the same. A tag that
    is no label value stands there as a SHA-256; a component that is no label key is left out."""
    keyed = {f"{COMPONENT_LABEL}{component}": tag for component, tag in tags.items()}
    return {
        key: hashlib.sha256(tag.encode()).hexdigest()[:16] if syntax.wrong_label_value(tag) else tag
        for key, tag in keyed.items()
        if not syntax.wrong_label_key(key)
    }


def outdated(machine: Machine, wanted: MachineTemplate, zones: tuple[str, ...]) -> str:
    """Why a machine is no longer what is wanted of it, so that another has to take its place; empty: it is."""
    made = machine.template
    if machine.departure is Departure.PERSON and not machine.removing:
        return "another was asked for in its place"
    why = other_release(machine, wanted.release)
    if why:
        return why
    if made.flavor != wanted.flavor:
        return f"flavor {made.flavor} becomes {wanted.flavor}"
    if made.root_volume != wanted.root_volume:
        return "its root volume changes"
    if zones and machine.zone not in zones:
        return f"zone {machine.zone} is no longer one of the group's"
    return ""


def other_release(machine: Machine, wanted: Release) -> str:
    """How the version or the image of a machine differs from what is wanted of it; empty: it does not."""
    made = machine.template.release
    if made.kubernetes_version != wanted.kubernetes_version:
        return f"Kubernetes {made.kubernetes_version} becomes {wanted.kubernetes_version}"
    return f"image {made.image_name} becomes {wanted.image_name}" if made.image_id != wanted.image_id else ""


def outdated_by_more(machine: Machine, wanted: MachineTemplate, zones: tuple[str, ...]) -> str:
    """Why a machine would be outdated even if it had the version and the image that are wanted; empty: it would not."""
    return outdated(machine, replace(wanted, release=machine.template.release), zones)


def successor_facts(machines: tuple[Machine, ...], name: str) -> MachineFacts:
    """What a machine of that name has to know of the one whose place it takes."""
    before = next((m for m in machines if m.name == name), None)
    if before is None or not before.member_volume:
        return MachineFacts()
    return MachineFacts(member_volume_id=before.member_volume, member_address=before.member_address)
