"""The steps that OpenStack carries out. Every Ensure is idempotent: it looks for the object before it makes one."""

from dataclasses import dataclass, replace
from datetime import datetime

from navarch.domain.cloud import Resource
from navarch.domain.credentials import Credentials
from navarch.domain.machines import MachineFacts, successor_facts
from navarch.domain.observed import Observed
from navarch.domain.openstack.resources import (
    NAVARCH,
    FloatingIP,
    Identity,
    Kind,
    LoadBalancer,
    Network,
    Port,
    Router,
    Rule,
    SecurityGroup,
    Server,
    ServerGroup,
    Snapshot,
    Subnet,
    Volume,
)
from navarch.domain.spec import Role, VolumeSpec
from navarch.domain.steps import CreatesIdentity, CreatesMachine, RenewsIdentity, Step


class CloudStep(Step):
    """Base of them."""

    __slots__ = ()

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        return seen.with_cloud(seen.cloud if made is None else seen.cloud.having(made))

    def _imagined_id(self) -> str:
        return f"imagined-{type(self).__name__}-{self.subject}"


@dataclass(frozen=True, slots=True)
class EnsureNetwork(CloudStep):
    """A tenant network."""

    makes = Kind.NETWORK
    drift = "network {} was gone and is made anew"

    name: str

    @property
    def words(self) -> str:
        return f"make the network {self.name}"

    def imagined(self, seen: Observed) -> Network:
        return Network(self._imagined_id(), self.name)


@dataclass(frozen=True, slots=True)
class EnsureSubnet(CloudStep):
    """A subnet with DHCP on it; `dns_servers` empty: the cloud's own."""

    makes = Kind.SUBNET
    drift = "subnet {} was gone and is made anew"

    name: str
    network_id: str
    cidr: str
    dns_servers: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return f"make the subnet {self.name}, {self.cidr}"

    def imagined(self, seen: Observed) -> Subnet:
        return Subnet(self._imagined_id(), self.name, self.network_id, self.cidr)


@dataclass(frozen=True, slots=True)
class EnsureRouter(CloudStep):
    """A router with its gateway on the external network (an id) and, once known, an interface in the subnet."""

    makes = Kind.ROUTER
    drift = "router {} was gone or had lost its interface, and is put right"

    name: str
    external_network: str
    subnet_id: str | None = None

    @property
    def words(self) -> str:
        if self.subnet_id is None:
            return f"make the router {self.name} to {self.external_network}"
        return f"give the router {self.name} an interface in the subnet"

    def imagined(self, seen: Observed) -> Router:
        subnets = (self.subnet_id,) if self.subnet_id else ()
        return Router(self._imagined_id(), self.name, self.external_network, subnets)


@dataclass(frozen=True, slots=True)
class EnsureSecurityGroup(CloudStep):
    """A security group with exactly these ingress rules, which lets everything out."""

    makes = Kind.SECURITY_GROUP
    drift = "security group {} was gone or had other rules, and is put right"

    name: str
    rules: frozenset[Rule]

    @property
    def words(self) -> str:
        return f"make the security group {self.name} as wanted, {len(self.rules)} rules"

    def imagined(self, seen: Observed) -> SecurityGroup:
        return SecurityGroup(self._imagined_id(), self.name, self.rules)


@dataclass(frozen=True, slots=True)
class EnsureServerGroup(CloudStep):
    """A server group with policy soft-anti-affinity."""

    makes = Kind.SERVER_GROUP
    drift = "server group {} was gone and is made anew"

    name: str

    @property
    def words(self) -> str:
        return f"make the server group {self.name}"

    def imagined(self, seen: Observed) -> ServerGroup:
        return ServerGroup(self._imagined_id(), self.name)


