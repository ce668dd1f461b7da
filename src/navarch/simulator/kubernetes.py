"""A cluster's Kubernetes as far as Navarch reads it, and the controllers in it that make cloud objects themselves.

Everything is derived from when something happened: there is nothing to wait for but time.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from navarch.addons.contract import Draining
from navarch.domain import node_labels
from navarch.domain.catalogue import ChosenSeen
from navarch.domain.kube import (
    NOT_BEHIND_SERVICES,
    RESERVED_CPU_MILLIS,
    RESERVED_MEMORY_MIB,
    Addon,
    EtcdMember,
    Node,
)
from navarch.domain.names import zone_label
from navarch.domain.pods import Amounts, PodsSeen
from navarch.domain.spec import Taint
from navarch.domain.terms import EventsRule
from navarch.simulator import chosen
from navarch.simulator.controllers import Controllers, Login
from navarch.simulator.etcd import Etcd
from navarch.simulator.nodes import NodeState
from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Refused
from navarch.simulator.openstack.neutron import ports, routers
from navarch.simulator.openstack.octavia import parts
from navarch.simulator.openstack.services import Services
from navarch.simulator.openstack.site import VolumeType
from navarch.simulator.pods import EVICTION_SECONDS, Pods, PodShown

API_PORT = 6443
NETWORK_ADDONS = frozenset({"calico", "kube-proxy"})
_NODE_SECONDS = 2.0  # from a kubelet and a pod network to a Ready node
_ADDON_SECONDS = 2.0  # from its application to all replicas
_DEVICES_SECONDS = 45.0  # from a Ready node to what its device plugin announces
_CONTROLLERS_LOOK_EVERY = 5.0
_LIST_READ_EVERY = 1.0  # that of revoked kubeconfigs, by authorizers
_KERNEL_LEAVES, _EVICTION_MIB, _PODS_A_NODE = 0.97, 100, 110  # as kubelets say on machines of 2 GiB


@dataclass(slots=True)
class Wishes:
    """What the cluster's users asked for inside it: names of Services with a balancer, of claims and of snapshots."""

    services: set[str] = field(default_factory=set)
    claims: set[str] = field(default_factory=set)
    snapshots: set[str] = field(default_factory=set)


_UNTOLD = "1.37.2"  # where machines start from volumes, which do not tell their image


