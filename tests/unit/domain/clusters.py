"""Clusters to test with."""

from datetime import UTC, datetime

from navarch.domain.offer import ExternalNetwork, Flavor, Offer, Release, VolumeType
from navarch.domain.spec import (
    Cluster,
    ClusterSpec,
    ControlPlaneSpec,
    NetworkSpec,
    NodeGroup,
    NodeGroupSpec,
    VolumeSpec,
)

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)

OFFER = Offer(
    flavors=(Flavor("f1", "m1.small", 1, 2048, 20), Flavor("f2", "m1.medium", 2, 4096, 20)),
    zones=("z1", "z2", "z3"),
    volume_types=(VolumeType("ssd", ("z1", "z2", "z3")), VolumeType("hdd", ("z1",))),
    external_networks=(ExternalNetwork("net-public", "public", ("198.51.100.0/24",)),),
    releases=(Release("1.37.2", "image-1372", "navarch-1.37.2", "bundle", (("calico", "v3.28.5"),), 4),),
    read_at=NOW,
)


def cluster(*, control_plane: int = 1, workers: int = 2, **changes: object) -> Cluster:
    """A cluster named shop with one node group, web."""
    spec = ClusterSpec(
        kubernetes_version="1.37.2",
        network=NetworkSpec("public"),
        control_plane=ControlPlaneSpec(
            "m1.medium", VolumeSpec("ssd", 10), control_plane, ("z1",) if control_plane == 1 else ("z1", "z2", "z3")
        ),
    )
    values: dict[str, object] = {
        "id": "3f2a91bc-5d1e-4f7a-9a39-000000000000",
        "name": "shop",
        "project_id": "project-a",
        "spec": spec,
        "created_at": NOW,
        "node_groups": (NodeGroup("web", NodeGroupSpec("m1.small", workers, ("z1",))),),
    }
    return Cluster(**(values | changes))  # type: ignore[arg-type]
