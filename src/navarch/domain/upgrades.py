"""Whether a cluster may be given another version of Kubernetes, and what is in the way.

Pure. A version goes forward by patches or by one minor; back it goes only while the control plane has not left the
version before for good:

    all of it is of the version before, or one of it that stays is    it may turn back, whatever else is in the way
    from when the last one of the version before is to go              never: newer API servers alone write etcd's data
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from navarch.domain.errors import FieldError, Responsible
from navarch.domain.machines import Machine, version_wanted
from navarch.domain.needs import Need
from navarch.domain.obstacles import stop_obstacles, upgrade_obstacles
from navarch.domain.offer import Release, version_order
from navarch.domain.spec import Cluster, Role
from navarch.domain.status import Phase, Status

OLDEST_KUBELET = 3  # minor versions behind the API server: Kubernetes' version skew policy
FIELD = "spec.kubernetes_version"
_NUMBERS = 3  # of a version: major, minor, patch
_USER = Responsible.USER.value


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of a cluster beside its wish: what was judged of it last, and its machines that are not gone."""

    status: Status
    machines: tuple[Machine, ...]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What is in the way of an upgrade: `reason` in a word for programs, who must act, and how."""

    reason: str
    message: str
    responsible: str
    remedy: str

    @property
    def as_error(self) -> FieldError:
        """As the reason why a version is refused."""
        return FieldError(FIELD, f"{self.message}: {self.remedy}")


def ways_back(cluster: Cluster, machines: tuple[Machine, ...]) -> Mapping[str, Release]:
    """Versions that a control plane can still turn back to, each with the image that its machines of it have."""
    wanted = cluster.spec.kubernetes_version
    mine = [m for m in machines if m.role is Role.CONTROL_PLANE]
    untouched = all(m.version != wanted for m in mine)
    return {m.version: m.template.release for m in mine if m.version != wanted and (untouched or not m.removing)}


def turning_point(was: Cluster, after: Cluster, machines: tuple[Machine, ...]) -> frozenset[str]:
    """Names of the machines that must still be there, and not to go, when a cluster turns back to the version that it
    has in `after`; empty: it does not turn back."""
    version = after.spec.kubernetes_version
    if version == was.spec.kubernetes_version or version not in ways_back(was, machines):
        return frozenset()
    mine = (m for m in machines if m.role is Role.CONTROL_PLANE and m.version == version and not m.removing)
    return frozenset(m.name for m in mine)


def obstacles(was: Cluster, after: Cluster, seen: Circumstances) -> tuple[Obstacle, ...]:
    """All that is in the way of a cluster's getting the version that it has in `after`, but for quotas."""
    version = after.spec.kubernetes_version
    if version in ways_back(was, seen.machines):
        return (*stopped(after, seen.status), *_pins(after, version))
    under_way = tuple(_under_way(was, seen.machines))
    return (
        *_distance(was.spec.kubernetes_version, version),
        *_pins(after, version),
        *under_way,
        *stopped(after, seen.status),
        *paused(after, seen.status),
        *_condition(was, seen.status, told=bool(under_way)),
    )


def stopped(after: Cluster, status: Status) -> Iterator[Obstacle]:
    """Whether its machines are off, or are to be."""
    if not after.spec.running or status.phase in (Phase.STOPPING, Phase.STOPPED):
        yield Obstacle(
            "Stopped",
            "the cluster is stopped, or is to be: nothing of it can be replaced",
            _USER,
            f"start it first: navarch cluster start {after.name}",
        )


def paused(cluster: Cluster, status: Status) -> Iterator[Obstacle]:
    """Whether its user has Navarch keep its hands off."""
    if cluster.spec.paused or status.phase is Phase.PAUSED:
        remedy = f"resume it first: navarch cluster update {cluster.name} --resume"
        yield Obstacle("Paused", "the cluster is paused", _USER, remedy)


def found_inside(status: Status, version: str, *, blocking: bool) -> tuple[Obstacle, ...]:
    """What the last look into a cluster found that an upgrade to this version meets. `blocking`: what it waits for;
    otherwise what its user is to know."""
    found = upgrade_obstacles(status.survey, version)
    return tuple(Obstacle(o.reason, f"{o.what}: {o.message}", _USER, o.remedy) for o in found if o.blocks is blocking)


def lost_by_a_stop(status: Status) -> tuple[Obstacle, ...]:
    """What the last look into a cluster found that would not come back by itself after a stop."""
    return tuple(Obstacle(o.reason, f"{o.what}: {o.message}", _USER, o.remedy) for o in stop_obstacles(status.survey))


