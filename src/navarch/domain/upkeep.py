"""What Navarch does for a cluster without being asked: newer patches of its Kubernetes version, and newer node images.

Pure. `upkeep` says what stands in the way of the newest one, until when it waits, or that it is to be begun now. It is
begun by a change of the wish, and goes on as every rollout does; only that it keeps to the maintenance window
(`domain.maintenance`). What stands in its way is asked as for a person's upgrade (`domain.change`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from navarch.domain.calendar import Opening
from navarch.domain.change import admit_release
from navarch.domain.errors import Responsible
from navarch.domain.finding import Finding
from navarch.domain.machines import Machine, other_release
from navarch.domain.maintenance import behind, now_or_next, outdated_now, wanted_now
from navarch.domain.offer import Offer, Quota, Release, version_order
from navarch.domain.spec import Cluster
from navarch.domain.status import Condition, Phase
from navarch.domain.upgrades import Circumstances, Obstacle, found_inside, paused, stopped

_USER = Responsible.USER.value


@dataclass(frozen=True, slots=True)
class Upkeep:
    """`finding`: why a cluster is not of the newest release that Navarch would give it; None: it is. `begin`: what it
    is to become now. `at`: when there is something to do next; None: nothing is known of."""

    finding: Finding | None = None
    begin: Release | None = None
    at: datetime | None = None


def upkeep(
    cluster: Cluster, seen: Circumstances, known: Condition | None, offer: Offer, now: datetime, *, spread: timedelta
) -> Upkeep | None:
    """Of a cluster as it was judged just now; None: nobody asked Navarch for any. `known`: the condition that says so,
    as it was. `spread`: over how long clusters' beginnings are spread."""
    spec, status = cluster.spec, seen.status
    late = behind(cluster, seen.machines)
    if cluster.deleting or not (spec.automatic_upgrades or (spec.automatic_since is not None and late)):
        return None
    window = now_or_next(spec, now)
    if late:
        return _under_way(cluster, seen, late, window, now)
    release = newer_release(cluster, offer)
    if release is None:
        return Upkeep()
    what = f"Kubernetes {release.kubernetes_version} ({release.image_name}) is offered"
    held = next(_held(cluster, release, offer, seen), None)
    if held is not None:
        return Upkeep(_waits(what, held))
    if status.phase is not Phase.READY or status.survey is None:
        return Upkeep(Finding("UpgradeWaits", f"{what}, and waits until the cluster is Ready", late=None))
    if spec.maintenance is not None and window is None:
        return Upkeep(Finding("WaitsForWindow", f"{what}; the maintenance window never opens", late=None))
    since = known.last_transition_at if known is not None and known.status == "False" else None
    begins = _begins_at(cluster.id, window, since or now, spread)
    if now < begins:
        reason = "WaitsForWindow" if window is not None and now < window.start else "UpgradeWaits"
        return Upkeep(Finding(reason, f"{what}, and is begun at {_time(begins)}", late=None), at=begins)
    return Upkeep(Finding("UpgradeBegins", f"{what}, and is begun now", late=None), release, now)


def newer_release(cluster: Cluster, offer: Offer) -> Release | None:
    """The newest patch of a cluster's minor version that is offered, or a node image of its version that was built
    later; None: there is none."""
    has = cluster.spec.release
    version = version_order(cluster.spec.kubernetes_version)
    for release in offer.newest_releases:
        offered = version_order(release.kubernetes_version)
        if offered[:2] == version[:2] and offered > version:
            return release
        if offered == version and release.image_id != has.image_id and release.built_at > has.built_at:
            return release
    return None


def short_of(cluster: Cluster, release: Release, offer: Offer, quota: Quota, seen: Circumstances) -> Finding | None:
    """What is in the way of beginning it now, the project's quotas among it; None: nothing is."""
    _, found = admit_release(cluster, release, offer, quota, seen=seen)
    if not found:
        return None
    what = f"Kubernetes {release.kubernetes_version} ({release.image_name}) is offered"
    return _waits(what, found[0])