@dataclass(frozen=True, slots=True)
class EnsurePort(CloudStep):
    """A port of a machine or a control-plane place, in `security_group_ids`. `address`: the one that a port lost by
    hand had, and that its machine goes on using; empty: any. `not_in`: ids of groups that it must leave, second ones
    of ours; groups of others stay."""

    makes = Kind.PORT
    drift = "port {} was gone or had lost its security group, and is put right"

    name: str
    network_id: str
    subnet_id: str
    security_group_ids: tuple[str, ...]
    address: str = ""
    not_in: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return f"make the port {self.name}"

    @property
    def puts_back(self) -> bool:
        return bool(self.address)  # a new machine's port is nobody's doing

    def imagined(self, seen: Observed) -> Port:
        address = self.address or f"<address of {self.name}>"
        had = seen.cloud.named(Port, self.name)
        port = had or Port(self._imagined_id(), self.name, address, network_id=self.network_id)
        return replace(port, security_group_ids=self.security_group_ids)


@dataclass(frozen=True, slots=True)
class AttachPort(CloudStep):
    """A port back on the machine of its name, which runs without it."""

    drift = "port {} was not on its machine, and is attached"

    name: str
    port_id: str
    server_id: str

    @property
    def words(self) -> str:
        return f"put the port {self.name} back on its machine"

    def imagined(self, seen: Observed) -> Port | None:
        port = seen.cloud.with_id(Port, self.port_id)
        return None if port is None else replace(port, server_id=self.server_id)


@dataclass(frozen=True, slots=True)
class EnsureVolume(CloudStep):
    """A volume of `size_gib` GiB in a zone."""

    makes = Kind.VOLUME
    drift = "volume {} was gone and is made anew"

    name: str
    type: str
    size_gib: int
    zone: str

    @property
    def words(self) -> str:
        return f"make the volume {self.name}, {self.size_gib} GiB of {self.type} in {self.zone}"

    def imagined(self, seen: Observed) -> Volume:
        return Volume(self._imagined_id(), self.name, "available", self.zone)


@dataclass(frozen=True, slots=True)
class AttachVolume(CloudStep):
    """An etcd volume back on the machine of its place. A machine that runs is stopped first, and started by
    `StartServer` afterwards: the file system it had mounted is gone for it, even when the disk is there again."""

    drift = "volume {} was not attached to its machine, and is attached"

    name: str
    volume_id: str
    server_id: str

    @property
    def words(self) -> str:
        return f"put the volume {self.name} back on its machine"

    def imagined(self, seen: Observed) -> Volume | None:
        volume = seen.cloud.with_id(Volume, self.volume_id)
        return None if volume is None else replace(volume, server_id=self.server_id, status="in-use")

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        cloud = seen.cloud if made is None else seen.cloud.having(made)
        return seen.with_cloud(cloud.changed(Server, self.server_id, status="SHUTOFF"))


@dataclass(frozen=True, slots=True)
class StartServer(CloudStep):
    """Switch a machine on that is off."""

    about_machines = True
    drift = "machine {} was off, and is switched on"

    name: str
    server_id: str

    @property
    def words(self) -> str:
        return f"start the server {self.name}"

    def imagined(self, seen: Observed) -> Server | None:
        server = seen.cloud.with_id(Server, self.server_id)
        return None if server is None else replace(server, task_state="powering-on")


@dataclass(frozen=True, slots=True)
class StopServer(CloudStep):
    """Switch a machine off: it is asked to shut down, and given the cloud's time for that."""

    about_machines = True

    name: str
    server_id: str

    @property
    def words(self) -> str:
        return f"stop the server {self.name}"

    def imagined(self, seen: Observed) -> Server | None:
        server = seen.cloud.with_id(Server, self.server_id)
        return None if server is None else replace(server, task_state="powering-off")


@dataclass(frozen=True, slots=True)
class EnsureSnapshot(CloudStep):
    """A snapshot of a volume whose server is off."""

    makes = Kind.SNAPSHOT

    name: str
    volume_id: str

    @property
    def words(self) -> str:
        return f"make the snapshot {self.name}"

    def imagined(self, seen: Observed) -> Snapshot:
        return Snapshot(self._imagined_id(), self.name, self.volume_id, made_by=NAVARCH)


