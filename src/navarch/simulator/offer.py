"""What a simulated region offers where nobody says otherwise: about what a small cloud has."""

from navarch.domain.offer import ExternalNetwork, Flavor, Offer, Release, VolumeType

_ZONES = ("z1", "z2", "z3")
_COMPONENTS = (("etcd", "3.6.8-0"), ("coredns", "1.14.0"), ("calico", "3.31.0"))


def offer() -> Offer:
    """Flavors, zones, volume types, a network and two Kubernetes versions."""
    return Offer(
        flavors=(
            Flavor("f1", "m1.small", 1, 2048, 20),
            Flavor("f2", "m1.medium", 2, 4096, 40),
            Flavor("f3", "m1.large", 4, 8192, 80),
            Flavor("f4", "c1.large", 8, 8192, 80),
        ),
        zones=_ZONES,
        volume_types=(VolumeType("hdd", _ZONES), VolumeType("ssd", _ZONES)),
        external_networks=(ExternalNetwork("public-id", "public", ("198.18.0.0/15",)),),
        releases=tuple(
            Release(version, f"image-{version}", f"node-{version}", "simulated", _COMPONENTS, 10)
            for version in ("1.37.2", "1.36.9")
        ),
    )
