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
from navarch.domain.machines import Machine
from navarch.domain.maintenance import behind, is_shut, now_or_next
from navarch.domain.obstacles import upgrade_obstacles
from navarch.domain.offer import Offer, Quota, Release, version_order
from navarch.domain.spec import Cluster
from navarch.domain.status import Condition, Phase
from navarch.domain.upgrades import Circumstances, Obstacle

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
        return _under_way(cluster, late, window, now)
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
    cluster: Cluster, late: tuple[tuple[Machine, str], ...], window: Opening | None, now: datetime
) -> Upkeep:
    (first, why), count = late[0], len(late)
    machines = f"{count} machine{'s are' if count > 1 else ' is'} to be replaced ({first.name}: {why})"
    if not is_shut(cluster.spec, now):
        return Upkeep(Finding("RollingOut", machines, late=None))
    opens = f"opens at {_time(window.start)}" if window is not None else "never opens"
    asked = f"navarch cluster upgrade {cluster.name} --to {cluster.spec.kubernetes_version}"
    message = f"{machines} when the maintenance window {opens}; at once with: {asked}"
    return Upkeep(Finding("WaitsForWindow", message, late=None), at=window.start if window is not None else None)


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
    if cluster.spec.rollout_paused:
        yield Obstacle(
            "RolloutPaused",
            "its user paused its rollouts",
            _USER,
            f"resume them: navarch cluster update {name} --resume-rollout",
        )
    _, found = admit_release(cluster, release, offer, seen=seen)
    ready = seen.status.condition("Ready")
    passes = ready is not None and ready.responsible is None
    yield from (o for o in found if not (o.reason in ("NotReady", "MachinesNotReady") and passes))
    for inside in upgrade_obstacles(seen.status.survey, release.kubernetes_version):
        if inside.blocks:
            yield Obstacle(inside.reason, f"{inside.what}: {inside.message}", _USER, inside.remedy)


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
