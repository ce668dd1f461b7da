"""What a cluster's machines stand on: identity, network, router, security groups, server groups, etcd volumes."""

from collections.abc import Iterator

from navarch.domain import names
from navarch.domain.openstack.names import (
    control_plane_security_group,
    etcd_volume,
    network,
    server_group,
    worker_security_group,
)
from navarch.domain.openstack.resources import (
    Identity,
    Network,
    Router,
    Rule,
    SecurityGroup,
    ServerGroup,
    Subnet,
    Volume,
)
from navarch.domain.openstack.steps import (
    EnsureIdentity,
    EnsureNetwork,
    EnsureRouter,
    EnsureSecurityGroup,
    EnsureServerGroup,
    EnsureSubnet,
    EnsureVolume,
    RenewIdentity,
)
from navarch.domain.openstack.view import View
from navarch.domain.spec import API_PORT, Cluster, Role, zone_of
from navarch.domain.steps import Step


def foundations(view: View) -> Iterator[Step]:
    """Every step of it that can be taken now."""
    cloud = view.cloud
    if view.observed.record.secrets_ready and cloud.knows(Identity) and not any(i.trust_id for i in cloud.of(Identity)):
        yield EnsureIdentity()  # its password is one of the secrets
    if view.observed.record.credentials.requested_at is not None:
        yield from (RenewIdentity(i.id, i.name) for i in cloud.of(Identity) if i.trust_id)
    yield from _network(view)
    yield from _security_groups(view)
    yield from _server_groups(view)
    yield from _etcd_volumes(view)


def _network(view: View) -> Iterator[Step]:
    cloud, spec, name = view.cloud, view.cluster.spec.network, network(view.owner)
    own, subnet, router = view.network, view.subnet, view.router
    # A subnet without its network was never seen by anybody: the list of networks is older than that of subnets.
    seen_in = {s.network_id for s in cloud.of(Subnet) if s.name == name}
    lags = not seen_in <= {n.id for n in cloud.of(Network)}
    if cloud.knows(Network) and own is None and not lags:
        yield EnsureNetwork(name)
    if own is not None and cloud.knows(Subnet) and subnet is None and not lags:
        yield EnsureSubnet(name, own.id, spec.node_cidr, spec.dns_servers)
    if cloud.knows(Router) and (router is None or (subnet is not None and subnet.id not in router.subnet_ids)):
        yield EnsureRouter(name, spec.external_network_id, subnet.id if subnet else None)


def _security_groups(view: View) -> Iterator[Step]:
    for role, name in (
        (Role.CONTROL_PLANE, control_plane_security_group(view.owner)),
        (Role.WORKER, worker_security_group(view.owner)),
    ):
        rules = security_group_rules(view.cluster, role, view.wanted.api_source_cidrs)
        group = view.security_group(role)
        if view.cloud.knows(SecurityGroup) and (group is None or group.rules != rules or not group.lets_out):
            yield EnsureSecurityGroup(name, rules)


def _server_groups(view: View) -> Iterator[Step]:
    staying = (g.name for g in view.cluster.node_groups if g.deletion_requested_at is None)
    for group in (names.CONTROL_PLANE_GROUP, *staying):
        name = server_group(view.owner, group)
        if view.cloud.knows(ServerGroup) and view.cloud.named(ServerGroup, name) is None:
            yield EnsureServerGroup(name)


def _etcd_volumes(view: View) -> Iterator[Step]:
    control_plane, lost = view.cluster.spec.control_plane, view.lost_data()
    volume = control_plane.etcd_volume
    for place in range(control_plane.replicas):
        name = etcd_volume(view.owner, place)
        if view.cloud.knows(Volume) and view.cloud.named(Volume, name) is None and name not in lost:
            yield EnsureVolume(name, volume.type, volume.size_gib, zone_of(control_plane.zones, place))


def security_group_rules(cluster: Cluster, role: Role, navarch_cidrs: tuple[str, ...] = ()) -> frozenset[Rule]:
    """The ports a machine needs open, and from where. Pod traffic travels between nodes in VXLAN (UDP 4789); node
    ports are opened by the cloud controller, for each Service. etcd, and metrics-server, which the API server asks, are
    open to machines of the control plane only. `navarch_cidrs`: where Navarch itself comes from."""
    nodes, control_plane = cluster.spec.network.node_cidr, control_plane_security_group(names.owner(cluster))
    rules = {
        Rule("icmp", None, None, cidr=nodes),
        Rule("udp", 4789, 4789, cidr=nodes),
        Rule("tcp", 10250, 10250, cidr=nodes),
    }
    if role is Role.CONTROL_PLANE:
        allowed = cluster.spec.network.api_allowed_cidrs
        clients = {*allowed, *navarch_cidrs, nodes} if allowed else {"0.0.0.0/0"}
        rules |= {Rule("tcp", API_PORT, API_PORT, cidr=cidr) for cidr in clients}
        rules |= {Rule("tcp", low, high, group=control_plane) for low, high in ((2379, 2380), (4443, 4443))}
    return frozenset(rules)
