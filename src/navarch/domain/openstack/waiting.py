"""What is on its way in OpenStack, and what is seen once it has arrived."""

from dataclasses import replace
from datetime import timedelta

from navarch.domain.cloud import CloudState
from navarch.domain.openstack.resources import (
    NAVARCH,
    Kind,
    LoadBalancer,
    Port,
    Server,
    Snapshot,
    Volume,
    is_going,
)
from navarch.domain.openstack.view import View

BUILDS_AT_LEAST = timedelta(seconds=3)


def unsettled(view: View, *, soon: bool = False) -> frozenset[Kind]:
    """Kinds of which something is on its way: servers that build or go, a balancer that is pending, new volumes."""
    cloud, live = view.cloud, view.observed.record.live
    kinds: set[Kind] = set()
    ours = {m.name for m in live}
    if any(m.removing for m in live):
        kinds |= {Kind.SERVER, Kind.PORT}
    if any(
        s.name in ours and s.status != "ACTIVE" and (soon or not _just_asked_for(view, s)) for s in cloud.of(Server)
    ):
        kinds.add(Kind.SERVER)
    if view.balancer is None or view.balancer.provisioning_status != "ACTIVE":
        kinds.add(Kind.LOAD_BALANCER)
    if any(v.made_by == NAVARCH and v.status not in ("available", "in-use") for v in cloud.of(Volume)):
        kinds.add(Kind.VOLUME)
    if any(s.made_by == NAVARCH and s.status not in ("available", "error") for s in cloud.of(Snapshot)):
        kinds.add(Kind.SNAPSHOT)
    return frozenset(kinds)


def _just_asked_for(view: View, server: Server) -> bool:
    """Not worth a look yet: for each list of servers Nova asks Neutron for all their ports and security groups, just
    when Neutron has to plug them."""
    return server.status == "BUILD" and server.created_at is not None and view.now - server.created_at < BUILDS_AT_LEAST


def settled(cloud: CloudState) -> CloudState:
    """What would be seen if everything on its way had arrived: what builds runs, what goes is gone, and what it held is
    free."""
    going: tuple[Server | LoadBalancer | Volume, ...] = (*cloud.of(Server), *cloud.of(LoadBalancer), *cloud.of(Volume))
    for resource in going:
        if is_going(resource):
            cloud = cloud.without(resource.kind, resource.id)
    for server in cloud.of(Server):
        if server.status == "BUILD" or server.task_state == "powering-on":
            cloud = cloud.having(replace(server, status="ACTIVE", task_state=None))
        elif server.task_state == "powering-off":
            cloud = cloud.having(replace(server, status="SHUTOFF", task_state=None))
    for balancer in cloud.of(LoadBalancer):
        if balancer.provisioning_status.startswith("PENDING_"):
            cloud = cloud.having(replace(balancer, provisioning_status="ACTIVE", operating_status="ONLINE"))
    servers = {s.id for s in cloud.of(Server)}
    for port in cloud.of(Port):
        if port.server_id is not None and port.server_id not in servers:
            cloud = cloud.having(replace(port, server_id=None))
    for volume in cloud.of(Volume):
        if volume.server_id is not None and volume.server_id not in servers:
            cloud = cloud.having(replace(volume, server_id=None, status="available"))
    return cloud
