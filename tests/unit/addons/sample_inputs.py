"""What add-ons are rendered from, for a small cluster."""

from dataclasses import replace
from datetime import UTC, datetime

from navarch.addons.contract import Holder, Inputs
from navarch.domain.offer import Release
from navarch.domain.spec import (
    Cluster,
    ClusterSpec,
    ControlPlaneSpec,
    NetworkSpec,
    NodeGroup,
    NodeGroupSpec,
    VolumeSpec,
)

STEM = "demo-6f1f6a3e"
COMPONENTS = {
    "calico": "v3.28.5",
    "coredns": "v1.14.7",
    "cloud-controller": "v1.35.0",
    "cinder-csi": "v1.35.0",
    "csi-attacher": "v4.13.0",
    "csi-provisioner": "v6.4.0",
    "csi-resizer": "v2.3.0",
    "csi-registrar": "v1",
    "metrics-server": "v0.9.0",
}


def release(version: str = "1.37.2", **tags: str) -> Release:
    """A node image of that version, some of whose components (`cinder_csi` for `cinder-csi`) have other tags."""
    changed = {name.replace("_", "-"): tag for name, tag in tags.items()}
    components = tuple((COMPONENTS | changed).items())
    return Release(version, f"image-{version}", f"node-{version}", "bundle", components)


RELEASE = release()


def cluster(*, control_plane: int = 1, workers: int = 2, of: Release = RELEASE) -> Cluster:
    """A cluster of that many machines."""
    return Cluster(
        id="6f1f6a3e-2b1c-4c55-9a54-6d2c7f3c0b11",
        name="demo",
        project_id="alpha",
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        spec=ClusterSpec(
            kubernetes_version=of.kubernetes_version,
            release=of,
            network=NetworkSpec("public", "public-id"),
            control_plane=ControlPlaneSpec(
                flavor="m1.small", etcd_volume=VolumeSpec("ssd", 10), replicas=control_plane
            ),
        ),
        node_groups=(NodeGroup("default", NodeGroupSpec("m1.small", replicas=workers)),),
    )


def holders(
    *, control_plane: int = 0, workers: int = 0, of: Release = RELEASE, take_pods: bool = True
) -> tuple[Holder, ...]:
    """Machines made from a release."""
    return (*[Holder(of, True, take_pods)] * control_plane, *[Holder(of, False, take_pods)] * workers)


def inputs(**changes: object) -> Inputs:
    """The inputs, with some of them changed."""
    made = Inputs(
        cluster=cluster(),
        api_address="10.0.0.5",
        api_port=6443,
        mtu=1442,
        cloud_files={
            "cloud.conf": '[Global]\npassword = "correct horse"\n',
            "node.conf": "[BlockStorage]\nnode-volume-attach-limit = 23\n",
            "ca.crt": "-----BEGIN CERTIFICATE-----\n",
        },
        volume_types=(("ssd", ("z1", "z2", "z3")), ("hdd", ("z1",))),
        zones=("z1", "z2", "z3"),
        machines={f"{STEM}-cp-0": "cp", f"{STEM}-default-1": "default", f"{STEM}-default-2": "default"},
        holders=holders(control_plane=1, workers=2),
    )
    return replace(made, **changes)  # type: ignore[arg-type]