@dataclass(frozen=True, slots=True)
class EnsureIdentity(CloudStep, CreatesIdentity):
    """The Keystone user of the cluster's controllers, with a trust for the project."""

    makes = Kind.IDENTITY
    drift = "the Keystone user of the cluster's controllers, or its trust, was gone and is made anew"

    @property
    def words(self) -> str:
        return "make the Keystone user of the cluster's controllers, with its trust"

    def imagined(self, seen: Observed) -> Identity:
        return Identity(self._imagined_id(), "controllers", trust_id="imagined-trust")


@dataclass(frozen=True, slots=True)
class RenewIdentity(CloudStep, RenewsIdentity):
    """Another Keystone user, with another trust, in the place of this one: what was made with its password goes with
    it, tokens and application credentials, too."""

    id: str
    name: str

    @property
    def words(self) -> str:
        return "replace the Keystone user of the cluster's controllers, and its trust"

    @property
    def done(self) -> str:
        return "the cluster's controllers got another Keystone user; the credentials they had open nothing any more"

    @property
    def key(self) -> tuple[str, ...]:
        return (type(self).__name__,)

    def imagined(self, seen: Observed) -> Identity:
        return Identity(self._imagined_id(), self.name, trust_id="imagined-trust")

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        cloud = seen.cloud.without(Kind.IDENTITY, self.id)
        renewed = seen.with_cloud(cloud if made is None else cloud.having(made))
        return renewed.with_record(credentials=Credentials(renewed_at=now))


@dataclass(frozen=True, slots=True)
class EnsureLoadBalancer(CloudStep):
    """The API's balancer: TCP `port` to `members` (addresses), with a health monitor. Made in one call; members of an
    existing one are made equal to `members`. `address`: the one that a balancer lost by hand had, and that every
    kubelet knows; empty: any."""

    makes = Kind.LOAD_BALANCER
    drift = "load balancer {} was gone or had other members, and is put right"

    name: str
    subnet_id: str
    members: tuple[str, ...]
    port: int = 6443
    address: str = ""

    @property
    def words(self) -> str:
        return f"make the load balancer {self.name} as wanted, members {', '.join(self.members)}"

    def imagined(self, seen: Observed) -> LoadBalancer:
        had = seen.cloud.named(LoadBalancer, self.name)
        if had is not None:
            return replace(had, members=self.members)
        address = self.address or "<internal address>"
        return LoadBalancer(self._imagined_id(), self.name, "ACTIVE", "ONLINE", address, "<port>", self.members)


@dataclass(frozen=True, slots=True)
class EnsureFloatingIP(CloudStep):
    """A floating address on a port. `address`: the one that was lost by hand, and that kubeconfigs name; another is
    taken where it is no longer free or where the cloud lets nobody choose. Empty: any."""

    makes = Kind.FLOATING_IP
    drift = (
        "the floating address of {} was gone or elsewhere, and is put right; "
        "if it is another one now, kubeconfigs have to be fetched anew"
    )

    name: str
    external_network: str
    port_id: str
    address: str = ""

    @property
    def words(self) -> str:
        return f"give the API a floating address of {self.external_network}"

    def imagined(self, seen: Observed) -> FloatingIP:
        return FloatingIP(self._imagined_id(), self.name, self.address or "<public address>", self.port_id)


