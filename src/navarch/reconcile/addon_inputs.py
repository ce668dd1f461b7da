"""What a cluster's add-ons are rendered from. What is not known yet keeps them from being applied, never from being
looked at."""

from collections.abc import Mapping

from navarch.addons.contract import Holder, Inputs
from navarch.addons.package import CONTROL_PLANE_TAINT
from navarch.clouds.contract import Cloud
from navarch.domain.infrastructure import Infrastructure
from navarch.domain.kube import Node
from navarch.domain.machines import Machine, component_labels
from navarch.domain.observed import Observed
from navarch.domain.offer import Offer, VolumeType
from navarch.domain.spec import API_PORT, Cluster, Role


def addon_inputs(
    cluster: Cluster, seen: Observed, infrastructure: Infrastructure, cloud: Cloud, offer: Offer, password: str
) -> Inputs | None:
    """The inputs; None while part of them is not known yet. Versions are those of the releases that the cluster was
    given and its machines were made from, whatever is offered to others now."""
    address, mtu = infrastructure.endpoint.internal_address, infrastructure.mtu
    files = cloud.controller_files(cluster, seen, password, offer)
    if not address or mtu is None or files is None or not offer.whole:
        return None  # a storage class of a type that is not known now is not taken away
    nodes = {} if seen.kube is None else {node.name: node for node in seen.kube.nodes}
    return Inputs(
        cluster=cluster,
        api_address=address,
        api_port=API_PORT,
        mtu=mtu,
        cloud_files=files,
        volume_types=tuple((t.name, t.zones) for t in _default_first(cluster, offer)),
        zones=offer.zones,
        storage_zone=offer.storage_zone,
        machines={m.name: m.group for m in seen.record.live if not m.removing},
        holders=tuple(_holder(m, nodes.get(m.name)) for m in seen.record.live),
        unlabelled={
            m.name: lacking
            for m in seen.record.live
            if m.joined and m.name in nodes and (lacking := _lacking(m, nodes[m.name]))
        },
    )


def _holder(machine: Machine, node: Node | None) -> Holder:
    takes_pods = (
        node is not None
        and node.ready
        and not (machine.removing or node.unschedulable)
        and all(t.effect == "PreferNoSchedule" or t.key == CONTROL_PLANE_TAINT for t in node.taints)
    )
    return Holder(machine.template.release, machine.role is Role.CONTROL_PLANE, takes_pods)


def _lacking(machine: Machine, node: Node) -> Mapping[str, str]:
    """Labels about the machine's images that its node has lost, or never had: it joined before there were any."""
    labels = component_labels(machine.template.release.tags)
    return dict(sorted(set(labels.items()) - set(node.labels)))


def _default_first(cluster: Cluster, offer: Offer) -> tuple[VolumeType, ...]:
    """The cloud's volume types, the one of the etcd disks first: it is known to be fast, so it is the default class."""
    fast = cluster.spec.control_plane.etcd_volume.type
    return tuple(sorted(offer.volume_types, key=lambda t: (t.name != fast, t.name)))
