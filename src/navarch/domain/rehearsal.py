"""Rehearsal: carry out a plan in imagination, to its end. Serves `dry_run`, and tests that read the story as a log."""

from dataclasses import replace
from datetime import datetime

from navarch.domain import names
from navarch.domain.observed import (
    Addon,
    CloudState,
    FloatingIP,
    Identity,
    Kind,
    KubeState,
    LoadBalancer,
    Machine,
    Network,
    Node,
    Observed,
    Port,
    Router,
    SecurityGroup,
    Server,
    ServerGroup,
    Subnet,
    Volume,
    member_facts,
)
from navarch.domain.offer import Offer
from navarch.domain.plan import plan
from navarch.domain.spec import Cluster
from navarch.domain.steps import (
    ApplyAddon,
    AttachPort,
    AttachVolume,
    CreateServer,
    DeleteNode,
    DrainNode,
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
    Forget,
    ForgetMachine,
    ForgetNodeGroup,
    RecordMachine,
    ReleaseMachine,
    Remove,
    StartServer,
    Step,
)

ADDONS = ("access", "calico", "kube-proxy", "coredns", "cloud-controller", "cinder-csi", "metrics-server")
_ROUNDS = 500


def nothing_yet() -> Observed:
    """A look at a project where nothing of the cluster exists."""
    empty: tuple[()] = ()
    return Observed(cloud=CloudState(*[empty] * len(Kind)))


def rehearse(cluster: Cluster, offer: Offer, *, now: datetime, observed: Observed | None = None) -> tuple[Step, ...]:
    """Every step from `observed` (None: from nothing) until there is nothing left to do, in the order taken.

    Raises RuntimeError if that never comes: a plan that does not converge is a fault of `plan`.
    """
    seen = observed if observed is not None else nothing_yet()
    taken: list[Step] = []
    for _ in range(_ROUNDS):
        seen = time_passes(cluster, seen)
        steps = plan(cluster, seen, offer, now=now)
        if not steps:
            return tuple(taken)
        for step in steps:
            taken.append(step)
            if isinstance(step, Forget):
                return tuple(taken)
            if isinstance(step, ForgetNodeGroup):
                cluster = replace(cluster, node_groups=tuple(g for g in cluster.node_groups if g.name != step.name))
            seen = imagine(cluster, seen, step, now)
    raise RuntimeError(f"the plan of {cluster.name} does not come to an end")