@dataclass(frozen=True, slots=True)
class CreateServer(CloudStep, CreatesMachine):
    """A machine. `user_data` is added by `reconcile` when the step is carried out: it holds the join ticket.

    `image_id` is the release's; `root_volume` None: its disk is the flavor's, else a volume that goes with the server;
    `volume_ids` are there at boot; `server_group_id` spreads it, and with `spread` no other of its group and zone is
    made meanwhile.
    """

    makes = Kind.SERVER
    about_machines = True

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
    root_volume: VolumeSpec | None = None

    @property
    def words(self) -> str:
        return f"create the server {self.name}, {self.flavor} in {self.zone}"

    @property
    def key(self) -> tuple[str, ...]:
        if self.spread:
            return type(self).__name__, self.group, self.zone
        return type(self).__name__, self.name

    def facts(self, seen: Observed) -> MachineFacts:
        port, volumes = seen.cloud.with_id(Port, self.port_id), self.volume_ids
        before = successor_facts(seen.record.machines, self.name)
        address = port.address if port is not None else ""
        return replace(before, address=address, etcd_volume_id=volumes[0] if volumes else "")

    def imagined(self, seen: Observed) -> Server:
        return Server(self._imagined_id(), self.name, "BUILD", self.zone, flavor=self.flavor, image_id=self.image_id)

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        if not isinstance(made, Server):
            return seen.with_cloud(seen.cloud)
        port = seen.cloud.with_id(Port, self.port_id)
        addresses = (port.address,) if port is not None else ()
        cloud = seen.cloud.having(replace(made, created_at=made.created_at or now, addresses=addresses))
        cloud = cloud.changed(Port, self.port_id, server_id=made.id)
        for volume_id in self.volume_ids:
            cloud = cloud.changed(Volume, volume_id, server_id=made.id, status="in-use")
        return seen.with_cloud(cloud)


@dataclass(frozen=True, slots=True)
class RestoreName(CloudStep):
    """Give an object of ours its name and its mark back, of which somebody changed one."""

    drift = "{} had lost its name or its mark, and has them again"

    kind: Kind
    id: str
    name: str

    @property
    def words(self) -> str:
        return f"give the {self.kind} {self.name} its name and mark back"

    @property
    def key(self) -> tuple[str, ...]:
        return type(self).__name__, self.kind.value, self.id

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        left = tuple(pair for pair in seen.cloud.astray if pair[0] != self.id)
        return seen.with_cloud(replace(seen.cloud, astray=left))


@dataclass(frozen=True, slots=True)
class Remove(CloudStep):
    """Ask an object to go; done when the cloud accepted it. `why` is for the timeline."""

    kind: Kind
    id: str
    name: str
    why: str = ""

    @property
    def words(self) -> str:
        return f"remove the {self.kind} {self.name}" + (f": {self.why}" if self.why else "")

    @property
    def label(self) -> str:
        return "Remove" + "".join(word[0].upper() + word[1:] for word in self.kind.value.split())

    @property
    def done(self) -> str:
        return f"{self.kind} {self.name} is being removed: {self.why}"

    @property
    def key(self) -> tuple[str, ...]:
        return type(self).__name__, self.name, self.id

    def after(self, seen: Observed, made: Resource | None, now: datetime) -> Observed:
        cloud = seen.cloud
        match self.kind:
            case Kind.SERVER:
                cloud = cloud.changed(Server, self.id, task_state="deleting")
            case Kind.VOLUME:
                cloud = cloud.changed(Volume, self.id, status="deleting")
            case Kind.LOAD_BALANCER:
                cloud = cloud.changed(LoadBalancer, self.id, provisioning_status="PENDING_DELETE")
            case Kind.NETWORK:
                for subnet in cloud.of(Subnet):
                    if subnet.network_id == self.id:
                        cloud = cloud.without(Kind.SUBNET, subnet.id)
                cloud = cloud.without(self.kind, self.id)
            case _:
                cloud = cloud.without(self.kind, self.id)
        return seen.with_cloud(cloud)


AnyCloudStep = (
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
    | StopServer
    | EnsureSnapshot
    | EnsureIdentity
    | RenewIdentity
    | EnsureLoadBalancer
    | EnsureFloatingIP
    | CreateServer
    | RestoreName
    | Remove
)
"""For what has to tell them apart by type (a codec)."""
