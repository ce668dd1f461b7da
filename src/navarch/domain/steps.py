"""What can be done next: frozen values that the plan returns, tests compare, and `reconcile` carries out.

Cloud steps are carried out by `clouds`, the others by `reconcile` with `bootstrap`, `addons` and `store`. Every Ensure
is idempotent: it looks for the object by name before it makes one.
"""

from dataclasses import dataclass

from navarch.domain.observed import Kind, Rule
from navarch.domain.spec import Role


@dataclass(frozen=True, slots=True)
class EnsureNetwork:
    """A tenant network."""

    name: str


@dataclass(frozen=True, slots=True)
class EnsureSubnet:
    """A subnet with DHCP on it; `dns_servers` empty: the cloud's own."""

    name: str
    network_id: str
    cidr: str
    dns_servers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EnsureRouter:
    """A router with its gateway on the external network (a name or an id) and, once known, a leg in the subnet."""

    name: str
    external_network: str
    subnet_id: str | None = None


@dataclass(frozen=True, slots=True)
class EnsureSecurityGroup:
    """A security group with exactly these ingress rules (and the cloud's default egress)."""

    name: str
    rules: frozenset[Rule]


@dataclass(frozen=True, slots=True)
class EnsureServerGroup:
    """A server group with policy soft-anti-affinity."""

    name: str


@dataclass(frozen=True, slots=True)
class EnsurePort:
    """A port of a machine or a control-plane place, in `security_groups` (ids). `address`: the one that a port lost by
    hand had, and that its machine goes on using; empty: any. `not_in`: ids of groups that it must leave, second ones
    of ours; groups of others stay."""

    name: str
    network_id: str
    subnet_id: str
    security_group_ids: tuple[str, ...]
    address: str = ""
    not_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AttachPort:
    """A port back on the machine of its name, which runs without it."""

    name: str
    port_id: str
    server_id: str


@dataclass(frozen=True, slots=True)
class EnsureVolume:
    """A volume of `size_gib` GiB in a zone."""

    name: str
    type: str
    size_gib: int
    zone: str


@dataclass(frozen=True, slots=True)
class AttachVolume:
    """An etcd volume back on the machine of its place. A machine that runs is stopped first, and started by
    `StartServer` afterwards: the file system it had mounted is gone for it, even when the disk is there again."""

    name: str
    volume_id: str
    server_id: str


@dataclass(frozen=True, slots=True)
class StartServer:
    """Switch a machine on that is off."""

    name: str
    server_id: str


@dataclass(frozen=True, slots=True)
class EnsureIdentity:
    """The Keystone user of the cluster's controllers, with a trust for the project."""


@dataclass(frozen=True, slots=True)
class EnsureLoadBalancer:
    """The API's balancer: TCP `port` to `members` (addresses), with a health monitor. Made in one call; members of an
    existing one are made equal to `members`. `address`: the one that a balancer lost by hand had, and that every
    kubelet knows; empty: any."""

    name: str
    subnet_id: str
    members: tuple[str, ...]
    port: int = 6443
    address: str = ""


@dataclass(frozen=True, slots=True)
class EnsureFloatingIP:
    """A floating address on a port. `address`: the one that was lost by hand, and that kubeconfigs name; another is
    taken where it is no longer free or where the cloud lets nobody choose. Empty: any."""

    name: str
    external_network: str
    port_id: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class CreateServer:
    """A machine. `user_data` is added by `reconcile` when the step is carried out: it holds the join ticket.

    `image_id` is the release's; `volume_ids` are there at boot; `server_group_id` spreads it, and with `spread` no
    other of its group and zone is made meanwhile.
    """

    name: str
    role: Role
    group: str
    serial: int
    flavor: str
    image_id: str
    zone: str
    port_id: str
    server_group_id: str
    volume_ids: tuple[str, ...] = ()
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """Ask an object to go; done when the cloud accepted it. `why` is for the timeline."""

    kind: Kind
    id: str
    name: str
    why: str = ""


CloudStep = (
    EnsureNetwork
    | EnsureSubnet
    | EnsureRouter
    | EnsureSecurityGroup
    | EnsureServerGroup
    | EnsurePort
    | AttachPort
    | EnsureVolume
    | AttachVolume
    | StartServer
    | EnsureIdentity
    | EnsureLoadBalancer
    | EnsureFloatingIP
    | CreateServer
    | Remove
)


MAKES: dict[type, Kind] = {
    EnsureNetwork: Kind.NETWORK,
    EnsureSubnet: Kind.SUBNET,
    EnsureRouter: Kind.ROUTER,
    EnsureSecurityGroup: Kind.SECURITY_GROUP,
    EnsureServerGroup: Kind.SERVER_GROUP,
    EnsurePort: Kind.PORT,
    EnsureVolume: Kind.VOLUME,
    EnsureIdentity: Kind.IDENTITY,
    EnsureLoadBalancer: Kind.LOAD_BALANCER,
    EnsureFloatingIP: Kind.FLOATING_IP,
    CreateServer: Kind.SERVER,
}


@dataclass(frozen=True, slots=True)
class EnsureSecrets:
    """Keys and certificates of the cluster: made once, sealed, kept by Navarch."""


@dataclass(frozen=True, slots=True)
class RecordMachine:
    """Decide to have a machine: written down before the cloud is asked, so that its number is never used twice."""

    name: str
    role: Role
    group: str
    serial: int
    zone: str


@dataclass(frozen=True, slots=True)
class ReleaseMachine:
    """Decide that a machine is to go."""

    name: str


@dataclass(frozen=True, slots=True)
class ForgetMachine:
    """Mark a machine as gone, once neither server nor node is left."""

    name: str


@dataclass(frozen=True, slots=True)
class ApplyAddon:
    """Server-side apply of an add-on whose digest in the cluster is not `digest`."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class DrainNode:
    """Cordon a node, evict its pods honouring disruption budgets, and remove the node object once it is empty."""

    name: str


@dataclass(frozen=True, slots=True)
class DeleteNode:
    """Remove a node object whose machine is gone, and end what ran there."""

    name: str


@dataclass(frozen=True, slots=True)
class ForgetNodeGroup:
    """Drop a node group that was asked to go and has no machine left."""

    name: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop the cluster's row: a final look found nothing."""


OwnStep = (
    EnsureSecrets
    | RecordMachine
    | ReleaseMachine
    | ForgetMachine
    | ApplyAddon
    | DrainNode
    | DeleteNode
    | ForgetNodeGroup
    | Forget
)
Step = CloudStep | OwnStep


@dataclass(frozen=True, slots=True)
class Done:
    """The step was carried out."""


@dataclass(frozen=True, slots=True)
class Again:
    """Look again after so many seconds. `responsible` and `remedy`: who is to act, and how, should it take too long;
    None: it is not known."""

    after: float
    reason: str
    message: str
    responsible: str | None = None
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It cannot be done until somebody acts."""

    reason: str
    message: str
    responsible: str
    remedy: str


Outcome = Done | Again | Failed


@dataclass(frozen=True, slots=True)
class Result:
    """A step and what came of it; `seconds` it took."""

    step: Step
    outcome: Outcome
    seconds: float = 0.0


def subject(step: Step) -> str:
    """The object a step is about, for events and conditions."""
    return getattr(step, "name", "") or ""
