"""What a cluster's add-ons are rendered from. What is not known yet keeps them from being applied, never from being
looked at."""

from navarch.addons.contract import Inputs
from navarch.clouds.contract import Cloud
from navarch.domain.infrastructure import Infrastructure
from navarch.domain.observed import Observed
from navarch.domain.offer import Offer, VolumeType
from navarch.domain.spec import API_PORT, Cluster


def addon_inputs(
    cluster: Cluster, seen: Observed, infrastructure: Infrastructure, cloud: Cloud, offer: Offer, password: str
) -> Inputs | None:
    """The inputs; None while part of them is not known yet. Versions are those of the release that the cluster was
    given, whatever is offered to others now."""
    address, mtu = infrastructure.endpoint.internal_address, infrastructure.mtu
    files = cloud.controller_files(cluster, seen, password)
    if not address or mtu is None or files is None:
        return None
    return Inputs(
        cluster=cluster,
        components=dict(cluster.spec.release.components),
        api_address=address,
        api_port=API_PORT,
        mtu=mtu,
        cloud_files=files,
        volume_types=tuple((t.name, t.zones) for t in _default_first(cluster, offer)),
        zones=offer.zones,
        machines={m.name: m.group for m in seen.record.machines if not m.removing and not m.removed},
    )


def _default_first(cluster: Cluster, offer: Offer) -> tuple[VolumeType, ...]:
    """The cloud's volume types, the one of the etcd disks first: it is known to be fast, so it is the default class."""
    fast = cluster.spec.control_plane.etcd_volume.type
    return tuple(sorted(offer.volume_types, key=lambda t: (t.name != fast, t.name)))
