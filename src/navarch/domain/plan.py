"""The story of a cluster: from what is wanted and what is seen to what is done next.

`plan` is pure and has no memory. It returns every step that can be taken now, so that what does not depend on each
other is done at once; what comes later is found by planning again. Read top to bottom:

    paused            nothing
    being deleted     machines go first, so that the cluster's own controllers are dead; then what they and we made;
                      last, when a fresh and complete look finds nothing, the row
    wanted            foundations: keys, identity, network, router, security groups, server groups, etcd volumes
                      machines: decided (recorded), given a port, asked for; what a running one lost, given back
                      API: a balancer on the control plane's ports, a floating address on it
                      add-ons, as soon as the Kubernetes API answers
                      what is too much: drained, removed, forgotten; so is a machine whose server somebody removed,
                      or a worker's port or Node, and another takes its place

What was changed by hand (drift) needs no story of its own: what is missing is made, whoever removed it. Only what
others hold on to is made as it was: the addresses that machines, kubelets and kubeconfigs know.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from navarch.domain import names
from navarch.domain.deletion import deletion
from navarch.domain.duplicates import api_balancer, api_floating_ip, own_network, used_first
from navarch.domain.observed import (
    MAKES_A_MEMBER,
    BootReport,
    Kind,
    Machine,
    Observed,
    Port,
    Rule,
    SecurityGroup,
    Server,
    is_going,
    named,
)
from navarch.domain.offer import Offer
from navarch.domain.scale_down import is_cut_off, scale_down
from navarch.domain.spec import Cluster, Owner, Role
from navarch.domain.steps import (
    ApplyAddon,
    AttachPort,
    AttachVolume,
    CreateServer,
    EnsureFloatingIP,
    EnsureIdentity,
    EnsureLoadBalancer,
    EnsureNetwork,
    EnsurePort,
    EnsureRouter,
    EnsureSecrets,
    EnsureSecurityGroup,
    EnsureServerGroup,
    EnsureSubnet,
    EnsureVolume,
    RecordMachine,
    ReleaseMachine,
    Remove,
    StartServer,
    Step,
)

API_PORT = 6443
# Nova's scheduler counts a machine in its soft anti-affinity once it is ACTIVE. Up to this number, the machines of a
# group and zone therefore wait for each other; in larger groups chance spreads well enough, and speed counts more.
SPREAD_EXACTLY = 3
SPREADING_WAITS = timedelta(seconds=60)  # a machine that builds longer than this holds nobody up
LISTS_LAG = timedelta(seconds=30)  # how old a list may be: what a machine said since then outweighs all of them
REPORT_DEADLINE = timedelta(minutes=4)  # a machine that runs must have reported in by then
BOOT_DEADLINE = timedelta(minutes=10)  # and have joined by then
LATE_SERVER_IS_KEPT = timedelta(minutes=5)  # after it failed or was due: long enough to look at its console
ERROR_SERVER_IS_KEPT = timedelta(seconds=60)  # at least: long enough to read its fault
ERROR_SERVER_IS_KEPT_AT_MOST = timedelta(minutes=5)


def plan(
    cluster: Cluster, observed: Observed, offer: Offer, *, now: datetime, navarch_cidrs: tuple[str, ...] = ()
) -> tuple[Step, ...]:
    """Every step that can be taken now. `navarch_cidrs`: from where Navarch itself reaches Kubernetes APIs."""
    if cluster.deleting:
        return tuple(deletion(cluster, observed))
    if cluster.spec.paused:
        return ()
    wish = _Wish(cluster, observed, offer, now, navarch_cidrs)
    return (
        *wish.foundations(),
        *wish.machines(),
        *wish.api(),
        *wish.addons(),
        *scale_down(cluster, wish.observed),
    )


def security_group_rules(cluster: Cluster, role: Role, navarch_cidrs: tuple[str, ...] = ()) -> frozenset[Rule]:
    """The ports a machine needs open, and from where. Pod traffic travels between nodes in VXLAN (UDP 4789); node
    ports are opened by the cloud controller, for each Service."""
    nodes = cluster.spec.network.node_cidr
    rules = {
        Rule("icmp", None, None, cidr=nodes),
        Rule("udp", 4789, 4789, cidr=nodes),
        Rule("tcp", 10250, 10250, cidr=nodes),
    }
    if role is Role.CONTROL_PLANE:
        allowed = cluster.spec.network.api_allowed_cidrs
        clients = {*allowed, *navarch_cidrs, nodes} if allowed else {"0.0.0.0/0"}
        rules |= {Rule("tcp", API_PORT, API_PORT, cidr=cidr) for cidr in clients}
        rules.add(Rule("tcp", 2379, 2380, cidr=nodes))
        rules.add(Rule("tcp", 4443, 4443, cidr=nodes))  # API server to metrics-server
    return frozenset(rules)


def zone_of(zones: tuple[str, ...], index: int) -> str:
    """Zone of the machine with this place or number."""
    return zones[index % len(zones)]


class _Wish:
    """What is wanted of a cluster, held against what is seen. Each method yields the steps of one chapter."""

    def __init__(
        self,
        cluster: Cluster,
        observed: Observed,
        offer: Offer,
        now: datetime,
        navarch_cidrs: tuple[str, ...],
    ) -> None:
        self.cluster, self.offer, self.now = cluster, offer, now
        self.navarch_cidrs = navarch_cidrs
        self.owner: Owner = names.owner(cluster)
        self.cloud = used_first(observed.cloud)
        self.observed = replace(observed, cloud=self.cloud)
        self.network, self.subnet = own_network(self.cloud, self.owner)
        self.live = tuple(m for m in observed.machines if not m.removed)

    # -- foundations

    def foundations(self) -> Iterator[Step]:
        cluster, cloud, owner = self.cluster, self.cloud, self.owner
        network_name, spec = names.network(owner), cluster.spec.network
        if not self.observed.secrets_ready:
            yield EnsureSecrets()
        elif cloud.identities is not None and not any(i.trust_id for i in cloud.identities):
            yield EnsureIdentity()  # its password is one of the secrets
        network, subnet = self.network, self.subnet
        # A subnet without its network was never seen by anybody: the list of networks is older than that of subnets.
        seen_in = {s.network_id for s in cloud.subnets or () if s.name == network_name}
        lags = not seen_in <= {n.id for n in cloud.networks or ()}
        if cloud.networks is not None and network is None and not lags:
            yield EnsureNetwork(network_name)
        if network is not None and cloud.subnets is not None and subnet is None and not lags:
            yield EnsureSubnet(network_name, network.id, spec.node_cidr, spec.dns_servers)
        router = named(cloud.routers, network_name)
        if cloud.routers is not None and (
            router is None or (subnet is not None and subnet.id not in router.subnet_ids)
        ):
            yield EnsureRouter(network_name, spec.external_network, subnet.id if subnet else None)
        for role, name in (
            (Role.CONTROL_PLANE, names.control_plane_security_group(owner)),
            (Role.WORKER, names.worker_security_group(owner)),
        ):
            rules = security_group_rules(cluster, role, self.navarch_cidrs)
            group = named(cloud.security_groups, name)
            if cloud.security_groups is not None and (group is None or group.rules != rules):
                yield EnsureSecurityGroup(name, rules)
        staying = (g.name for g in cluster.node_groups if g.deletion_requested_at is None)
        for group_name in (names.CONTROL_PLANE_GROUP, *staying):
            name = names.server_group(owner, group_name)
            if cloud.server_groups is not None and named(cloud.server_groups, name) is None:
                yield EnsureServerGroup(name)
        volume, lost = cluster.spec.control_plane.etcd_volume, lost_etcd_volumes(cluster, self.observed)
        for place in range(cluster.spec.control_plane.replicas):
            name = names.etcd_volume(owner, place)
            if cloud.volumes is not None and named(cloud.volumes, name) is None and name not in lost:
                zone = zone_of(cluster.spec.control_plane.zones, place)
                yield EnsureVolume(name, volume.type, volume.size_gib, zone)

    # -- machines

    def machines(self) -> Iterator[Step]:
        yield from self._decisions()
        for machine in self.live:
            if machine.removing:
                continue
            if self._is_lost(machine) or self._has_no_node(machine):
                yield ReleaseMachine(machine.name)
            else:
                yield from self._machine(machine)

    def _decisions(self) -> Iterator[Step]:
        control_plane = self.cluster.spec.control_plane
        have = {m.name for m in self.live}
        for place in range(control_plane.replicas):
            name = names.control_plane_machine(self.owner, place)
            if name not in have:
                zone = zone_of(control_plane.zones, place)
                yield RecordMachine(name, Role.CONTROL_PLANE, names.CONTROL_PLANE_GROUP, place, zone)
        for group in self.cluster.node_groups:
            missing = group.wanted - len([m for m in self.live if m.group == group.name and not m.removing])
            last = max((m.serial for m in self.observed.machines if m.group == group.name), default=0)
            for serial in range(last + 1, last + 1 + missing):
                name = names.worker_machine(self.owner, group.name, serial)
                zone = zone_of(group.spec.zones, serial - 1)
                yield RecordMachine(name, Role.WORKER, group.name, serial, zone)

    def _machine(self, machine: Machine) -> Iterator[Step]:
        cloud = self.cloud
        port, server = named(cloud.ports, machine.name), named(cloud.servers, machine.name)
        if port is not None and port.server_id is None and server is None and self._is_kept_from(machine, port.address):
            yield Remove(Kind.PORT, port.id, port.name, "it drew an address that is not for it")
            return
        if cloud.ports is not None:
            yield from self._port(machine, port)
        if server is not None:
            if server.status == "ERROR" and self._kept_long_enough(machine, server):
                if not machine.joined:
                    yield Remove(Kind.SERVER, server.id, server.name, "it could not be built")
                elif machine.role is Role.WORKER and self._is_silent(machine):
                    yield ReleaseMachine(machine.name)  # one of the control plane may have dear data: people decide
            elif server.task_state is None and server.status in ("ACTIVE", "SHUTOFF"):
                if not machine.joined and self._never_joins(machine, server):
                    yield Remove(Kind.SERVER, server.id, server.name, "it did not become a node; another is made")
                else:
                    yield from self._give_back(machine, server, port)
            return
        step = self._create_server(machine, port) if not machine.joined else None
        if step is not None:
            yield step

    def _is_silent(self, machine: Machine) -> bool:
        """Whether Kubernetes, which answers, hears nothing of its node."""
        kube = self.observed.kube
        return kube is not None and not any(n.name == machine.name and n.ready for n in kube.nodes)

    def _is_kept_from(self, machine: Machine, address: str) -> bool:
        """Whether a machine may not have this address: the API's stays the API's, and a place's its etcd member's. Who
        draws an address from Neutron may get one of them while its balancer or port is lost."""
        kept = {m.member_address for m in self.observed.machines if m.name != machine.name}
        others = (kept | {self.observed.api_internal_address}) - {""}
        return address in others or (machine.member_address not in ("", address))

    def _never_joins(self, machine: Machine, server: Server) -> bool:
        """Whether a machine had its time, and its data can be of no use to anybody: one that may run an etcd member is
        left to people, however late it is."""
        reports = reports_of(machine, server)
        if any(p.step in MAKES_A_MEMBER for p in reports) or server.created_at is None:
            return False
        failed = next((p for p in reports if p.state == "failed"), None)
        since = failed.at if failed is not None else server.created_at + BOOT_DEADLINE
        return self.now - since >= LATE_SERVER_IS_KEPT

    def _is_lost(self, machine: Machine) -> bool:
        """Whether another machine has to take its place: its server is gone, or it is a worker that lost its port and
        so cannot be reached. Nova and Neutron must agree about it."""
        cloud = self.cloud
        if cloud.servers is None or cloud.ports is None or not machine.joined:
            return False
        if self._spoke_just_now(machine):
            return False
        server, port = named(cloud.servers, machine.name), named(cloud.ports, machine.name)
        if port is not None and port.server_id is not None:
            return False
        return server is None or (machine.role is Role.WORKER and is_cut_off(server))

    def _has_no_node(self, machine: Machine) -> bool:
        """Whether it is a worker whose Node somebody removed: its kubelet registers when it starts, and never again.
        One of the control plane may have dear data: people decide."""
        kube = self.observed.kube
        if kube is None or not machine.joined or machine.role is not Role.WORKER or self._spoke_just_now(machine):
            return False
        server = named(self.cloud.servers, machine.name)
        starts = server is not None and server.status != "ACTIVE"  # and so registers soon
        return not starts and all(node.name != machine.name for node in kube.nodes)

    def _spoke_just_now(self, machine: Machine) -> bool:
        return any(self.now - report.at < LISTS_LAG for report in machine.boot)

    def _port(self, machine: Machine, port: Port | None) -> Iterator[Step]:
        network, subnet = self.network, self.subnet
        group = self._security_group(machine.role)
        if network is None or subnet is None or group is None:
            return
        runs = named(self.cloud.servers, machine.name) is not None
        address = dict(machine.facts).get("address", "") if machine.joined or runs else machine.member_address
        if port is not None and port.network_id not in ("", network.id):
            if port.server_id is None:
                yield Remove(Kind.PORT, port.id, port.name, "it is in another network than the others")
            return
        doubles = {g.id for g in self.cloud.security_groups or () if g.name == group.name} - {group.id}
        now_in = set(port.security_group_ids) if port is not None else set()
        if port is None or group.id not in now_in or doubles & now_in:
            not_in = tuple(sorted(doubles & now_in))
            yield EnsurePort(machine.name, network.id, subnet.id, (group.id,), address, not_in)

    def _give_back(self, machine: Machine, server: Server, port: Port | None) -> Iterator[Step]:
        """What a machine had and has no longer: its port, its etcd volume, its power."""
        known = ("address", port.address) in machine.facts if port is not None else False
        if port is not None and known and port.server_id is None and not server.addresses:
            yield AttachPort(machine.name, port.id, server.id)
        if machine.role is Role.CONTROL_PLANE:
            volume = named(self.cloud.volumes, names.etcd_volume(self.owner, machine.serial))
            if volume is not None and volume.status == "available" and ("etcd_volume_id", volume.id) in machine.facts:
                yield AttachVolume(volume.name, volume.id, server.id)
            if volume is None or volume.status != "in-use":
                return  # on its way, or made anew: without its member's data the machine is of no use
        if server.status == "SHUTOFF":
            yield StartServer(machine.name, server.id)

    def _create_server(self, machine: Machine, port: Port | None) -> CreateServer | None:
        """The step once all that the server needs is there, else None."""
        release = self.offer.release(self.cluster.spec.kubernetes_version)
        server_group = named(self.cloud.server_groups, names.server_group(self.owner, machine.group))
        if self.cloud.servers is None or port is None or server_group is None or release is None:
            return None
        neighbours = [m.name for m in self.live if (m.group, m.zone) == (machine.group, machine.zone)]
        spread = len(neighbours) <= SPREAD_EXACTLY
        if spread and self._are_building(neighbours):
            return None
        volumes: tuple[str, ...] = ()
        if machine.role is Role.CONTROL_PLANE:
            volume = named(self.cloud.volumes, names.etcd_volume(self.owner, machine.serial))
            if volume is None or volume.status != "available":
                return None
            volumes = (volume.id,)
            flavor = self.cluster.spec.control_plane.flavor
        else:
            group = self.cluster.group(machine.group)
            if group is None:
                return None
            flavor = group.spec.flavor
        return CreateServer(
            name=machine.name,
            role=machine.role,
            group=machine.group,
            serial=machine.serial,
            flavor=flavor,
            image_id=release.image_id,
            zone=machine.zone,
            port_id=port.id,
            server_group_id=server_group.id,
            volume_ids=volumes,
            spread=spread,
        )

    def _are_building(self, machines: Collection[str]) -> bool:
        """Whether one of them is being built, and not for longer than the others should wait."""
        return any(
            s.name in machines
            and s.status == "BUILD"
            and (s.created_at is None or self.now - s.created_at < SPREADING_WAITS)
            for s in self.cloud.servers or ()
        )

    def _security_group(self, role: Role) -> SecurityGroup | None:
        by_role = {
            Role.CONTROL_PLANE: names.control_plane_security_group(self.owner),
            Role.WORKER: names.worker_security_group(self.owner),
        }
        return named(self.cloud.security_groups, by_role[role])

    def _kept_long_enough(self, machine: Machine, server: Server) -> bool:
        """A server in ERROR: the longer this machine was tried for in vain, the less often a full cloud is asked."""
        if server.created_at is None:
            return True
        tried_for = server.created_at - machine.created_at
        kept = min(max(tried_for / 2, ERROR_SERVER_IS_KEPT), ERROR_SERVER_IS_KEPT_AT_MOST)
        return self.now - server.created_at >= kept

    # -- the API's address

    def api(self) -> Iterator[Step]:
        cloud, owner = self.cloud, self.owner
        name = names.api_load_balancer(owner)
        subnet = self.subnet
        ports = [
            named(cloud.ports, names.control_plane_machine(owner, place))
            for place in range(self.cluster.spec.control_plane.replicas)
        ]
        members = tuple(port.address for port in ports if port is not None)
        if cloud.load_balancers is None or cloud.ports is None or subnet is None:
            return
        balancer, complete = api_balancer(self.observed, owner), len(members) == len(ports)
        if balancer is None:
            if complete or self.observed.api_internal_address:
                # One that was lost is made anew with whom there is: other ports wait for its address.
                yield EnsureLoadBalancer(name, subnet.id, members, API_PORT, self.observed.api_internal_address)
            return
        if balancer.vip_subnet_id not in ("", subnet.id):
            if not is_going(balancer):
                yield Remove(
                    Kind.LOAD_BALANCER, balancer.id, balancer.name, "it is in another network than the machines"
                )
            return
        if balancer.provisioning_status == "ERROR":
            yield Remove(Kind.LOAD_BALANCER, balancer.id, balancer.name, "it could not be built")
            return
        # A port that was lost takes its member away until it is made anew, and the member with it: OVN would go on
        # watching the port that the member had at first.
        if balancer.provisioning_status == "ACTIVE" and set(balancer.members) != set(members):
            yield EnsureLoadBalancer(name, subnet.id, members, API_PORT, balancer.vip_address)
        router = named(cloud.routers, names.network(owner))
        routed = (
            router is not None and subnet.id in router.subnet_ids
        )  # else the address cannot be reached from outside
        address = api_floating_ip(self.observed, owner)
        if (
            routed
            and cloud.floating_ips is not None
            and balancer.vip_port_id
            and (address is None or address.port_id != balancer.vip_port_id)
        ):
            external = self.cluster.spec.network.external_network
            yield EnsureFloatingIP(name, external, balancer.vip_port_id, self.observed.api_public_address)

    # -- what runs inside

    def addons(self) -> Iterator[Step]:
        if self.observed.kube is None:
            return
        applied = {a.name: a.digest for a in self.observed.kube.addons}
        for name, digest in self.observed.addon_digests:
            if applied.get(name) != digest:
                yield ApplyAddon(name, digest)


def reports_of(machine: Machine, server: Server) -> tuple[BootReport, ...]:
    """What this very server reported: an earlier one of the same machine may have said something, too."""
    return tuple(p for p in machine.boot if server.created_at is None or p.at >= server.created_at)


def lost_etcd_volumes(cluster: Cluster, observed: Observed) -> tuple[str, ...]:
    """Names of those that held a member's data and are gone. A blank one in such a place would be an empty cluster, or
    a member that the others know better than itself."""
    volumes, owner = observed.cloud.volumes, names.owner(cluster)
    if volumes is None:
        return ()
    places = (m for m in observed.machines if m.role is Role.CONTROL_PLANE and m.member_volume)
    held = (names.etcd_volume(owner, m.serial) for m in places)
    return tuple(name for name in held if named(volumes, name) is None)
