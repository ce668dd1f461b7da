"""What may be changed of a cluster that exists, and why not the rest.

A draft is compared with the wish as it is. What would change and cannot is refused by name; the rest is judged as if it
were new, but for what was so before: that a flavor or a version is no longer offered does not stand in the way of
pausing a cluster that has it. What is left to Navarch stays as Navarch chose it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

from navarch.domain import ranges
from navarch.domain.admission import LIMITS, NOT_YET, Reading, Refusal, most_machines
from navarch.domain.errors import FieldError
from navarch.domain.needs import Need, compare, needs_of_change, shortages
from navarch.domain.offer import Offer, Quota, Release, version_order
from navarch.domain.spec import Cluster, NodeGroup, VolumeSpec
from navarch.domain.upgrades import Circumstances, Obstacle, lacks, obstacles, ways_back, wrong_fields

T = TypeVar("T")
_ADDRESSES = "cannot be changed: addresses of a running cluster's machines, pods and services are made from it"
_IMMUTABLE = {
    "name": "cannot be changed: machines and their certificates are named after it",
    "region": "cannot be changed: its machines are there",
    "spec.network.external_network": _ADDRESSES,
    "spec.network.node_cidr": _ADDRESSES,
    "spec.network.pod_cidr": _ADDRESSES,
    "spec.network.service_cidr": _ADDRESSES,
    "spec.network.subnet_id": _ADDRESSES,
    "spec.network.dns_servers": _ADDRESSES,
    "spec.network.public_api": _ADDRESSES,
    "spec.control_plane.zones": "cannot be changed: the etcd volumes are in these zones",
    "spec.control_plane.etcd_volume.type": "cannot be changed: etcd's data is on this volume",
    "spec.control_plane.etcd_volume.size_gib": f"cannot be changed: growing it {NOT_YET}",
    "spec.ssh_keys": f"cannot be changed: giving others to machines that run {NOT_YET}",
}
_NO_RELEASE = Release("", "", "", "")
_IMMUTABLE_OF_GROUP = {"name": "cannot be changed: machines are named after it"}


def admit_change(
    was: Cluster, draft: Cluster, offer: Offer, quota: Quota | None = None, *, seen: Circumstances
) -> Cluster | Refusal:
    """The cluster with what may be changed changed. Its node groups are changed by themselves. `seen`: another version
    of Kubernetes is held against it."""
    after, errors, in_the_way = _considered(was, draft, offer, seen)
    errors += (*(o.as_error for o in in_the_way), *shortages(growth(was, after, offer, quota)))
    return Refusal(errors) if errors else after


def in_the_way_of(
    was: Cluster, version: str, offer: Offer, quota: Quota | None = None, *, seen: Circumstances
) -> tuple[Obstacle, ...]:
    """All that is in the way of a version that is offered."""
    draft = replace(was, spec=replace(was.spec, kubernetes_version=version, release=_NO_RELEASE))
    after, errors, found = _considered(was, draft, offer, seen)
    return (*found, *wrong_fields(errors), *lacks(growth(was, after, offer, quota)))


def admit_release(
    was: Cluster, release: Release, offer: Offer, quota: Quota | None = None, *, seen: Circumstances
) -> tuple[Cluster, tuple[Obstacle, ...]]:
    """The cluster with another version or image that nobody asked for, and all that is in the way of it."""
    named = replace(_NO_RELEASE, image_name=release.image_id)
    draft = replace(was, spec=replace(was.spec, kubernetes_version=release.kubernetes_version, release=named))
    after, errors, _ = _considered(was, draft, offer, seen)
    return after, (*obstacles(was, after, seen), *wrong_fields(errors), *lacks(growth(was, after, offer, quota)))


def admit_node_group(
    cluster: Cluster, draft: NodeGroup, offer: Offer, quota: Quota | None = None
) -> NodeGroup | Refusal:
    """A new node group for a cluster that exists. A name that is taken is the store's to refuse."""
    reading = Reading(offer)
    reading.use_release(cluster.spec.release)
    group = reading.node_group(draft, "", "spec.")
    if len(cluster.node_groups) >= LIMITS.node_groups:
        reading.refuse("name", f"the cluster has {LIMITS.node_groups} node groups, which is the most it may have")
    after = replace(cluster, node_groups=(*cluster.node_groups, group))
    errors = (*reading.errors, *_crowded(cluster, after, offer, quota))
    return Refusal(errors) if errors else group


