"""Maintenance windows of clusters: what Navarch began on its own account waits while they are shut.

Pure. What a person asked for waits for no window, and neither does repair.

    a control plane that was not begun      stays what it is, and so do the node groups, which come after it
    one that was begun                      is finished: API servers of two versions are nothing to leave for a week
    node groups                             no further machine is begun; what was begun is finished
    one that somebody told to follow        becomes what the control plane is, at once
"""

from datetime import datetime

from navarch.domain.calendar import Opening, next_opening, opening
from navarch.domain.machines import (
    Machine,
    MachineTemplate,
    other_release,
    outdated,
    outdated_by_more,
    template_beside,
    template_of,
)
from navarch.domain.offer import Release
from navarch.domain.spec import Cluster, ClusterSpec, NodeGroupSpec, Role


def is_shut(spec: ClusterSpec, now: datetime) -> bool:
    """Whether machines stay what they are for now, though Navarch chose that they become others."""
    chosen, window = spec.automatic_since is not None, spec.maintenance
    return chosen and window is not None and opening(window, now) is None


def is_shut_out(spec: ClusterSpec, group: NodeGroupSpec) -> bool:
    """Whether a shut window is one for this node group: not where a person gave it a version of its own, or told it to
    follow its cluster's since Navarch chose that."""
    told, chosen = group.follows_since, spec.automatic_since
    return group.release is None and not (told is not None and chosen is not None and told >= chosen)


def now_or_next(spec: ClusterSpec, now: datetime) -> Opening | None:
    """The window that is open, else the next one; None: there is none."""
    window = spec.maintenance
    return None if window is None else opening(window, now) or next_opening(window, now)


def behind(cluster: Cluster, machines: tuple[Machine, ...]) -> tuple[tuple[Machine, str], ...]:
    """Machines whose version or image is another one than is wanted in the end, with the reason. Those that go, or were
    given up, are not among them."""
    found = []
    for machine in machines:
        group = cluster.group(machine.group)
        stays = group.deletion_requested_at is None if group is not None else machine.role is Role.CONTROL_PLANE
        if stays and not (machine.removed or machine.removing or machine.kept_at is not None):
            why = other_release(machine, template_of(cluster, machine.group).release)
            found += [(machine, why)] if why else []
    return tuple(found)


def wanted_now(cluster: Cluster, group: str, machines: tuple[Machine, ...], now: datetime) -> MachineTemplate:
    """What machines of this node group are to be, whatever waits for a window; where there is none of that name, those
    of the control plane. `machines`: as for `release_meanwhile`."""
    return template_of(cluster, group, _release_now(cluster, group, machines, now))


def made_from_now(cluster: Cluster, group: str, machines: tuple[Machine, ...], now: datetime) -> MachineTemplate:
    """What a new machine is made from now: what is wanted now, but no kubelet is newer than an API server."""
    if cluster.group(group) is None:
        return wanted_now(cluster, group, machines, now)
    live = (m for m in machines if not m.removed)
    return template_beside(cluster, group, live, _release_now(cluster, group, machines, now))


def outdated_now(cluster: Cluster, machine: Machine, machines: tuple[Machine, ...], now: datetime) -> str:
    """Why another machine is to take the place of this one, whatever waits for a window; empty: none is."""
    wanted, group = wanted_now(cluster, machine.group, machines, now), cluster.group(machine.group)
    if group is None:
        return outdated(machine, wanted, ())
    shut_out = is_shut(cluster.spec, now) and is_shut_out(cluster.spec, group.spec)
    return (outdated_by_more if shut_out else outdated)(machine, wanted, group.spec.zones)


def _release_now(cluster: Cluster, group: str, machines: tuple[Machine, ...], now: datetime) -> Release | None:
    """What the control plane is made from while the window is shut, also for a node group that follows its cluster's
    version; None: what is wanted in the end."""
    node_group = cluster.group(group)
    own = node_group is not None and node_group.spec.release is not None
    return release_meanwhile(cluster, machines) if is_shut(cluster.spec, now) and not own else None


def release_meanwhile(cluster: Cluster, machines: tuple[Machine, ...]) -> Release | None:
    """What a control plane is made from as long as the window is shut; None: what is wanted in the end. `machines`:
    those that are gone among them, for where none is left the place of the last one is filled as it was."""
    mine = [m for m in machines if m.role is Role.CONTROL_PLANE]
    staying = [m for m in mine if not (m.removed or m.removing)]
    begun = any(not other_release(m, cluster.spec.release) for m in staying)
    known = staying or mine
    return None if begun or not known else max(known, key=lambda m: m.created_at).template.release
