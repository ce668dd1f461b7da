"""What a machine of a node group would be to the scheduler: as one that is there, or by what it would be made from."""

from collections.abc import Collection, Iterable, Mapping

from navarch.domain.autoscaling.placing import CORDONED, Room, Spot
from navarch.domain.autoscaling.promises import unkept, with_promised
from navarch.domain.kube import RESERVED_CPU_MILLIS, RESERVED_MEMORY_MIB, Node
from navarch.domain.machines import MachineTemplate, component_labels
from navarch.domain.names import zone_label
from navarch.domain.node_labels import HOSTNAME, NODE_GROUP, ZONE, of_cloud_controller, of_csi, of_kubelet
from navarch.domain.offer import Flavor, Offer
from navarch.domain.pods import Amounts, NodeVolumes, Pod, PodsSeen
from navarch.domain.spec import Taint

_PODS = 110
_EVICTED_AT_MIB = 100  # the kubelet's threshold memory.available
_SEEN_OF_MEMORY = 0.95  # what is left of a flavor's memory once firmware and kernel have theirs; checked on the lab's
_SEEN_OF_DISK = 0.75  # the same of its disk: file system, image, the kubelet's threshold nodefs.available
# What begins the keys of taints that somebody takes off a node that is Ready and is not cordoned. After a start of the
# cluster that takes a while: controller managers wait for their leases first.
_PASSING = (
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    CORDONED.key,
    "node.kubernetes.io/network-unavailable",
    "node.cloudprovider.kubernetes.io/uninitialized",
    "node.cloudprovider.kubernetes.io/shutdown",
    "startup-taint.cluster-autoscaler.kubernetes.io/",
    "ignore-taint.cluster-autoscaler.kubernetes.io/",
)


def spot_of(node: Node, volumes: NodeVolumes | None = None) -> Spot:
    """A node that is there, is Ready and stays. Taints with which it waits for somebody pass by themselves. What
    Navarch cordoned for a stop of its cluster, or a removal that was taken back, is opened at once: `plan.nodes`."""
    labels = {HOSTNAME: node.name, **dict(node.labels)}
    is_open = node.cordoned or not node.unschedulable
    return Spot(node.name, labels, _lasting(node.taints), node.allocatable, open=is_open, volumes=volumes)


def room_of(
    nodes: Iterable[Node],
    pods: PodsSeen,
    placed: Iterable[Pod],
    young: Collection[str] = (),
    broken: Mapping[str, tuple[str, ...]] | None = None,
) -> Room:
    """These nodes, with those of these pods that are on them. One of which no CSI driver says anything has none, but
    for the `young`, whose drivers are to come. `broken`: what was promised of nodes, and is not there."""
    volumes = {one.node: one for one in pods.volumes}
    spots: dict[str, Spot] = {}
    for node in nodes:
        there = volumes.get(node.name, NodeVolumes(node.name))
        if node.name in young and not there.drivers:
            there = _expected_volumes(node.name, pods.volumes) or there
        spots[node.name] = spot_of(node, there)
        spots[node.name].unkept = (broken or {}).get(node.name, ())
    room = Room(spots.values())
    for pod in placed:
        if pod.node in spots:
            room.put(pod.shape, spots[pod.node])
    return room


def spot_to_be(
    template: MachineTemplate,
    group: str,
    name: str,
    zone: str,
    sibling: Node | None,
    offer: Offer,
    volumes: tuple[NodeVolumes, ...] = (),
    promise: Amounts = (),
    silent: Collection[str] = (),
    region: str = "",
) -> Spot | None:
    """A machine that the group would get in that zone; None: its flavor is not known. `template`: what it would be made
    from; `sibling`: one of the group's machines that is Ready and made from the same; `volumes`: what the cluster's
    nodes may have of them. The drivers of volumes run on every machine: without a sibling, those of any node are
    expected. `promise`: what it will have beside what its flavor says, unless the sibling shows otherwise; `silent`:
    what of that machines like it never showed. `region`: as the cluster's nodes have it; empty: none of them does."""
    wished = dict(template.labels)
    of_its_own = {NODE_GROUP: group, **component_labels(template.release.tags)}
    like = tuple(v for v in volumes if sibling is not None and v.node == sibling.name and v.drivers)
    expected = _expected_volumes(name, like or volumes)
    if sibling is not None:
        place = {HOSTNAME: name, ZONE: zone_label(zone), **of_csi(zone)}
        labels = {**dict(sibling.labels), **wished, **of_its_own, **place}
        return _to_be(name, labels, template, sibling.allocatable, zone, expected, promise, silent)
    flavor = offer.flavor(template.flavor)
    if flavor is None:
        return None
    disk_gib = template.root_volume.size_gib if template.root_volume is not None else flavor.disk_gib
    others = {**of_kubelet(name), **of_cloud_controller(flavor.name, zone, region), **of_csi(zone)}
    labels = {**wished, **of_its_own, **others}
    has = with_promised(allocatable(flavor, disk_gib), promise)
    return _to_be(name, labels, template, has, zone, expected, promise, silent)


def _to_be(
    name: str,
    labels: Mapping[str, str],
    template: MachineTemplate,
    has: Amounts,
    zone: str,
    volumes: NodeVolumes | None,
    promise: Amounts,
    silent: Collection[str],
) -> Spot:
    has = tuple((resource, amount) for resource, amount in has if resource not in silent)
    found = Spot(name, labels, _lasting(template.taints), has, zone, volumes=volumes, comes=True)
    found.unkept = unkept(promise, has)
    return found


def allocatable(flavor: Flavor, disk_gib: int) -> Amounts:
    """What pods may ask for on a machine of this flavor, a little less rather than more."""
    memory_mib = int(flavor.ram_mib * _SEEN_OF_MEMORY) - RESERVED_MEMORY_MIB - _EVICTED_AT_MIB
    return (
        ("cpu", max(0, 1000 * flavor.vcpus - RESERVED_CPU_MILLIS)),
        ("ephemeral-storage", int(disk_gib * _SEEN_OF_DISK) << 30),
        ("memory", max(0, memory_mib) << 20),
        ("pods", _PODS),
    )


def _expected_volumes(name: str, volumes: Iterable[NodeVolumes]) -> NodeVolumes | None:
    """As that one of them which has most drivers; None: none has any."""
    like = max(volumes, key=lambda v: (len(v.drivers), v.node), default=None)
    return NodeVolumes(name, like.limits, like.drivers) if like is not None and like.drivers else None


def _lasting(taints: tuple[Taint, ...]) -> tuple[Taint, ...]:
    return tuple(t for t in taints if not t.key.startswith(_PASSING))