def admit_node_group_change(
    cluster: Cluster, was: NodeGroup, draft: NodeGroup, offer: Offer, quota: Quota | None = None
) -> NodeGroup | Refusal:
    """The node group with what may be changed changed."""
    before, reading = Reading(offer), Reading(offer)
    for one in (before, reading):
        one.use_release(cluster.spec.release)
    before.node_group(was, "", "spec.")
    spec = draft.spec
    chosen = replace(
        spec,
        flavor=spec.flavor or was.spec.flavor,
        zones=spec.zones or was.spec.zones,
        root_volume=_volume_as_chosen(spec.root_volume, was.spec.root_volume),
        release=was.spec.release if spec.kubernetes_version == was.spec.kubernetes_version else None,
    )
    draft = replace(draft, spec=chosen)
    read = reading.node_group(draft, "", "spec.")
    after = _settled(was, draft, read)
    after = replace(after, spec=replace(after.spec, release=read.spec.release))  # which nobody can ask for
    errors = (
        *_refused(_IMMUTABLE_OF_GROUP, was, after, before.errors, reading.errors),
        *_crowded(cluster, with_node_group(cluster, was.name, after), offer, quota),
    )
    return Refusal(errors) if errors else after


def with_node_group(cluster: Cluster, name: str, group: NodeGroup) -> Cluster:
    """The cluster with another node group in the place of the one of that name."""
    return replace(cluster, node_groups=tuple(group if g.name == name else g for g in cluster.node_groups))


def growth(old: Cluster, new: Cluster, offer: Offer, quota: Quota | None) -> tuple[Need, ...]:
    """What a changed cluster takes more than before at the most, against the quota."""
    if version_order(new.spec.kubernetes_version) < version_order(old.spec.kubernetes_version):
        old = replace(old, spec=replace(old.spec, release=new.spec.release))  # no worker has left the version before
    return compare(needs_of_change(old, new, offer), quota)


def _considered(
    was: Cluster, draft: Cluster, offer: Offer, seen: Circumstances
) -> tuple[Cluster, tuple[FieldError, ...], tuple[Obstacle, ...]]:
    """The cluster as far as it can be had, what is wrong with it apart from quotas, and what is in the way of another
    version."""
    back = ways_back(was, seen.machines)
    offer = _with_ways_back(offer, back)
    before, reading = Reading(offer), Reading(offer)
    before.cluster(was)
    draft = _as_chosen(draft, was, back)
    read = reading.cluster(draft)
    after = replace(_settled(was, draft, read), node_groups=was.node_groups)
    after = replace(after, spec=replace(after.spec, release=read.spec.release))  # which is one thing
    errors = _refused(_IMMUTABLE, was, after, before.errors, reading.errors)
    if after.spec.kubernetes_version == was.spec.kubernetes_version:
        return after, errors, ()
    return after, tuple(e for e in errors if not _is_of_a_pin(e)), obstacles(was, after, seen)


def _with_ways_back(offer: Offer, back: Mapping[str, Release]) -> Offer:
    """A control plane may turn back to what it was made from, whether that is offered to others still or not."""
    known = {release.image_id for release in offer.releases}
    return replace(offer, releases=(*offer.releases, *(r for r in back.values() if r.image_id not in known)))


def _is_of_a_pin(error: FieldError) -> bool:
    """Whether it says that a node group's version does not go with the cluster's: so do the obstacles."""
    return error.field.startswith("spec.node_groups[") and error.field.endswith(".kubernetes_version")


