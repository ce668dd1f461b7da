"""What is there and should not be: second objects of a name, what is left of machines and groups that were given up,
and names and marks that somebody changed.

An object is ours by mark and by the id that was written down. Another name is put back, and never a reason to remove.
"""

from collections.abc import Iterator
from dataclasses import replace

from navarch.domain import names
from navarch.domain.cloud import CloudState
from navarch.domain.observed import KnownObject
from navarch.domain.openstack.names import is_root_volume, root_volume, server_group, snapshot_place
from navarch.domain.openstack.resources import (
    KEPT_AFTER_DELETION,
    NAVARCH,
    RESOURCES,
    AnyResource,
    Identity,
    Kind,
    LoadBalancer,
    Port,
    Server,
    ServerGroup,
    Snapshot,
    Volume,
    is_going,
    made_by,
)
from navarch.domain.openstack.steps import Remove, RestoreName
from navarch.domain.openstack.view import View, is_used
from navarch.domain.spec import NodeGroup, Role
from navarch.domain.steps import Step


def recognised(cloud: CloudState, known: tuple[KnownObject, ...]) -> CloudState:
    """The same, with every object that is known by its id under the name that it was given, whatever it is called
    now."""
    given = {(k.kind, k.id): k.name for k in known}
    astray, seen = dict(cloud.astray), dict(cloud.seen)
    for kind, resources in cloud.seen.items():
        renamed = {r.id: r.name for r in resources if given.get((kind.value, r.id), r.name) != r.name}
        if renamed:
            astray |= renamed
            seen[kind] = tuple(replace(r, name=given[kind.value, r.id]) if r.id in renamed else r for r in resources)
    return CloudState(seen, cloud.trouble, tuple(sorted(astray.items())))


def known_objects(cloud: CloudState, known: tuple[KnownObject, ...]) -> tuple[KnownObject, ...]:
    """What is written down of ours after a look. `cloud` as `View` has it: of two of a name, the first is ours. Kinds
    that could not be read are as they were."""
    now: list[KnownObject] = []
    for type_ in RESOURCES:
        if not cloud.knows(type_):
            now += [k for k in known if k.kind == type_.kind.value]
            continue
        ours: dict[str, str] = {}
        for resource in cloud.of_kind(type_.kind):
            if made_by(resource) == NAVARCH:
                ours.setdefault(resource.name, resource.id)
        now += [KnownObject(type_.kind.value, name, id_) for name, id_ in ours.items()]
    return tuple(sorted(now))


def tidy(view: View) -> Iterator[Step]:
    """Every step of it that can be taken now."""
    yield from _orphans(view)
    yield from _second_ones(view)
    yield from _restored(view)
    yield from _snapshots(view)


def group_remains(view: View, group: NodeGroup) -> tuple[Step, ...] | None:
    """See `domain.infrastructure.Infrastructure.group_remains`."""
    if not view.cloud.knows(ServerGroup):
        return None
    spread = view.cloud.named(ServerGroup, server_group(view.owner, group.name))
    if spread is None:
        return ()
    return (Remove(Kind.SERVER_GROUP, spread.id, spread.name, "its node group was deleted"),)


def _orphans(view: View) -> Iterator[Step]:
    """What is left of node groups and machines that are given up: a list that lagged did not show it then."""
    cloud, cluster, owner = view.cloud, view.cluster, view.owner
    groups = {server_group(owner, g) for g in (names.CONTROL_PLANE_GROUP, *(g.name for g in cluster.node_groups))}
    for spread in cloud.of(ServerGroup):
        if spread.name not in groups and _is_named_by_us(view, spread):
            yield Remove(Kind.SERVER_GROUP, spread.id, spread.name, "its node group was deleted")
    if not cloud.knows(Server, Port):
        return
    places = range(cluster.spec.control_plane.replicas)
    wanted = {m.name for m in view.observed.record.live} | {names.control_plane_machine(owner, p) for p in places}
    for server in cloud.of(Server):
        if is_going(server) or not _is_named_by_us(view, server):
            continue
        if server.status == KEPT_AFTER_DELETION:  # whoever deleted it
            yield Remove(Kind.SERVER, server.id, server.name, "it was deleted, and Nova keeps it")
        elif server.name not in wanted:
            yield Remove(Kind.SERVER, server.id, server.name, "its machine was given up")
    for port in cloud.of(Port):
        if port.name not in wanted and _is_named_by_us(view, port) and port.server_id is None:
            yield Remove(Kind.PORT, port.id, port.name, "its machine was given up")
    booted_from = {root_volume(server.name) for server in cloud.of(Server)}
    for volume in cloud.of(Volume):
        if is_root_volume(view.owner, volume.name) and volume.name not in booted_from and not is_going(volume):
            yield Remove(Kind.VOLUME, volume.id, volume.name, "its server is gone")


def _is_named_by_us(view: View, resource: AnyResource) -> bool:
    """Whether its name is one that Navarch gives. What only carries the mark may be somebody's copy: it is left
    alone."""
    return resource.name.startswith(f"{view.owner.stem}-")


def _snapshots(view: View) -> Iterator[Remove]:
    """Those of etcd volumes whose place has a machine again that was made later."""
    machines = {m.serial: m for m in view.observed.record.live if m.role is Role.CONTROL_PLANE}
    for snapshot in view.cloud.of(Snapshot):
        place = snapshot_place(view.owner, snapshot.name)
        machine = machines.get(place) if snapshot.made_by == NAVARCH and place is not None else None
        if machine is not None and machine.joined and not machine.removing and not is_going(snapshot):
            yield Remove(Kind.SNAPSHOT, snapshot.id, snapshot.name, "the machine that it was taken for was replaced")


def _second_ones(view: View) -> Iterator[Remove]:
    """A removal for each second object of a name that nobody uses."""
    cloud = view.cloud
    for chosen, all_of_them in (
        (view.balancer, cloud.of(LoadBalancer)),
        (view.floating_ip, cloud.of_kind(Kind.FLOATING_IP)),
    ):
        for other in all_of_them:
            if chosen is not None and other.name == chosen.name and other.id != chosen.id and not is_going(other):
                yield Remove(other.kind, other.id, other.name, "there are two of it")
    for type_ in RESOURCES:
        ours: set[str] = set()
        for resource in cloud.of_kind(type_.kind) if type_.exclusive else ():
            if not _is_named_by_us(view, resource):
                continue
            if resource.name in ours and not is_used(cloud, resource):
                yield Remove(type_.kind, resource.id, resource.name, "there are two of it")
            ours.add(resource.name)


def nameless(view: View) -> frozenset[str]:
    """See `domain.infrastructure.Infrastructure.nameless`."""
    return frozenset(resource.name for resource in _astray(view))


def _restored(view: View) -> Iterator[Step]:
    """What somebody renamed, or took the mark from."""
    for resource in _astray(view):
        yield RestoreName(resource.kind, resource.id, resource.name)


def _astray(view: View) -> Iterator[AnyResource]:
    astray = {id_ for id_, _ in view.cloud.astray}
    for resource in view.cloud.everything():
        if resource.id in astray and not isinstance(resource, Identity) and not is_going(resource):
            yield resource
