"""Clusters to test with, and looks at them."""

from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from navarch.domain.cloud import CloudState, Resource
from navarch.domain.machines import template_of
from navarch.domain.observed import Observed, Record, Wanted
from navarch.domain.offer import ExternalNetwork, Flavor, Offer, Release, VolumeType
from navarch.domain.openstack.resources import (
    FloatingIP,
    Identity,
    LoadBalancer,
    Network,
    Port,
    Router,
    SecurityGroup,
    Server,
    ServerGroup,
    Snapshot,
    Subnet,
    Volume,
)
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

ADDONS = ("access", "calico", "kube-proxy", "coredns", "cloud-controller", "cinder-csi", "metrics-server")
WANTED = Wanted(tuple((name, "imagined") for name in ADDONS))
_TYPES: dict[str, type[Resource]] = {
    "networks": Network,
    "subnets": Subnet,
    "routers": Router,
    "security_groups": SecurityGroup,
    "server_groups": ServerGroup,
    "ports": Port,
    "volumes": Volume,
    "snapshots": Snapshot,
    "servers": Server,
    "load_balancers": LoadBalancer,
    "floating_ips": FloatingIP,
    "identities": Identity,
}


def cluster(*, control_plane: int = 1, workers: int = 2, **changes: object) -> Cluster:
    """A cluster named shop with one node group, web."""
    spec = ClusterSpec(
        kubernetes_version="1.37.2",
        release=OFFER.releases[0],
        network=NetworkSpec("public", "net-public"),
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


TEMPLATE, CONTROL_PLANE_TEMPLATE = template_of(cluster(), "web"), template_of(cluster(), "cp")


def shown(cloud: CloudState, **objects: tuple[Resource, ...] | None) -> CloudState:
    """The same with other objects of these kinds; None: the kind could not be read."""
    seen: dict[StrEnum, tuple[Any, ...]] = dict(cloud.seen)
    for name, resources in objects.items():
        kind = _TYPES[name].kind
        if resources is None:
            seen.pop(kind, None)
        else:
            seen[kind] = resources
    return replace(cloud, seen=seen)


def unread(observed: Observed, kind: StrEnum) -> Observed:
    """The same where a kind could not be read."""
    return replace(
        observed, cloud=replace(observed.cloud, seen={k: v for k, v in observed.cloud.seen.items() if k != kind})
    )


def look(observed: Observed, **changes: Any) -> Observed:
    """The same with other fields, its own or the record's."""
    own = {name: value for name, value in changes.items() if name in Observed.__dataclass_fields__}
    record = {name: value for name, value in changes.items() if name in Record.__dataclass_fields__}
    assert len(own) + len(record) == len(changes)
    return replace(observed, **own).with_record(**record)
