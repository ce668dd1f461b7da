"""What a simulated region has where nobody says otherwise: about what a small cloud has."""

from navarch.simulator.openstack.site import ExternalNetwork, Flavor, Image, Site, VolumeType

_COMPONENTS = "etcd=3.6.8-0,coredns=1.14.0,calico=3.31.0"
_CAPACITY = "capacity.cluster-autoscaler.kubernetes.io"
_MEMBERS = 60  # of a server group: Nova's default, ten, is a small node group


def small_site(url: str) -> Site:
    """Flavors, zones, volume types, a network and node images of Kubernetes versions, at this address: two minor ones,
    of the older one two patches."""
    return Site(
        flavors=(
            Flavor("f1", "m1.small", 1, 2048, 20),
            Flavor("f2", "m1.medium", 2, 4096, 40),
            Flavor("f3", "m1.large", 4, 8192, 80),
            Flavor("f4", "c1.large", 8, 8192, 80),
            Flavor("f5", "g1.medium", 2, 4096, 40, extra_specs={f"{_CAPACITY}:gpu-count": "1"}),
        ),
        zones=("z1", "z2", "z3"),
        volume_types=(VolumeType("hdd"), VolumeType("ssd")),
        external_networks=(ExternalNetwork("6f0c7f9e-52f8-4c4e-9a59-2f3f6d1f3f01", "public", "198.18.0.0/15"),),
        images=tuple(
            Image(
                f"8a1d5c6e-0f3b-4f7a-9b1c-{version.replace('.', ''):0>12}",
                f"node-{version}",
                min_disk=10,
                properties={
                    "navarch_kubernetes_version": version,
                    "navarch_bundle": "simulated",
                    "navarch_components": _COMPONENTS,
                },
            )
            for version in ("1.37.2", "1.36.9", "1.36.8")
        ),
        quotas={"server_group_members": _MEMBERS, "metadata_items": 128},
        url=url,
    )
