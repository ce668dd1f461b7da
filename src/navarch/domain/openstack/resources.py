"""What a cluster consists of in OpenStack, as it was seen. To add a kind: `Kind`, and its class in
`AnyResource`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import get_args

from navarch.domain.cloud import Resource

NAVARCH, CLOUD_CONTROLLER, CSI = "navarch", "cloud-controller", "csi"  # who made an object
KEPT_AFTER_DELETION = "SOFT_DELETED"
"""Status of a server that was deleted where Nova keeps such for a while (reclaim_instance_interval), in no list, with
its ports and volumes."""


class Kind(StrEnum):
    """Kinds of cloud object that Navarch makes, looks for and removes, in the order of making; the word for people."""

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
class Network(Resource):
    """`mtu` in bytes."""

    kind = Kind.NETWORK
    quota = "networks"
    exclusive = True

    id: str
    name: str
    mtu: int = 1500


@dataclass(frozen=True, slots=True)
class Subnet(Resource):
    """An IPv4 subnet."""

    kind = Kind.SUBNET
    quota = "subnets"

    id: str
    name: str
    network_id: str
    cidr: str


@dataclass(frozen=True, slots=True)
class Router(Resource):
    """`subnet_ids`: those it has an interface on."""

    kind = Kind.ROUTER
    quota = "routers"
    exclusive = True

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
class SecurityGroup(Resource):
    """`rules`: its ingress rules. `made_by` is "navarch", or "cloud-controller" for those of Services. `lets_out`:
    everything may leave, as far as it is IPv4."""

    kind = Kind.SECURITY_GROUP
    quota = "security_groups"
    exclusive = True

    id: str
    name: str
    rules: frozenset[Rule] = frozenset()
    made_by: str = NAVARCH
    lets_out: bool = True


@dataclass(frozen=True, slots=True)
class ServerGroup(Resource):
    """A placement policy for servers."""

    kind = Kind.SERVER_GROUP
    quota = "server_groups"
    exclusive = True

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Port(Resource):
    """`security_group_ids` may hold more than ours: the cloud controller adds those of Services. `network_id` is empty
    where it is not known."""

    kind = Kind.PORT
    quota = "ports"
    exclusive = True

    id: str
    name: str
    address: str
    server_id: str | None = None
    security_group_ids: tuple[str, ...] = ()
    network_id: str = ""


@dataclass(frozen=True, slots=True)
class Volume(Resource):
    """`status` is Cinder's word. `made_by` is "navarch", or "csi" for volumes of persistent volume claims. `claim`:
    which one that is (`namespace/name`), empty where it is not said. `size_gib` is 0 where it is not known."""

    kind = Kind.VOLUME
    quota = "volumes"
    exclusive = True

    id: str
    name: str
    status: str
    zone: str
    server_id: str | None = None
    made_by: str = NAVARCH
    size_gib: int = 0
    claim: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot(Resource):
    """A snapshot of a volume. `status` is Cinder's word. `made_by` is "csi", or "navarch" for those of etcd volumes."""

    kind = Kind.SNAPSHOT

    id: str
    name: str
    volume_id: str
    status: str = "available"
    made_by: str = CSI
    size_gib: int = 0


@dataclass(frozen=True, slots=True)
class Server(Resource):
    """`status` is Nova's word (BUILD, ACTIVE, SHUTOFF, ERROR, DELETED...), `fault` its reason for an ERROR.
    `addresses` are those of the ports that Nova knows it has, floating ones among them."""

    kind = Kind.SERVER
    quota = "instances"
    exclusive = True

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
class LoadBalancer(Resource):
    """`provisioning_status` and `operating_status` are Octavia's words. `made_by` is "navarch" or "cloud-controller".
    `members`: addresses behind the API's listener. `vip_subnet_id` is empty where it is not known. `service`: of the
    cloud controller's, for which one (`namespace/name`)."""

    kind = Kind.LOAD_BALANCER
    quota = "load_balancers"

    id: str
    name: str
    provisioning_status: str
    operating_status: str
    vip_address: str
    vip_port_id: str
    members: tuple[str, ...] = ()
    made_by: str = NAVARCH
    vip_subnet_id: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class FloatingIP(Resource):
    """A public address; `name` is its description, where the owner's stem stands. Which of two is the API's is told by
    its balancer, and which of two balancers by its address."""

    kind = Kind.FLOATING_IP
    quota = "floating_ips"

    id: str
    name: str
    address: str
    port_id: str | None = None
    made_by: str = NAVARCH


@dataclass(frozen=True, slots=True)
class Identity(Resource):
    """The Keystone user, and the trust, that the cluster's own controllers act as."""

    kind = Kind.IDENTITY

    id: str
    name: str
    trust_id: str | None = None


AnyResource = (
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
RESOURCES: tuple[type[AnyResource], ...] = get_args(AnyResource)


def made_by(resource: AnyResource) -> str:
    """Who made it: Navarch, or one of the cluster's own controllers."""
    maker: str = getattr(resource, "made_by", NAVARCH)
    return maker


def is_going(resource: AnyResource) -> bool:
    """Whether its service has begun to remove it."""
    match resource:
        case Server(status=status, task_state=state):
            # The last one Nova shows for a moment, with no task any more.
            return state in ("deleting", "soft-deleting") or status == "DELETED"
        case LoadBalancer(provisioning_status=state):
            return state == "PENDING_DELETE"
        case Volume(status=state) | Snapshot(status=state):
            return state == "deleting"
        case _:
            return False