class Kubernetes:
    """One cluster's. Who has the volume of an etcd member attached runs that member, and has to be found at its
    address, unless it is the only one."""

    def __init__(self, services: Services, project_id: str, cluster_id: str, ca: str) -> None:
        self.region, self.project_id, self.cluster_id = services.region, project_id, cluster_id
        self.ca = ca
        self.releases: dict[str, str] = {}  # server id -> the Kubernetes that it runs
        self.controllers = Controllers(services, cluster_id, Login())
        self.api_address = ""  # the balancer's inner one when the first machine came: every kubelet knows it
        self.etcd = Etcd()
        self.control_plane: dict[str, str] = {}  # server id -> volume id, of those that finished kubeadm
        self.running: set[str] = set()  # servers whose kubelet runs
        self.nodes: dict[str, NodeState] = {}
        self.addons: dict[str, tuple[str, str, float]] = {}  # digest, version, since when
        self.chosen: dict[str, float] = {}
        self.complaints: dict[str, str] = {}  # of chosen add-ons, what their programs say
        self.wishes, self.pods = Wishes(), Pods()
        self._revoked: tuple[frozenset[str], float] = (frozenset(), 0.0)  # ids of kubeconfigs, and since when
        self.clock_ahead = timedelta()
        self._ticking = False

    @property
    def version(self) -> str:
        """What its API says: that of the oldest API server, which is as far as the cluster is."""
        of_members = [release for server in self.control_plane if (release := self.releases.get(server))]
        return min(of_members, key=_order, default=_UNTOLD)

    # -- is it there

    @property
    def members(self) -> dict[str, str]:
        """etcd's, by the volumes that hold their data, with the address at which the others know them."""
        return self.etcd.addresses

    def alive(self, server_id: str) -> bool:
        """Whether the server runs, and its kubelet in it."""
        server = self.region["server"].get(server_id)
        return server is not None and server["status"] == "ACTIVE" and server_id in self.running

    def has_quorum(self) -> bool:
        """Whether more than half of etcd's members run."""
        return self.living_members() * 2 > len(self.members)

    def living_members(self) -> int:
        """How many members run: a living control-plane machine has the volume attached."""
        return len(self._running_members())

    def runs_member(self, server_id: str) -> bool:
        """Whether a member of etcd runs on a server."""
        volume_id = self.control_plane.get(server_id)
        return volume_id is not None and self._runs_member(server_id, volume_id)

    def serving(self) -> tuple[str, ...]:
        """Servers whose API server answers."""
        if not self.members or not self.has_quorum():
            return ()
        return tuple(s for s, v in self.control_plane.items() if self._runs_member(s, v))

    def answers_inside(self) -> bool:
        """Whether the balancer's inner address leads to an API server."""
        return any(self._leads_here(b) for b in self.region["load balancer"].of(self.project_id))

    def answers_behind(self, port: Object) -> bool:
        """Whether a balancer's port, which can be reached from outside, leads to an API server: router, balancer,
        member, port, rule."""
        if routers.to_the_outside(self.region, port["fixed_ips"][0]["subnet_id"], self.project_id) is None:
            return False
        balancers = self.region["load balancer"].of(self.project_id)
        return any(b["vip_port_id"] == port.id and self._leads_here(b) for b in balancers)

    # -- what it says

    def node_list(self, *, evictions: bool = False) -> tuple[Node, ...]:
        """All nodes. `evictions`: with how many pods would have to be moved off each."""
        self._settle()
        return tuple(
            n.seen(
                self.releases.get(n.server_id) or self.version,
                self.clock() - timedelta(seconds=self.region.timeline.now - n.since),
                self.pods.on(n.name) if evictions else None,
                self._allocatable(n),
            )
            for n in self.nodes.values()
        )

    def clock(self) -> datetime:
        """The time of day by the clocks of its machines."""
        return self.region.timeline.date() + self.clock_ahead

    def pods_seen(self) -> PodsSeen:
        """All pods."""
        self._settle()
        return self.pods.seen(self.region.timeline.now)

    def pods_shown(self) -> tuple[PodShown, ...]:
        """All pods as their users see them."""
        self._settle()
        return self.pods.shown()

    def member_list(self) -> tuple[EtcdMember, ...]:
        """All members of etcd."""
        return self.etcd.members(self._running_members())

    def addon_list(self) -> tuple[Addon, ...]:
        """All add-ons that were applied."""
        now, up = self.region.timeline.now, any(self._ready(n) for n in self.nodes.values())
        return tuple(
            Addon(name, digest, up and now >= at + _ADDON_SECONDS, "" if up else "no node is Ready", version=version)
            for name, (digest, version, at) in self.addons.items()
        )

    def chosen_list(
        self, names: Iterable[str], rules: Iterable[tuple[str, tuple[EventsRule, ...]]] = ()
    ) -> tuple[ChosenSeen, ...]:
        """These chosen add-ons. `rules`: of those that have some."""
        now, asked = self.region.timeline.now, dict(rules)
        return tuple(
            chosen.seen(name, self.chosen.get(name), self.complaints.get(name, ""), asked.get(name, ()), now)
            for name in names
        )

    # -- what is done to it

    def initialise(self, name: str, server_id: str, volume_id: str, address: str, release: str) -> None:
        """kubeadm init, or a member that comes back on its volume."""
        self.releases[server_id] = release
        self.etcd.join(name, volume_id, address)
        self.control_plane[server_id] = volume_id
        self.running.add(server_id)

    def register(
        self, name: str, address: str, server_id: str, labels: dict[str, str], taints: tuple[Taint, ...], release: str
    ) -> None:
        """A kubelet starts: it makes its node object, or takes the one that is there, which it keeps as it is but for
        the labels that it sets itself."""
        self.running.add(server_id)
        self.releases[server_id] = release
        there, now = self.nodes.get(name), self.region.timeline.now
        labels = {**labels, **node_labels.of_kubelet(name)}
        if there is None:
            self.nodes[name] = NodeState(name, address, server_id, server_id, now, labels, taints, since=now)
            return
        there.address, there.server_id, there.registered = address, server_id, now
        there.labels.update(labels)

    def own_node(
        self, name: str, address: str, server_id: str, labels: dict[str, str], taints: tuple[Taint, ...], release: str
    ) -> None:
        """Have the kubelet register anew where its node object names another server, or is gone."""
        there = self.nodes.get(name)
        if there is None or there.provider_id != server_id:
            self.nodes.pop(name, None)
            self.register(name, address, server_id, labels, taints, release)

    def apply(self, name: str, digest: str, version: str) -> None:
        """Server-side apply of an add-on."""
        known = self.addons.get(name)
        self.addons[name] = (digest, version, self.region.timeline.now if known is None else known[2])
        if name == "cloud-controller" and not self._ticking:
            self._ticking = True
            self.region.timeline.after(_CONTROLLERS_LOOK_EVERY, self._control)

    def install(self, name: str) -> None:
        """All objects of a chosen add-on."""
        self.chosen[name] = self.region.timeline.now

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

    def revoke(self, ids: Collection[str]) -> bool:
        """Write down whose kubeconfigs are refused; gives whether they are, as of a second later."""
        listed, _ = self._revoked
        if listed != frozenset(ids):
            self._revoked = frozenset(ids), self.region.timeline.now
        return self.refused == frozenset(ids)

    @property
    def refused(self) -> frozenset[str]:
        """Ids of the kubeconfigs that are refused."""
        listed, since = self._revoked
        return listed if self.region.timeline.now >= since + _LIST_READ_EVERY else frozenset()

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
            and self.controllers.let_in()
        )

    def _control(self) -> None:
        """One round of cloud controller and CSI: put there what is wished for and not there, forget lost nodes."""
        if all(self.region["volume"].get(member) is None for member in self.members):
            self._ticking = False  # nothing of it is left
            return
        if self.controls():
            self._lost_nodes()
            try:
                self._services()
                self._claims()
            except Refused:
                pass  # a quota, or something that goes just now: the next round tries again
        self.region.timeline.after(_CONTROLLERS_LOOK_EVERY, self._control)

    def _services(self) -> None:
        subnet = self._subnet()
        if subnet is None:
            return
        nodes = [node.address for node in self.nodes.values() if NOT_BEHIND_SERVICES not in node.labels]
        for service in sorted(self.wishes.services):
            balancer = self.controllers.balancer(service, subnet.id, nodes)
            if balancer is not None:
                self.controllers.security_group(service)
                network = self.region.site.external_networks[0]
                self.controllers.floating_ip(service, network.id, balancer["vip_port_id"])

    def _claims(self) -> None:
        type_ = (*self.region.site.volume_types, VolumeType("__DEFAULT__"))[0]
        zones = type_.zones or self.region.site.zones_of_volumes
        volumes = {
            claim: self.controllers.volume(claim, type_.name, self._zone(self.pods.claims.get(claim), zones))
            for claim in sorted(self.wishes.claims)
        }
        for claim in sorted(self.wishes.snapshots & self.wishes.claims):
            volume = volumes[claim]
            if volume is not None and volume["status"] in ("available", "in-use"):
                self.controllers.snapshot(f"snap-{claim}", volume.id)

    def _zone(self, label: str | None, zones: tuple[str, ...]) -> str:
        """The zone that nodes have as this label, else the first."""
        return next((zone for zone in zones if zone_label(zone) == label), zones[0])

    def _lost_nodes(self) -> None:
        """Remove what is not Ready and names a server that is gone."""
        for node in tuple(self.nodes.values()):
            if not self._ready(node) and self.region["server"].get(node.provider_id) is None:
                del self.nodes[node.name]

    # -- details

    def _settle(self) -> None:
        """What controllers and kubelets would have done by now."""
        now = self.region.timeline.now
        for node in self.nodes.values():
            node.heard(self._ready(node), now)
            if node.was_ready:
                node.labels.update(self._labels(node))
        open_to_pods = [n.name for n in self.nodes.values() if n.was_ready and n.takes_pods]
        machines = {name: (self.nodes[name].labels, self._allocatable(self.nodes[name])) for name in open_to_pods}
        self.pods.settle(now, self.nodes.keys(), open_to_pods, machines)
        self.wishes.claims |= self.pods.claims.keys()

    def _labels(self, node: NodeState) -> dict[str, str]:
        """What cloud controller and CSI plugin write onto a node, where they run."""
        server = self.region["server"].get(node.provider_id)
        if server is None:
            return {}
        zone, flavor = server["OS-EXT-AZ:availability_zone"], server["flavor"]["original_name"]
        of_cloud = node_labels.of_cloud_controller(flavor, zone, self.region.site.region)
        return {
            **(of_cloud if "cloud-controller" in self.addons else {}),
            **(node_labels.of_csi(zone) if "cinder-csi" in self.addons else {}),
        }

    def _allocatable(self, node: NodeState) -> Amounts:
        """What a kubelet says that pods may ask for: all but what the kernel has and what is reserved."""
        server = self.region["server"].get(node.server_id)
        if server is None:
            return ()
        flavor = server["flavor"]
        memory = int(flavor["ram"] * _KERNEL_LEAVES) - RESERVED_MEMORY_MIB - _EVICTION_MIB
        announced = node.was_ready and self.region.timeline.now >= node.since + _DEVICES_SECONDS
        return (
            ("cpu", flavor["vcpus"] * 1000 - RESERVED_CPU_MILLIS),
            ("memory", max(0, memory) << 20),
            *(_devices(flavor["extra_specs"]) if announced else ()),
            ("pods", _PODS_A_NODE),
        )

    def _running_members(self) -> frozenset[str]:
        """Volumes on which a member runs."""
        return frozenset(v for s, v in self.control_plane.items() if self._runs_member(s, v))

    def _ready(self, node: NodeState) -> bool:
        if not self._connected(node) or not self.addons.keys() >= NETWORK_ADDONS:
            return False
        since = max(node.registered, *(self.addons[name][2] for name in NETWORK_ADDONS))
        return self.region.timeline.now >= since + _NODE_SECONDS

    def _connected(self, node: NodeState) -> bool:
        """Whether the machine runs and has its port."""
        return self.alive(node.server_id) and self._is_at(node.server_id, node.address)

    def _is_at(self, server_id: str, address: str) -> bool:
        mine = ports.of_device(self.region, self.project_id, server_id)
        return any(ip["ip_address"] == address for port in mine for ip in port["fixed_ips"])

    def _runs_member(self, server_id: str, volume_id: str) -> bool:
        volume = self.region["volume"].get(volume_id)
        if volume is None or not self.alive(server_id):
            return False
        if all(attachment["server_id"] != server_id for attachment in volume["attachments"]):
            return False
        if volume_id not in self.members or volume_id in self.etcd.stalled:
            return False
        return len(self.members) == 1 or self._is_at(server_id, self.members[volume_id])

    def _leads_here(self, balancer: Object) -> bool:
        if balancer["vip_address"] != self.api_address:
            return False
        if balancer["provisioning_status"] not in ("ACTIVE", "PENDING_UPDATE"):
            return False
        members = {
            member["address"]
            for pool in parts.pools_of(self.region, balancer)
            for member in parts.members_of(self.region, pool)
            if member["protocol_port"] == API_PORT
        }
        return any(
            port["fixed_ips"][0]["ip_address"] in members and self._lets_in(port)
            for server_id in self.serving()
            for port in ports.of_device(self.region, self.project_id, server_id)
        )

    def _lets_in(self, port: Object) -> bool:
        """Whether a rule of the port's groups lets clients reach the API."""
        groups = (self.region["security group"].get(id_) for id_ in port["security_groups"])
        rules = [rule for group in groups if group is not None for rule in group["security_group_rules"]]
        return any(
            rule["direction"] == "ingress"
            and rule["protocol"] == "tcp"
            and (rule["port_range_min"] or 0) <= API_PORT <= (rule["port_range_max"] or 0)
            and not rule["remote_group_id"]
            for rule in rules
        )

    def _subnet(self) -> Object | None:
        """The one in which the machines are."""
        for server_id in self.control_plane:
            for port in ports.of_device(self.region, self.project_id, server_id):
                return self.region["subnet"].get(port["fixed_ips"][0]["subnet_id"])
        return None


def _devices(extra_specs: Mapping[str, str]) -> Amounts:
    """What the device plugin finds on a machine of such a flavor."""
    word = "capacity.cluster-autoscaler.kubernetes.io:gpu-"
    count = int(extra_specs.get(f"{word}count", 0))
    return ((extra_specs.get(f"{word}type", "nvidia.com/gpu"), count),) if count else ()


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
