"""A cluster's Kubernetes as far as Navarch reads it, and the controllers in it that make cloud objects themselves.

Everything is derived from when something happened: there is nothing to wait for but time.
"""

import ipaddress
from dataclasses import dataclass, field
from datetime import timedelta

from navarch.addons.contract import Draining
from navarch.clouds.simulator import Region, Request
from navarch.clouds.simulator.inventory import Thing
from navarch.domain.errors import NavarchError
from navarch.domain.kube import Addon, EtcdMember, Node
from navarch.domain.openstack.resources import Kind
from navarch.domain.spec import Taint
from navarch.simulator.etcd import Etcd
from navarch.simulator.nodes import NodeState
from navarch.simulator.pods import EVICTION_SECONDS, Pods

API_PORT = 6443
NETWORK_ADDONS = frozenset({"calico", "kube-proxy"})
_NODE_SECONDS = 2.0  # from a kubelet and a pod network to a Ready node
_ADDON_SECONDS = 2.0  # from its application to all replicas
_CONTROLLERS_LOOK_EVERY = 5.0


@dataclass(slots=True)
class Wishes:
    """What the cluster's users asked for inside it: names of Services with a balancer, of claims and of snapshots."""

    services: set[str] = field(default_factory=set)
    claims: set[str] = field(default_factory=set)
    snapshots: set[str] = field(default_factory=set)