def lacks(needs: tuple[Need, ...]) -> Iterator[Obstacle]:
    """Quotas without room for the machines that are more for a while."""
    for need in needs:
        if need.short:
            unit = f" {need.unit}" if need.unit else ""
            yield Obstacle(
                "QuotaExceeded",
                f"{need.resource}: {need.needed}{unit} needed while machines are replaced, {need.free}{unit} free "
                f"(limit {need.limit}, used {need.used})",
                Responsible.PROJECT_ADMIN.value,
                "have the quota raised, or let node groups go without more machines: max_surge 0, max_unavailable 1",
            )


def wrong_fields(errors: tuple[FieldError, ...]) -> Iterator[Obstacle]:
    """Fields that another version does not admit as they are."""
    for error in errors:
        yield Obstacle("NotAdmitted", f"{error.field}: {error.detail}", _USER, "change it first")


def _distance(old: str, new: str) -> Iterator[Obstacle]:
    before, then = version_order(old), version_order(new)
    if len(then) != _NUMBERS:
        return  # nobody offers that
    if then < before:
        yield Obstacle(
            "GoesBack",
            f"{new} is older than {old}, which all of the control plane has, or is about to have",
            _USER,
            "stay; an older version cannot read everything that a newer one has written into etcd",
        )
    elif then[0] != before[0] or then[1] - before[1] > 1:
        following = f"{before[0]}.{before[1] + 1}"
        yield Obstacle("SkipsMinor", f"{old} to {new} skips {following}", _USER, f"upgrade to {following} first")


def _pins(after: Cluster, version: str) -> Iterator[Obstacle]:
    """Node groups with a version of their own that does not go with it."""
    control_plane = version_order(version)
    for group in after.node_groups:
        pinned = group.spec.kubernetes_version
        if pinned is None or group.deletion_requested_at is not None:
            continue
        unset = f"navarch nodegroup update {group.name} -c {after.name} --unset version"
        if version_order(pinned) > control_plane:
            yield Obstacle(
                "NodeGroupTooNew",
                f"node group {group.name} is to have {pinned}, which is newer than {version}",
                _USER,
                f"let it follow the cluster, or give it an older version: {unset}",
            )
        elif version_order(pinned)[0] != control_plane[0] or control_plane[1] - version_order(pinned)[1] > (
            OLDEST_KUBELET
        ):
            yield Obstacle(
                "NodeGroupTooOld",
                f"node group {group.name} is to stay at {pinned}, more than {OLDEST_KUBELET} minor versions "
                f"behind {version}",
                _USER,
                f"let it follow the cluster, or give it a newer version: {unset}",
            )


def _under_way(cluster: Cluster, machines: tuple[Machine, ...]) -> Iterator[Obstacle]:
    """Machines that are still on their way to the version that is wanted now."""
    behind = [m for m in machines if version_wanted(cluster, m) != m.version]
    if not behind:
        return
    first, back = behind[0], ways_back(cluster, machines)
    roll_back = f", or roll back: ask for {' or '.join(sorted(back))}" if back else ""
    paused = cluster.spec.rollout_paused
    resume = f"resume it: navarch cluster update {cluster.name} --resume-rollout; then " if paused else ""
    yield Obstacle(
        "RolloutUnderWay",
        f"a rollout is under way: {_count(len(behind), 'machine')} still of another version "
        f"({first.name} has {first.version} and is to have {version_wanted(cluster, first)})",
        _USER,
        f"{resume}wait until it is done{roll_back}",
    )


def _condition(cluster: Cluster, status: Status, *, told: bool) -> Iterator[Obstacle]:
    """How the cluster is. `told`: it is said already that a rollout is under way."""
    name, ready = cluster.name, status.condition("Ready")
    if status.phase in (Phase.DEGRADED, Phase.BLOCKED) or (status.phase is Phase.PROGRESSING and not told):
        why = f": {ready.reason}: {ready.message}" if ready is not None else ""
        yield Obstacle(
            "NotReady",
            f"the cluster is {status.phase.value}{why}",
            (ready.responsible if ready is not None else None) or _USER,
            (ready.remedy if ready is not None else None) or f"wait until it is Ready: navarch cluster wait {name}",
        )
    elif status.phase is Phase.DELETING or cluster.deleting:
        yield Obstacle("Deleting", "the cluster is being deleted", _USER, "create another one")
    counted = status.machines
    if counted.ready < counted.desired and status.phase in (Phase.READY, Phase.DEGRADED, Phase.BLOCKED):
        yield Obstacle(
            "MachinesNotReady",
            f"{counted.ready} of {_count(counted.desired, 'machine')} Ready",
            _USER,
            f"wait until they are repaired, or look why they are not: navarch machine list -c {name}",
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{' is' if number == 1 else 's are'}"