def _volume_as_chosen(draft: VolumeSpec | None, was: VolumeSpec | None) -> VolumeSpec | None:
    """What a draft leaves to Navarch stays as Navarch chose it."""
    if draft is None or was is None:
        return draft
    return VolumeSpec(draft.type or was.type, draft.size_gib or was.size_gib)


def _as_chosen(draft: Cluster, was: Cluster, back: Mapping[str, Release]) -> Cluster:
    spec, chosen = draft.spec, was.spec
    network, plane = spec.network, spec.control_plane
    version = spec.kubernetes_version or chosen.kubernetes_version
    release = spec.release
    if release.image_name in ("", chosen.release.image_name, chosen.release.image_id):
        # Of another version the one that is there, else the newest.
        release = chosen.release if version == chosen.kubernetes_version else back.get(version, _NO_RELEASE)
    external = network.external_network or chosen.network.external_network
    return replace(
        draft,
        spec=replace(
            spec,
            kubernetes_version=version,
            release=release,
            network=replace(
                network,
                external_network=external,
                external_network_id=chosen.network.external_network_id
                if external == chosen.network.external_network
                else "",
            ),
            control_plane=replace(
                plane,
                flavor=plane.flavor or chosen.control_plane.flavor,
                zones=plane.zones or chosen.control_plane.zones,
                etcd_volume=_volume_as_chosen(plane.etcd_volume, chosen.control_plane.etcd_volume) or plane.etcd_volume,
                root_volume=_volume_as_chosen(plane.root_volume, chosen.control_plane.root_volume),
            ),
        ),
    )


def _settled(was: T, draft: T, after: T) -> T:
    """What was admitted, but for what nobody asked to be different: that stays, though today it might be admitted under
    another name."""
    if is_dataclass(was) and type(was) is type(draft) is type(after):
        kept = {f.name: _settled(*(getattr(value, f.name) for value in (was, draft, after))) for f in fields(was)}
        return replace(after, **kept)  # type: ignore[type-var]
    return was if draft == was else after


def _refused(
    immutable: Mapping[str, str],
    was: Cluster | NodeGroup,
    after: Cluster | NodeGroup,
    before: Iterable[FieldError],
    now: Iterable[FieldError],
) -> tuple[FieldError, ...]:
    """What would change and cannot; and what is wrong now and was not before."""
    known = frozenset(before)
    fixed = [path for path in _changed("", was, after) if path in immutable]
    return (
        *(FieldError(path, immutable[path]) for path in fixed),
        *(e for e in now if e not in known and e.field.partition("[")[0] not in fixed),
    )


def _changed(path: str, was: object, after: object) -> Iterator[str]:
    """Dotted paths of the fields that differ."""
    if is_dataclass(was) and type(was) is type(after):
        for field in fields(was):
            yield from _changed(
                f"{path}.{field.name}" if path else field.name, *(getattr(v, field.name) for v in (was, after))
            )
    elif was != after:
        yield path


def _crowded(old: Cluster, new: Cluster, offer: Offer, quota: Quota | None) -> Iterator[FieldError]:
    """Why there is no room for more machines than before, or for other ones beside them."""
    yield from shortages(growth(old, new, offer, quota))
    if most_machines(0, new.node_groups) <= most_machines(0, old.node_groups):
        return
    grown = [g for g in new.node_groups if (was := old.group(g.name)) is None or was.spec.most < g.spec.most]
    field = "spec.autoscaling.max" if any(g.spec.autoscaling for g in grown) else "spec.replicas"
    workers = sum(g.spec.most for g in new.node_groups)
    if workers > LIMITS.workers:
        yield FieldError(field, f"the cluster would have {workers} workers; the most is {LIMITS.workers}")
    network = new.spec.network
    nodes = most_machines(new.spec.control_plane.replicas, new.node_groups)
    for cidr, wrong in ((network.node_cidr, ranges.wrong_node_size), (network.pod_cidr, ranges.wrong_pod_size)):
        parsed = ranges.parse_ipv4(cidr)
        detail = None if isinstance(parsed, str) else wrong(parsed, nodes)
        if detail is not None:
            yield FieldError(field, f"too many for the cluster's network: {detail}")
