"""What may be changed of a cluster that exists, and why not the rest.

Only what differs from the wish as it is gets judged: that a flavor or a version is no longer offered does not stand in
the way of pausing a cluster that has it.
"""

from collections.abc import Iterator
from dataclasses import replace

from navarch.domain import ranges
from navarch.domain.admission import LIMITS, NOT_YET, Reading, Refusal, most_machines
from navarch.domain.errors import FieldError
from navarch.domain.needs import Need, compare, needs_of, shortages
from navarch.domain.offer import Offer, Quota
from navarch.domain.request import ClusterRequest, NodeGroupRequest
from navarch.domain.spec import Cluster, NodeGroup

_NETWORK = "cannot be changed: addresses of a running cluster's machines, pods and services are made from it"
_REPLACED = f"cannot be changed: replacing machines that run {NOT_YET}"


def admit_change(cluster: Cluster, request: ClusterRequest) -> Cluster | Refusal:
    """The cluster with what may be changed changed. None in the request: as it is. `request.labels` are all of them."""
    reading = Reading(Offer())
    reading.errors.extend(_immutable(cluster, request))
    spec, wanted = cluster.spec, request.network.api_allowed_cidrs
    network = spec.network
    if wanted is not None and wanted != network.api_allowed_cidrs:
        network = replace(network, api_allowed_cidrs=reading.allowed_cidrs(wanted))
    labels = cluster.labels
    if tuple(sorted(request.labels)) != labels:
        labels = reading.labels("labels", request.labels)
    paused = spec.paused if request.paused is None else request.paused
    if reading.errors:
        return Refusal(tuple(reading.errors))
    return replace(cluster, labels=labels, spec=replace(spec, network=network, paused=paused))


def admit_node_group(
    cluster: Cluster, request: NodeGroupRequest, offer: Offer, quota: Quota | None = None
) -> NodeGroup | Refusal:
    """A new node group for a cluster that exists. A name that is taken is the store's to refuse."""
    reading = Reading(offer)
    reading.use_release(cluster.spec.kubernetes_version)
    group = reading.node_group(request, "", "spec.")
    if len(cluster.node_groups) >= LIMITS.node_groups:
        reading.refuse("name", f"the cluster has {LIMITS.node_groups} node groups, which is the most it may have")
    return _fitting(reading, cluster, replace(cluster, node_groups=(*cluster.node_groups, group)), group, quota)


def admit_node_group_change(
    cluster: Cluster, group: NodeGroup, request: NodeGroupRequest, offer: Offer, quota: Quota | None = None
) -> NodeGroup | Refusal:
    """The node group with what may be changed changed. None in the request: as it is."""
    reading, spec = Reading(offer), group.spec
    if request.name not in (None, group.name):
        reading.refuse("name", "cannot be changed: machines are named after it")
    flavor = offer.flavor(request.flavor) if request.flavor is not None else None
    if request.flavor not in (None, spec.flavor) and (flavor is None or flavor.name != spec.flavor):
        reading.refuse("spec.flavor", f"{_REPLACED}; add a node group of the other flavor and delete this one")
    if request.zones and request.zones != spec.zones:
        reading.refuse("spec.zones", f"{_REPLACED}; add a node group in the other zones and delete this one")
    wanted = replace(
        request,
        replicas=spec.replicas if request.replicas is None else request.replicas,
        labels=spec.labels if request.labels is None else request.labels,
        max_surge=spec.max_surge if request.max_surge is None else request.max_surge,
        max_unavailable=spec.max_unavailable if request.max_unavailable is None else request.max_unavailable,
    )
    changed = reading.node_group_spec(wanted, "spec.", spec.flavor, spec.zones)
    if request.taints is None:
        changed = replace(changed, taints=spec.taints)
    new = replace(group, spec=changed)
    others = tuple(new if g.name == group.name else g for g in cluster.node_groups)
    return _fitting(reading, cluster, replace(cluster, node_groups=others), new, quota)


def growth(old: Cluster, new: Cluster, offer: Offer, quota: Quota | None) -> tuple[Need, ...]:
    """What a changed cluster takes more than before, against the quota."""
    return compare(needs_of(new, offer) - needs_of(old, offer), quota)


def _fitting(
    reading: Reading, old: Cluster, new: Cluster, group: NodeGroup, quota: Quota | None
) -> NodeGroup | Refusal:
    if most_machines(0, new.node_groups) > most_machines(0, old.node_groups):
        reading.errors.extend(_too_many(new))
        reading.errors.extend(shortages(growth(old, new, reading.offer, quota)))
    return Refusal(tuple(reading.errors)) if reading.errors else group


def _too_many(cluster: Cluster) -> Iterator[FieldError]:
    workers = sum(g.spec.replicas for g in cluster.node_groups)
    if workers > LIMITS.workers:
        yield FieldError("spec.replicas", f"the cluster would have {workers} workers; the most is {LIMITS.workers}")
    network = cluster.spec.network
    nodes = most_machines(cluster.spec.control_plane.replicas, cluster.node_groups)
    for cidr, wrong in ((network.node_cidr, ranges.wrong_node_size), (network.pod_cidr, ranges.wrong_pod_size)):
        parsed = ranges.parse_ipv4(cidr)
        detail = None if isinstance(parsed, str) else wrong(parsed, nodes)
        if detail is not None:
            yield FieldError("spec.replicas", f"too many for the cluster's network: {detail}")


def _immutable(cluster: Cluster, request: ClusterRequest) -> Iterator[FieldError]:
    """Each field that was asked to be what it is not and cannot become."""
    spec = cluster.spec
    network, control_plane = spec.network, spec.control_plane
    if request.name not in (None, cluster.name):
        yield FieldError("name", "cannot be changed: machines and their certificates are named after it")
    if request.running is False:
        yield FieldError("spec.running", f"false {NOT_YET}; paused stops Navarch from changing anything")
    if request.kubernetes_version not in (None, spec.kubernetes_version):
        yield FieldError(
            "spec.kubernetes_version", f"cannot be changed from {spec.kubernetes_version}: upgrading {NOT_YET}"
        )
    for name in ("external_network", "node_cidr", "pod_cidr", "service_cidr", "subnet_id", "dns_servers", "public_api"):
        wanted, is_ = getattr(request.network, name), getattr(network, name)
        if wanted is not None and wanted != is_:
            yield FieldError(f"spec.network.{name}", _NETWORK)
    wanted_plane = request.control_plane
    if wanted_plane.replicas not in (None, control_plane.replicas):
        yield FieldError("spec.control_plane.replicas", f"cannot be changed: resizing a control plane {NOT_YET}")
    if wanted_plane.flavor not in (None, control_plane.flavor):
        yield FieldError("spec.control_plane.flavor", _REPLACED)
    if wanted_plane.zones and wanted_plane.zones != control_plane.zones:
        yield FieldError("spec.control_plane.zones", "cannot be changed: the etcd volumes are in these zones")
    etcd, wanted_etcd = control_plane.etcd_volume, wanted_plane.etcd_volume
    if wanted_etcd.type not in (None, etcd.type):
        yield FieldError("spec.control_plane.etcd_volume.type", "cannot be changed: etcd's data is on this volume")
    if wanted_etcd.size_gib not in (None, etcd.size_gib):
        yield FieldError("spec.control_plane.etcd_volume.size_gib", f"cannot be changed: growing it {NOT_YET}")
    if request.ssh_keys is not None and request.ssh_keys != spec.ssh_keys:
        yield FieldError("spec.ssh_keys", _REPLACED)
