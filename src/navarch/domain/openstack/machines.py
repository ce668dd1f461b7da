"""A machine in OpenStack: its port, its server, and what a running one lost and is given back."""

from collections.abc import Collection, Iterator
from datetime import timedelta

from navarch.domain.machines import Machine
from navarch.domain.openstack.names import etcd_snapshot, server_group
from navarch.domain.openstack.resources import Kind, Port, SecurityGroup, Server, ServerGroup, Snapshot, is_going
from navarch.domain.openstack.steps import (
    AttachPort,
    AttachVolume,
    CreateServer,
    EnsurePort,
    EnsureSnapshot,
    Remove,
    StartServer,
    StopServer,
)
from navarch.domain.openstack.view import View
from navarch.domain.spec import Role
from navarch.domain.steps import Step

# Nova's scheduler counts a machine in its soft anti-affinity once it is ACTIVE. Up to this number, the machines of a
# group and zone therefore wait for each other; in larger groups chance spreads well enough, and speed counts more.
SPREAD_EXACTLY = 3
SPREADING_WAITS = timedelta(seconds=60)  # a machine that builds longer than this holds nobody up


def keep(view: View, machine: Machine, *, running: bool = True, rebuild: str = "") -> Iterator[Step]:
    """See `domain.infrastructure.Infrastructure.keep`."""
    cloud = view.cloud
    port, server = cloud.named(Port, machine.name), cloud.named(Server, machine.name)
    if port is not None and port.server_id is None and server is None and _is_kept_from(view, machine, port.address):
        yield Remove(Kind.PORT, port.id, port.name, "it drew an address that is not for it")
        return
    if cloud.knows(Port):
        yield from _port(view, machine, port, runs=server is not None)
    if server is None:
        step = None if machine.joined else _create_server(view, machine, port)
        if step is not None:
            yield step
    elif rebuild:
        yield Remove(Kind.SERVER, server.id, server.name, rebuild)
    elif server.task_state is None and server.status in ("ACTIVE", "SHUTOFF"):
        yield from _give_back(view, machine, server, port, running=running)


def stop(view: View, machine: Machine) -> Iterator[Step]:
    """See `domain.infrastructure.Infrastructure.stop`."""
    server = view.cloud.named(Server, machine.name)
    if server is not None and server.status == "ACTIVE" and server.task_state is None:
        yield StopServer(machine.name, server.id)


def save_data(view: View, machine: Machine) -> Iterator[Step]:
    """See `domain.infrastructure.Infrastructure.save_data`."""
    volume, moment = view.etcd_volume(machine), machine.removing_at
    if volume is None or moment is None or not view.cloud.knows(Snapshot):
        return
    name = etcd_snapshot(view.owner, machine.serial, moment)
    snapshot = view.cloud.named(Snapshot, name)
    if snapshot is not None and snapshot.status == "error":
        yield Remove(Kind.SNAPSHOT, snapshot.id, name, "it could not be made")
    elif snapshot is None or snapshot.status != "available":
        yield EnsureSnapshot(name, volume.id)


def remove(view: View, machine: Machine, why: str) -> Iterator[Step]:
    """See `domain.infrastructure.Infrastructure.remove`."""
    server = view.cloud.named(Server, machine.name)
    if server is not None:
        yield Remove(Kind.SERVER, server.id, server.name, why)


def remains(view: View, machine: Machine, *, for_good: bool) -> Iterator[Step]:
    """See `domain.infrastructure.Infrastructure.remains`."""
    # Those of a control-plane place stay while there is such a place: its address is that of the place's etcd member.
    if machine.role is Role.CONTROL_PLANE and not for_good:
        return
    port = view.cloud.named(Port, machine.name)
    if port is not None:
        yield Remove(Kind.PORT, port.id, port.name, "its machine is gone")
    volume = view.etcd_volume(machine) if machine.role is Role.CONTROL_PLANE else None
    if volume is not None and not is_going(volume):
        yield Remove(Kind.VOLUME, volume.id, volume.name, "its place is gone")