def imagine(cluster: Cluster, seen: Observed, step: Step, now: datetime) -> Observed:
    """What would be seen if `step` had been carried out and had come to its end."""
    resource_id = f"imagined-{type(step).__name__}-{getattr(step, 'name', '')}"
    cloud = seen.cloud
    match step:
        case EnsureSecrets():
            return replace(seen, secrets_ready=True)
        case EnsureIdentity():
            cloud = cloud.with_resource(Identity(resource_id, cluster.id, trust_id="imagined-trust"))
        case EnsureNetwork(name=name):
            cloud = cloud.with_resource(Network(resource_id, name))
        case EnsureSubnet(name=name, network_id=network_id, cidr=cidr):
            cloud = cloud.with_resource(Subnet(resource_id, name, network_id, cidr))
        case EnsureRouter(name=name, external_network=external, subnet_id=subnet_id):
            cloud = cloud.with_resource(Router(resource_id, name, external, (subnet_id,) if subnet_id else ()))
        case EnsureSecurityGroup(name=name, rules=rules):
            cloud = cloud.with_resource(SecurityGroup(resource_id, name, rules))
        case EnsureServerGroup(name=name):
            cloud = cloud.with_resource(ServerGroup(resource_id, name))
        case EnsurePort(name=name, network_id=network_id, security_group_ids=groups, address=address):
            had = next((p for p in cloud.ports or () if p.name == name), None)
            port = had or Port(resource_id, name, address or f"<address of {name}>", network_id=network_id)
            cloud = cloud.with_resource(replace(port, security_group_ids=groups))
        case EnsureVolume(name=name, zone=zone):
            cloud = cloud.with_resource(Volume(resource_id, name, "available", zone))
        case EnsureLoadBalancer(name=name, members=members):
            cloud = cloud.with_resource(
                LoadBalancer(resource_id, name, "ACTIVE", "ONLINE", "<internal address>", "<port>", members)
            )
        case EnsureFloatingIP(name=name, port_id=port_id):
            cloud = cloud.with_resource(FloatingIP(resource_id, name, "<public address>", port_id))
        case CreateServer(name=name, zone=zone, flavor=flavor, image_id=image_id, port_id=port_id, volume_ids=volumes):
            server = Server(resource_id, name, "ACTIVE", zone, flavor=flavor, image_id=image_id)
            cloud = cloud.with_server(server, port_id, volumes)
        case AttachPort(port_id=port_id, server_id=server_id):
            ports = tuple(replace(p, server_id=server_id) if p.id == port_id else p for p in cloud.ports or ())
            cloud = replace(cloud, ports=ports)
        case AttachVolume(volume_id=volume_id, server_id=server_id):
            cloud = _with_volume(_with_status(cloud, server_id, "SHUTOFF"), volume_id, server_id)
        case StartServer(server_id=server_id):
            cloud = _with_status(cloud, server_id, "ACTIVE")
        case Remove(kind=kind, id=removed):
            cloud = cloud.without(kind, removed)
            if kind is Kind.NETWORK:
                cloud = replace(cloud, subnets=())
            if kind is Kind.SERVER:
                cloud = _released(cloud)
        case RecordMachine(name=name, role=role, group=group, serial=serial, zone=zone):
            facts = member_facts(seen.machines, name)
            machine = Machine(name, role, group, serial, zone, created_at=now, facts=facts)
            return replace(seen, machines=(*(m for m in seen.machines if m.name != name), machine))
        case ReleaseMachine(name=name):
            return replace(
                seen, machines=tuple(replace(m, removing=m.removing or m.name == name) for m in seen.machines)
            )
        case ForgetMachine(name=name):
            return replace(seen, machines=tuple(replace(m, removed=m.removed or m.name == name) for m in seen.machines))
        case ApplyAddon(name=name, digest=digest) if seen.kube is not None:
            others = tuple(a for a in seen.kube.addons if a.name != name)
            return replace(seen, kube=replace(seen.kube, addons=(*others, Addon(name, digest, available=True))))
        case DrainNode(name=name) | DeleteNode(name=name) if seen.kube is not None:
            return replace(seen, kube=replace(seen.kube, nodes=tuple(n for n in seen.kube.nodes if n.name != name)))
        case _:
            return seen
    return replace(seen, cloud=cloud)


def _released(cloud: CloudState) -> CloudState:
    """Ports and volumes of removed servers are free again."""
    servers = {s.id for s in cloud.servers or ()}
    ports = tuple(replace(p, server_id=None) if p.server_id not in servers else p for p in cloud.ports or ())
    volumes = tuple(
        replace(v, server_id=None, status="available") if v.server_id not in servers else v for v in cloud.volumes or ()
    )
    return replace(cloud, ports=ports, volumes=volumes)


def _with_status(cloud: CloudState, server_id: str, status: str) -> CloudState:
    servers = tuple(replace(s, status=status) if s.id == server_id else s for s in cloud.servers or ())
    return replace(cloud, servers=servers)


def _with_volume(cloud: CloudState, volume_id: str, server_id: str) -> CloudState:
    volumes = (
        replace(v, server_id=server_id, status="in-use") if v.id == volume_id else v for v in cloud.volumes or ()
    )
    return replace(cloud, volumes=tuple(volumes))


def time_passes(cluster: Cluster, seen: Observed) -> Observed:
    """Machines whose servers run have joined; once the first one has, the Kubernetes API answers."""
    if cluster.deleting:
        return seen
    running = {s.name for s in seen.cloud.servers or () if s.status == "ACTIVE"}
    machines = tuple(replace(m, joined=m.joined or m.name in running) for m in seen.machines)
    first = names.control_plane_machine(names.owner(cluster), 0)
    if first not in running:
        return replace(seen, machines=machines)
    kube = seen.kube or KubeState(version=cluster.spec.kubernetes_version)
    drained = {m.name for m in machines if m.removing}
    known = {n.name for n in kube.nodes}
    nodes = (*kube.nodes, *(Node(name, ready=True) for name in sorted(running - known - drained)))
    digests = seen.addon_digests or tuple((name, "imagined") for name in ADDONS)
    return replace(seen, machines=machines, kube=replace(kube, nodes=nodes), addon_digests=digests)
