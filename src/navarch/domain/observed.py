"""What was seen of a cluster in one look. Unknown is a value: it never means absent.

A field of `CloudState` that could not be read is None; one that was read and found nothing is an empty tuple.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from navarch.domain.spec import Role


class Kind(StrEnum):
    """Kinds of cloud object that Navarch makes, looks for and removes; the word for people."""

    NETWORK = "network"
    SUBNET = "subnet"
    ROUTER = "router"
    SECURITY_GROUP = "security group"
    SERVER_GROUP = "server group"
    PORT = "port"
    VOLUME = "volume"
    SNAPSHOT = "snapshot"
    SERVER = "server"
    LOAD_BALANCER = "load balancer"
    FLOATING_IP = "floating IP"
    IDENTITY = "Keystone user"


@dataclass(frozen=True, slots=True)
class Network:
    """`mtu` in bytes."""

    id: str
    name: str
    mtu: int = 1500


@dataclass(frozen=True, slots=True)
class Subnet:
    """An IPv4 subnet."""

    id: str
    name: str
    network_id: str
    cidr: str


@dataclass(frozen=True, slots=True)
class Router:
    """`subnet_ids`: those it has an interface on."""

    id: str
    name: str
    external_network_id: str | None
    subnet_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """An ingress rule. `protocol` is tcp, udp or icmp; ports are None for icmp. Exactly one of `cidr` and `group` (a
    security group's *name*) says from where."""

    protocol: str
    port_min: int | None
    port_max: int | None
    cidr: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """`rules`: its ingress rules. `made_by` is "navarch", or "cloud-controller" for those of Services."""

    id: str
    name: str
    rules: frozenset[Rule] = frozenset()
    made_by: str = "navarch"


@dataclass(frozen=True, slots=True)
class ServerGroup:
    """A placement policy for servers."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Port:
    """`security_group_ids` may hold more than ours: the cloud controller adds those of Services. `network_id` is empty
    where it is not known."""

    id: str
    name: str
    address: str
    server_id: str | None = None
    security_group_ids: tuple[str, ...] = ()
    network_id: str = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """`status` is Cinder's word. `made_by` is "navarch", or "csi" for volumes of persistent volume claims."""

    id: str
    name: str
    status: str
    zone: str
    server_id: str | None = None
    made_by: str = "navarch"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A volume snapshot of the cluster's CSI."""

    id: str
    name: str
    volume_id: str


@dataclass(frozen=True, slots=True)
class Server:
    """`status` is Nova's word (BUILD, ACTIVE, SHUTOFF, ERROR, DELETED...), `fault` its reason for an ERROR.
    `addresses` are those of the ports that Nova knows it has."""

    id: str
    name: str
    status: str
    zone: str = ""
    host: str = ""
    flavor: str = ""
    image_id: str = ""
    task_state: str | None = None
    fault: str | None = None
    created_at: datetime | None = None
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """`provisioning_status` and `operating_status` are Octavia's words. `made_by` is "navarch" or "cloud-controller".
    `members`: addresses behind the API's listener. `vip_subnet_id` is empty where it is not known."""

    id: str
    name: str
    provisioning_status: str
    operating_status: str
    vip_address: str
    vip_port_id: str
    members: tuple[str, ...] = ()
    made_by: str = "navarch"
    vip_subnet_id: str = ""


@dataclass(frozen=True, slots=True)
class FloatingIP:
    """A public address; `name` is its description, where the owner's stem stands."""

    id: str
    name: str
    address: str
    port_id: str | None = None
    made_by: str = "navarch"


@dataclass(frozen=True, slots=True)
class Identity:
    """The Keystone user, and the trust, that the cluster's own controllers act as."""

    id: str
    name: str
    trust_id: str | None = None


Resource = (
    Network
    | Subnet
    | Router
    | SecurityGroup
    | ServerGroup
    | Port
    | Volume
    | Snapshot
    | Server
    | LoadBalancer
    | FloatingIP
    | Identity
)
R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, slots=True)
class CloudState:
    """Every object of one cluster in its project, and what its own controllers made. None: could not be read."""

    networks: tuple[Network, ...] | None = None
    subnets: tuple[Subnet, ...] | None = None
    routers: tuple[Router, ...] | None = None
    security_groups: tuple[SecurityGroup, ...] | None = None
    server_groups: tuple[ServerGroup, ...] | None = None
    ports: tuple[Port, ...] | None = None
    volumes: tuple[Volume, ...] | None = None
    snapshots: tuple[Snapshot, ...] | None = None
    servers: tuple[Server, ...] | None = None
    load_balancers: tuple[LoadBalancer, ...] | None = None
    floating_ips: tuple[FloatingIP, ...] | None = None
    identities: tuple[Identity, ...] | None = None
    trouble: tuple["Trouble", ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every kind could be read, so that what is not here is not there."""
        return all(getattr(self, name) is not None for name in FIELD_OF_KIND.values())

    def of(self, kind: Kind) -> tuple[Resource, ...]:
        """What was seen of a kind; empty also where it could not be read: ask `knows` first."""
        return getattr(self, FIELD_OF_KIND[kind]) or ()

    def knows(self, kind: Kind) -> bool:
        """Whether this kind could be read."""
        return getattr(self, FIELD_OF_KIND[kind]) is not None

    def with_resource(self, resource: Resource) -> "CloudState":
        """As if `resource` had been seen: replaces the one with its id, or adds it. Unknown kinds stay unknown."""
        name = FIELD_OF_KIND[KIND_OF_TYPE[type(resource)]]
        known: tuple[Resource, ...] | None = getattr(self, name)
        if known is None:
            return self
        # in their order: the first of a name counts
        there = tuple(resource if r.id == resource.id else r for r in known)
        changed: dict[str, Any] = {name: there if resource in there else (*there, resource)}
        return replace(self, **changed)

    def with_server(self, server: Server, port_id: str, volume_ids: tuple[str, ...]) -> "CloudState":
        """As if the server had been seen, with its port and its volumes."""
        state = self
        for port in self.ports or ():
            if port.id == port_id:
                server = replace(server, addresses=(port.address,))
                state = state.with_resource(replace(port, server_id=server.id))
        state = state.with_resource(server)
        for volume in self.volumes or ():
            if volume.id in volume_ids:
                state = state.with_resource(replace(volume, server_id=server.id, status="in-use"))
        return state

    def without(self, kind: Kind, resource_id: str) -> "CloudState":
        """As if the object were gone."""
        name = FIELD_OF_KIND[kind]
        known = getattr(self, name)
        if known is None:
            return self
        changed: dict[str, Any] = {name: tuple(r for r in known if r.id != resource_id)}
        return replace(self, **changed)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something could not be read or done, in a condition's words. `responsible` is a `Responsible`, None for what
    passes by itself."""

    reason: str
    message: str
    subject: str = ""
    responsible: str | None = None
    remedy: str | None = None


FIELD_OF_KIND: dict[Kind, str] = {
    Kind.NETWORK: "networks",
    Kind.SUBNET: "subnets",
    Kind.ROUTER: "routers",
    Kind.SECURITY_GROUP: "security_groups",
    Kind.SERVER_GROUP: "server_groups",
    Kind.PORT: "ports",
    Kind.VOLUME: "volumes",
    Kind.SNAPSHOT: "snapshots",
    Kind.SERVER: "servers",
    Kind.LOAD_BALANCER: "load_balancers",
    Kind.FLOATING_IP: "floating_ips",
    Kind.IDENTITY: "identities",
}
KIND_OF_TYPE: dict[type, Kind] = {
    Network: Kind.NETWORK,
    Subnet: Kind.SUBNET,
    Router: Kind.ROUTER,
    SecurityGroup: Kind.SECURITY_GROUP,
    ServerGroup: Kind.SERVER_GROUP,
    Port: Kind.PORT,
    Volume: Kind.VOLUME,
    Snapshot: Kind.SNAPSHOT,
    Server: Kind.SERVER,
    LoadBalancer: Kind.LOAD_BALANCER,
    FloatingIP: Kind.FLOATING_IP,
    Identity: Kind.IDENTITY,
}


def named(resources: tuple[R, ...] | None, name: str) -> R | None:
    """The first of that name, None if there is none or nobody could look."""
    return next((r for r in resources or () if r.name == name), None)


def is_going(resource: Resource) -> bool:
    """Whether its service has begun to remove it."""
    match resource:
        case Server(status=status, task_state=state):
            return state == "deleting" or status == "DELETED"  # Nova shows that for a moment, with no task any more
        case LoadBalancer(provisioning_status=state):
            return state == "PENDING_DELETE"
        case Volume(status=state):
            return state == "deleting"
        case _:
            return False


BOOTED = "Booted"  # the phase that a machine has done when it asks to join for the first time
MAKES_A_MEMBER = frozenset({"KubeadmInit", "KubeadmJoin"})  # phases in which a machine becomes a member of etcd
API_STARTS_IN = MAKES_A_MEMBER | {"Joined"}  # phases from which a control plane may answer


@dataclass(frozen=True, slots=True)
class BootReport:
    """What a machine said of one step of its boot. `state` is started, done or failed; `seconds` how long it took;
    `log` the end of the step's output where it failed."""

    step: str
    state: str
    at: datetime
    seconds: float = 0.0
    log: str = ""

    @property
    def matters(self) -> bool:
        """Whether something may be done about it now; of the other steps people are told when there is time."""
        return self.state == "failed" or self.step in API_STARTS_IN


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that Navarch decided to have, as recorded before the cloud is asked for it.

    `serial` is the place of a control-plane machine, the number of a worker. `joined` is true once its last boot phase
    was reported done. `removing` is set when it is to go. `facts` are what its join configuration needs and was known
    when its server was asked for, as (name, value): address, etcd_volume_id, member_volume_id and member_address (see
    the properties of these names), and the image's components.
    """

    name: str
    role: Role
    group: str
    serial: int
    zone: str
    created_at: datetime
    joined: bool = False
    removing: bool = False
    removed: bool = False
    boot: tuple[BootReport, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def member_volume(self) -> str:
        """The volume on which this place of the control plane, in this machine or an earlier one, may have become a
        member of etcd; empty: none."""
        return self._of_member("etcd_volume_id", "member_volume_id")

    @property
    def member_address(self) -> str:
        """The address at which the others know that member; empty: none."""
        return self._of_member("address", "member_address") if self.member_volume else ""

    def _of_member(self, own: str, earlier: str) -> str:
        is_member = self.joined or any(p.step in MAKES_A_MEMBER for p in self.boot)
        return dict(self.facts).get(own if is_member else earlier, "")


def member_facts(machines: tuple[Machine, ...], name: str) -> tuple[tuple[str, str], ...]:
    """What a machine of that name has to know of the one whose place it takes."""
    before = next((m for m in machines if m.name == name), None)
    if before is None or not before.member_volume:
        return ()
    return ("member_volume_id", before.member_volume), ("member_address", before.member_address)


@dataclass(frozen=True, slots=True)
class Node:
    """A Kubernetes node. `version` is its kubelet's, without the v."""

    name: str
    ready: bool
    unschedulable: bool = False
    version: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Addon:
    """An add-on as seen in the cluster. `digest` is that of what was last applied; `available`: all its workloads have
    the replicas they want; `message` says what is missing."""

    name: str
    digest: str
    available: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class KubeState:
    """What the Kubernetes API said."""

    version: str
    nodes: tuple[Node, ...] = ()
    addons: tuple[Addon, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at everything. `kube` is None while the Kubernetes API does not answer; `kube_trouble` then says why.

    `secrets_ready`: keys and certificates of the cluster exist. `addon_digests`: (name, digest) of the add-ons that
    this Navarch would apply to this cluster, in the order to apply them; empty while not known. `consoles`: (machine,
    end of its console) of machines that are overdue. `fresh`: nothing was done since the look, so that what is not
    here is gone. `api_internal_address` and `api_public_address` are those the Kubernetes API had when it was last
    seen with one (empty: never): should they be lost, the same ones are asked for.
    """

    cloud: CloudState
    machines: tuple[Machine, ...] = ()
    kube: KubeState | None = None
    kube_trouble: str = ""
    secrets_ready: bool = False
    addon_digests: tuple[tuple[str, str], ...] = ()
    consoles: tuple[tuple[str, str], ...] = ()
    fresh: bool = True
    api_internal_address: str = ""
    api_public_address: str = ""