def _under_way(
    cluster: Cluster,
    seen: Circumstances,
    late: tuple[tuple[Machine, str], ...],
    window: Opening | None,
    now: datetime,
) -> Upkeep:
    """Of a rollout that was begun. Some of its machines may go though the window is shut (`domain.maintenance`)."""
    going = tuple((m, why) for m, why in late if _goes_now(cluster, m, seen.machines, now))
    if not going:
        return Upkeep(_waits_for_window(cluster, _to_be_replaced(late), window), at=_start(window))
    halt = next(_halted(cluster, seen), None)
    if halt is not None:
        message = f"{_to_be_replaced(late)}, and waits: {halt.message}"
        return Upkeep(Finding(halt.reason, message, halt.responsible, halt.remedy, late=None))
    count = len(late) - len(going)
    more = f"; {count} more when the maintenance window {_opens(window)}" if count else ""
    at = _start(window) if count else None
    return Upkeep(Finding("RollingOut", f"{_to_be_replaced(going)}{more}", late=None), at=at)


def _goes_now(cluster: Cluster, machine: Machine, machines: tuple[Machine, ...], now: datetime) -> bool:
    """Whether one of another version or image takes the place of this machine, whatever window is shut."""
    wanted = wanted_now(cluster, machine.group, machines, now)
    return bool(other_release(machine, wanted.release) and outdated_now(cluster, machine, machines, now))


def _to_be_replaced(late: tuple[tuple[Machine, str], ...]) -> str:
    (first, why), count = late[0], len(late)
    return f"{count} machine{'s are' if count > 1 else ' is'} to be replaced ({first.name}: {why})"


def _waits_for_window(cluster: Cluster, what: str, window: Opening | None) -> Finding:
    asked = f"navarch cluster upgrade {cluster.name} --to {cluster.spec.kubernetes_version}"
    message = f"{what} when the maintenance window {_opens(window)}; at once with: {asked}"
    return Finding("WaitsForWindow", message, late=None)


def _opens(window: Opening | None) -> str:
    return f"opens at {_time(window.start)}" if window is not None else "never opens"


def _start(window: Opening | None) -> datetime | None:
    return window.start if window is not None else None


def _halted(cluster: Cluster, seen: Circumstances) -> Iterator[Obstacle]:
    """Why nothing of a cluster is replaced until somebody wants it to be."""
    if cluster.spec.rollout_paused:
        yield Obstacle(
            "RolloutPaused",
            "its user paused its rollouts",
            _USER,
            f"resume them: navarch cluster update {cluster.name} --resume-rollout",
        )
    yield from stopped(cluster, seen.status)
    yield from paused(cluster, seen.status)


def _held(cluster: Cluster, release: Release, offer: Offer, seen: Circumstances) -> Iterator[Obstacle]:
    """What is in the way until somebody acts, but for quotas. What passes by itself is waited for."""
    name = cluster.name
    if cluster.spec.image_named:
        yield Obstacle(
            "ImageNamed",
            f"a person named its node image, {cluster.spec.node_image}",
            _USER,
            f"leave the image to Navarch: navarch cluster update {name} --unset node-image",
        )
    yield from _halted(cluster, seen)
    _, found = admit_release(cluster, release, offer, seen=seen)
    ready = seen.status.condition("Ready")
    passes = ready is not None and ready.responsible is None
    yield from (o for o in found if not (o.reason in ("NotReady", "MachinesNotReady") and passes))
    yield from found_inside(seen.status, release.kubernetes_version, blocking=True)


def _begins_at(cluster_id: str, window: Opening | None, since: datetime, spread: timedelta) -> datetime:
    """When a cluster's turn is, after the window opened and something newer was offered: each cluster's at another
    time, so that not all begin at once, and within the first half of what is left of the window."""
    start, most = since, spread
    if window is not None:
        start = max(window.start, since)
        most = min(spread, max(window.end - start, timedelta()) / 2)
    share = int.from_bytes(sha256(cluster_id.encode()).digest()[:4], "big") / 2**32
    return start + most * share


def _waits(what: str, held: Obstacle) -> Finding:
    return Finding(held.reason, f"{what}, and waits: {held.message}", held.responsible, held.remedy, late=None)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