def _is_kept_from(view: View, machine: Machine, address: str) -> bool:
    """Whether a machine may not have this address: the API's stays the API's, and a place's its etcd member's. Who
    draws an address from Neutron may get one of them while its balancer or port is lost."""
    record = view.observed.record
    kept = {m.member_address for m in record.machines if m.name != machine.name}
    others = (kept | {record.api_internal_address}) - {""}
    return address in others or (machine.member_address not in ("", address))


def _port(view: View, machine: Machine, port: Port | None, *, runs: bool) -> Iterator[Step]:
    network, subnet, group = view.network, view.subnet, view.security_group(machine.role)
    if network is None or subnet is None or group is None:
        return
    address = machine.facts.address if machine.joined or runs else machine.member_address
    if port is not None and port.network_id not in ("", network.id):
        if port.server_id is None:
            yield Remove(Kind.PORT, port.id, port.name, "it is in another network than the others")
        return
    second_ones = {g.id for g in view.cloud.of(SecurityGroup) if g.name == group.name} - {group.id}
    now_in = set(port.security_group_ids) if port is not None else set()
    if port is None and machine.role is Role.WORKER and _is_taken(view, address):
        return  # it stays without a network; another machine takes its place
    if port is None or group.id not in now_in or second_ones & now_in:
        not_in = tuple(sorted(second_ones & now_in))
        yield EnsurePort(machine.name, network.id, subnet.id, (group.id,), address, not_in)


def _is_taken(view: View, address: str | None) -> bool:
    """Whether another port of the cluster was given that address meanwhile."""
    return address is not None and any(port.address == address for port in view.cloud.of(Port))


def _give_back(view: View, machine: Machine, server: Server, port: Port | None, *, running: bool) -> Iterator[Step]:
    """What a machine had and has no longer: its port, its etcd volume, its power."""
    known = port is not None and port.address == machine.facts.address
    if port is not None and known and port.server_id is None and not server.addresses:
        yield AttachPort(machine.name, port.id, server.id)
    if machine.role is Role.CONTROL_PLANE:
        volume = view.etcd_volume(machine)
        if volume is not None and volume.status == "available" and volume.id == machine.facts.etcd_volume_id:
            yield AttachVolume(volume.name, volume.id, server.id)
        if volume is None or volume.status != "in-use":
            return  # on its way, or made anew: without its member's data the machine is of no use
    if server.status == "SHUTOFF" and running:
        yield StartServer(machine.name, server.id)


def _create_server(view: View, machine: Machine, port: Port | None) -> CreateServer | None:
    """The step once all that the server needs is there, else None."""
    group = view.cloud.named(ServerGroup, server_group(view.owner, machine.group))
    if not view.cloud.knows(Server) or port is None or group is None:
        return None
    live = view.observed.record.live
    neighbours = [m.name for m in live if (m.group, m.zone) == (machine.group, machine.zone)]
    spread = len(neighbours) <= SPREAD_EXACTLY
    if spread and _are_building(view, neighbours):
        return None
    volumes: tuple[str, ...] = ()
    if machine.role is Role.CONTROL_PLANE:
        volume = view.etcd_volume(machine)
        if volume is None or volume.status != "available":
            return None
        volumes = (volume.id,)
    elif view.cluster.group(machine.group) is None:
        return None
    return CreateServer(
        name=machine.name,
        role=machine.role,
        group=machine.group,
        serial=machine.serial,
        flavor=machine.template.flavor,
        root_volume=machine.template.root_volume,
        image_id=machine.template.release.image_id,
        zone=machine.zone,
        port_id=port.id,
        server_group_id=group.id,
        volume_ids=volumes,
        spread=spread,
    )


def _are_building(view: View, machines: Collection[str]) -> bool:
    """Whether one of them is being built, and not for longer than the others should wait."""
    return any(
        s.name in machines
        and s.status == "BUILD"
        and (s.created_at is None or view.now - s.created_at < SPREADING_WAITS)
        for s in view.cloud.of(Server)
    )