class Kubernetes:
    """One cluster's. Who has the volume of an etcd member attached runs that member, and has to be found at its
    address, unless it is the only one."""

    def __init__(self, region: Region, project_id: str, cluster_id: str, version: str, ca: str) -> None:
        self.region, self.project_id, self.cluster_id = region, project_id, cluster_id
        self.version, self.ca = version, ca
        self.api_address = ""  # the balancer's inner one when the first machine came: every kubelet knows it
        self.etcd = Etcd()
        self.control_plane: dict[str, str] = {}  # server id -> volume id, of those that finished kubeadm
        self.running: set[str] = set()  # servers whose kubelet runs
        self.nodes: dict[str, NodeState] = {}
        self.addons: dict[str, tuple[str, float]] = {}
        self.wishes, self.pods = Wishes(), Pods()
        self.password = ""
        self._ticking = False

    # -- is it there

    @property
    def members(self) -> dict[str, str]:
        """etcd's, by the volumes that hold their data, with the address at which the others know them."""
        return self.etcd.addresses

    def alive(self, server_id: str) -> bool:
        """Whether the server runs, and its kubelet in it."""
        server = self.region.find(Kind.SERVER, server_id)
        return server is not None and server.resource.status == "ACTIVE" and server_id in self.running

    def has_quorum(self) -> bool:
        """Whether more than half of etcd's members run."""
        return self.living_members() * 2 > len(self.members)

    def living_members(self) -> int:
        """How many members run: a living control-plane machine has the volume attached."""
        return len(self._running_members())

    def serving(self) -> tuple[str, ...]:
        """Servers whose API server answers."""
        if not self.members or not self.has_quorum():
            return ()
        return tuple(s for s, v in self.control_plane.items() if self._runs_member(s, v))

    def answers_inside(self) -> bool:
        """Whether the balancer's inner address leads to an API server."""
        return any(self._leads_here(b) for b in self.region.things(Kind.LOAD_BALANCER, self.project_id))

    def answers_at(self, address: str) -> bool:
        """Whether a public address leads to an API server: floating IP, router, balancer, member, port, rule."""
        floating = self.region.floating_at(address)
        if floating is None or floating.resource.port_id is None:
            return False
        port = self.region.find(Kind.PORT, floating.resource.port_id)
        if port is None or not self._routed(port.subnet_id):
            return False
        balancers = self.region.things(Kind.LOAD_BALANCER, self.project_id)
        return any(b.resource.vip_port_id == port.id and self._leads_here(b) for b in balancers)

    # -- what it says

    def node_list(self, *, evictions: bool = False) -> tuple[Node, ...]:
        """All nodes. `evictions`: with how many pods would have to be moved off each."""
        self._settle()
        return tuple(
            n.seen(
                self.version,
                self.region.timeline.date() - timedelta(seconds=self.region.timeline.now - n.since),
                self.pods.on(n.name) if evictions else None,
            )
            for n in self.nodes.values()
        )

    def member_list(self) -> tuple[EtcdMember, ...]:
        """All members of etcd."""
        return self.etcd.members(self._running_members())

    def addon_list(self) -> tuple[Addon, ...]:
        """All add-ons that were applied."""
        now, up = self.region.timeline.now, any(self._ready(n) for n in self.nodes.values())
        return tuple(
            Addon(name, digest, up and now >= at + _ADDON_SECONDS, "" if up else "no node is Ready")
            for name, (digest, at) in self.addons.items()
        )

    # -- what is done to it

    def initialise(self, name: str, server_id: str, volume_id: str, address: str) -> None:
        """kubeadm init, or a member that comes back on its volume."""
        self.etcd.join(name, volume_id, address)
        self.control_plane[server_id] = volume_id
        self.running.add(server_id)

    def register(
        self, name: str, address: str, server_id: str, labels: dict[str, str], taints: tuple[Taint, ...]
    ) -> None:
        """A kubelet starts: it makes its node object, or takes the one that is there, which it keeps as it is but for
        the labels that it sets itself."""
        self.running.add(server_id)
        there, now = self.nodes.get(name), self.region.timeline.now
        if there is None:
            self.nodes[name] = NodeState(name, address, server_id, server_id, now, dict(labels), taints, since=now)
            return
        there.address, there.server_id, there.registered = address, server_id, now
        there.labels.update(labels)

    def own_node(
        self, name: str, address: str, server_id: str, labels: dict[str, str], taints: tuple[Taint, ...]
    ) -> None:
        """Have the kubelet register anew where its node object names another server, or is gone."""
        there = self.nodes.get(name)
        if there is None or there.provider_id != server_id:
            self.nodes.pop(name, None)
            self.register(name, address, server_id, labels, taints)

    def apply(self, name: str, digest: str) -> None:
        """Server-side apply of an add-on."""
        known = self.addons.get(name)
        self.addons[name] = (digest, self.region.timeline.now if known is None else known[1])
        if name == "cloud-controller" and not self._ticking:
            self._ticking = True
            self.region.timeline.after(_CONTROLLERS_LOOK_EVERY, self._control)

    def node_of(self, server_id: str) -> NodeState | None:
        """The node of a server."""
        return next((n for n in self.nodes.values() if n.server_id == server_id), None)

    def drain(self, name: str, *, evict: bool) -> Draining | None:
        """Cordon, and evict, or without `evict` end, what is on the node; None once nothing is."""
        node, now = self.nodes.get(name), self.region.timeline.now
        if node is None:
            return None
        if node.cordoned is None:
            node.cordoned = now
        self._settle()
        held = self.pods.evict(name, now, forced=not evict)
        pods = self.pods.on(name)
        return None if not pods and now >= node.cordoned + EVICTION_SECONDS else Draining(held, pods)

    def remove_member(self, member_id: str) -> None:
        """Take a member out of etcd. Raises Temporary where etcd refuses."""
        self.etcd.remove(member_id, self._running_members())

    def server_gone(self, server_id: str) -> None:
        """Nova says so; the cloud controller will notice."""
        self.running.discard(server_id)
        self.control_plane.pop(server_id, None)

    # -- controllers

    def controls(self) -> bool:
        """Whether the cluster's controllers run and the cloud lets them in."""
        return (
            bool(self.serving())
            and "cloud-controller" in self.addons
            and any(self._ready(n) for n in self.nodes.values())
            and self.region.lets_in(self.cluster_id, self.password)
        )

    def _control(self) -> None:
        """One round of cloud controller and CSI: put there what is wished for and not there, forget lost nodes."""
        if all(self.region.find(Kind.VOLUME, member) is None for member in self.members):
            self._ticking = False  # nothing of it is left
            return
        if self.controls():
            self._lost_nodes()
            try:
                self._services()
                self._claims()
            except NavarchError:
                pass  # a quota, or something that goes just now: the next round tries again
        self.region.timeline.after(_CONTROLLERS_LOOK_EVERY, self._control)

    def _services(self) -> None:
        subnet = self._subnet()
        if subnet is None:
            return
        for service in sorted(self.wishes.services):
            name = f"kube_service_{self.cluster_id}_default_{service}"
            balancer = self._mine(Kind.LOAD_BALANCER, name)
            if balancer is None:
                self.region.create_balancer(
                    self._asked(Kind.LOAD_BALANCER, name), self.cluster_id, subnet.id, (), "cloud-controller"
                )
                continue
            if self._mine(Kind.SECURITY_GROUP, f"lb-sg-{service}") is None:
                self.region.create_security_group(
                    self._asked(Kind.SECURITY_GROUP, f"lb-sg-{service}"), self.cluster_id, "cloud-controller"
                )
            if self._mine(Kind.FLOATING_IP, f"default/{service}") is None:
                self.region.create_floating_ip(
                    self._asked(Kind.FLOATING_IP, f"default/{service}"),
                    self.cluster_id,
                    self.region.offer.external_networks[0].id,
                    balancer.resource.vip_port_id,
                    "cloud-controller",
                )

    def _claims(self) -> None:
        type_ = self.region.offer.volume_types[0]
        for claim in sorted(self.wishes.claims):
            if self._mine(Kind.VOLUME, claim) is None:
                self.region.create_volume(
                    self._asked(Kind.VOLUME, claim), self.cluster_id, type_.name, 1, type_.zones[0], "csi"
                )
        for snapshot in sorted(self.wishes.snapshots & self.wishes.claims):
            volume = self._mine(Kind.VOLUME, snapshot)
            if volume is not None and self._mine(Kind.SNAPSHOT, f"snap-{snapshot}") is None:
                request = self._asked(Kind.SNAPSHOT, f"snap-{snapshot}")
                self.region.create_snapshot(request, self.cluster_id, volume.id)

    def _lost_nodes(self) -> None:
        """Remove what is not Ready and names a server that is gone."""
        for node in tuple(self.nodes.values()):
            if not self._ready(node) and self.region.find(Kind.SERVER, node.provider_id) is None:
                del self.nodes[node.name]

    # -- details

    def _settle(self) -> None:
        """What controllers and kubelets would have done by now."""
        now = self.region.timeline.now
        for node in self.nodes.values():
            node.heard(self._ready(node), now)
        self.pods.settle(now, self.nodes.keys(), [n.name for n in self.nodes.values() if n.was_ready and n.takes_pods])

    def _running_members(self) -> frozenset[str]:
        """Volumes on which a member runs."""
        return frozenset(v for s, v in self.control_plane.items() if self._runs_member(s, v))

    def _ready(self, node: NodeState) -> bool:
        if not self._connected(node) or not self.addons.keys() >= NETWORK_ADDONS:
            return False
        since = max(node.registered, *(self.addons[name][1] for name in NETWORK_ADDONS))
        return self.region.timeline.now >= since + _NODE_SECONDS

    def _connected(self, node: NodeState) -> bool:
        """Whether the machine runs and has its port."""
        return self.alive(node.server_id) and self._is_at(node.server_id, node.address)

    def _is_at(self, server_id: str, address: str) -> bool:
        ports = self.region.things(Kind.PORT, self.project_id)
        return any((p.resource.server_id, p.resource.address) == (server_id, address) for p in ports)

    def _runs_member(self, server_id: str, volume_id: str) -> bool:
        volume = self.region.find(Kind.VOLUME, volume_id)
        if volume is None or volume.resource.server_id != server_id or not self.alive(server_id):
            return False
        if volume_id not in self.members:
            return False
        return len(self.members) == 1 or self._is_at(server_id, self.members[volume_id])

    def _leads_here(self, balancer: Thing) -> bool:
        resource = balancer.resource
        if balancer.mark != self.cluster_id or resource.made_by != "navarch":
            return False
        if resource.vip_address != self.api_address:
            return False
        if resource.provisioning_status not in ("ACTIVE", "PENDING_UPDATE"):
            return False
        serving = set(self.serving())
        return any(
            port.resource.server_id in serving and port.resource.address in resource.members and self._lets_in(port)
            for port in self.region.things(Kind.PORT, self.project_id)
        )

    def _lets_in(self, port: Thing) -> bool:
        """Whether a rule of the port's groups lets clients reach the API."""
        groups = (self.region.find(Kind.SECURITY_GROUP, g) for g in port.resource.security_group_ids)
        rules = [rule for group in groups if group is not None for rule in group.resource.rules]
        return any(r.protocol == "tcp" and (r.port_min or 0) <= API_PORT <= (r.port_max or 0) and r.cidr for r in rules)

    def _routed(self, subnet_id: str) -> bool:
        return any(
            subnet_id in r.resource.subnet_ids and r.resource.external_network_id
            for r in self.region.things(Kind.ROUTER, self.project_id)
        )

    def _subnet(self) -> Thing | None:
        mine = (t for t in self.region.things(Kind.SUBNET, self.project_id) if t.mark == self.cluster_id)
        return next((t for t in mine if ipaddress.ip_network(t.resource.cidr).num_addresses > 8), None)

    def _mine(self, kind: Kind, name: str) -> Thing | None:
        things = self.region.things(kind, self.project_id)
        return next((t for t in things if t.mark == self.cluster_id and t.resource.name == name), None)

    def _asked(self, kind: Kind, name: str) -> Request:
        return Request("POST", kind, self.project_id, name)
