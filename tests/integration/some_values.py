"""Clusters and their parts for tests: complete and plausible, each with what the test is about changed."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from navarch.domain.machines import BootReport, Machine, MachineTemplate
from navarch.domain.offer import Release
from navarch.domain.spec import (
    Cluster,
    ClusterSpec,
    ControlPlaneSpec,
    NetworkSpec,
    NodeGroup,
    NodeGroupSpec,
    Role,
    VolumeSpec,
)

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
RELEASE = Release("1.37.2", "image", "node-1.37.2", "bundle", (("etcd", "3.6.8-0"), ("coredns", "v1.14.7")))
SPEC = ClusterSpec(
    kubernetes_version="1.37.2",
    release=RELEASE,
    network=NetworkSpec("public", "public-id"),
    control_plane=ControlPlaneSpec(flavor="m1.medium", etcd_volume=VolumeSpec("ssd", 10), zones=("z1",)),
)
GROUP = NodeGroup("default", NodeGroupSpec(flavor="m1.small", zones=("z1",)))


def a_cluster(**changes: Any) -> Cluster:
    """A cluster named shop in project alpha, with one node group."""
    base = Cluster(
        id=str(uuid4()),
        name="shop",
        project_id="alpha",
        spec=SPEC,
        created_at=NOON,
        node_groups=(GROUP,),
        labels=(("team", "web"),),
        created_by="ann",
        request_id="req-1",
        region="RegionOne",
    )
    return replace(base, **changes)


def a_machine(name: str = "shop-cp-0", **changes: Any) -> Machine:
    """The first control-plane machine."""
    return replace(
        Machine(name, Role.CONTROL_PLANE, "cp", 0, "z1", NOON, MachineTemplate(RELEASE, "m1.medium")), **changes
    )


def a_report(phase: str = "StartKubelet", state: str = "done", **changes: Any) -> BootReport:
    """A finished phase."""
    return replace(BootReport(phase, state, NOON, 1.5), **changes)
