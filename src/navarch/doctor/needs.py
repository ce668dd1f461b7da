"""What a first cluster, one control-plane machine and two workers, takes of a project's quotas: chosen and counted as
the API does. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from navarch.domain.admission import LIMITS, consider_cluster
from navarch.domain.needs import compare, needs_of
from navarch.domain.offer import Allowance, Flavor, Offer, Quota, Release
from navarch.domain.spec import (
    Cluster,
    ClusterSpec,
    ControlPlaneSpec,
    NetworkSpec,
    NodeGroup,
    NodeGroupSpec,
    VolumeSpec,
)

WORKERS = 2
_FIRST = Cluster(
    id="",
    name="first",
    project_id="",
    spec=ClusterSpec("", Release("", "", "", ""), NetworkSpec("", ""), ControlPlaneSpec("", VolumeSpec("", 0))),
    created_at=datetime.min.replace(tzinfo=UTC),
    node_groups=(NodeGroup("workers", NodeGroupSpec("", replicas=WORKERS)),),
)


@dataclass(frozen=True, slots=True)
class FirstCluster:
    """The names of its flavors, and what it takes by the names of `Quota`."""

    control_plane: str
    worker: str
    needs: Counter[str]


def first_cluster(flavors: tuple[Flavor, ...], disk_gib: int) -> FirstCluster | None:
    """The first cluster on the smallest flavors, or None where there are none for it. `disk_gib`: what the node image
    needs."""
    offer = Offer(flavors, releases=(Release("1.0.0", "", "", "", min_disk_gib=disk_gib),))
    cluster, _ = consider_cluster(_FIRST, offer)
    control_plane, worker = cluster.spec.control_plane.flavor, cluster.node_groups[0].spec.flavor
    return FirstCluster(control_plane, worker, needs_of(cluster, offer)) if control_plane and worker else None


def least(disk_gib: int) -> str:
    """What the flavor of its control plane must have, in words."""
    return f"{LIMITS.control_plane_vcpus} vCPUs, {LIMITS.control_plane_ram_mib} MiB of memory, {disk_gib} GiB of disk"


def shortfalls(needs: Counter[str], allowances: Iterable[Allowance]) -> list[str]:
    """Every quota that does not suffice, in words."""
    return [
        f"{need.resource.replace('_', ' ')}: needed {need.needed}{unit}, free {need.free}{unit} of {need.limit}"
        for need in compare(needs, Quota(tuple(allowances)))
        if need.short
        for unit in [f" {need.unit}" if need.unit else ""]
    ]
