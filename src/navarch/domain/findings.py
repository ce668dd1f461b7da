"""What keeps a cluster from being as wanted: for each chapter of it findings, the gravest first.

Pure. A finding comes from what is seen, or from what came of a step.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from navarch.domain import names
from navarch.domain.deletion import left_over
from navarch.domain.duplicates import api_balancer, api_floating_ip
from navarch.domain.errors import Responsible
from navarch.domain.observed import BOOTED, Machine, Observed, Server
from navarch.domain.plan import (
    BOOT_DEADLINE,
    REPORT_DEADLINE,
    lost_etcd_volumes,
    reports_of,
)
from navarch.domain.spec import Cluster, Role
from navarch.domain.steps import (
    Again,
    ApplyAddon,
    AttachPort,
    AttachVolume,
    CreateServer,
    DeleteNode,
    Done,
    DrainNode,
    EnsureFloatingIP,
    EnsureIdentity,
    EnsureLoadBalancer,
    EnsureNetwork,
    EnsurePort,
    EnsureRouter,
    EnsureSecurityGroup,
    EnsureServerGroup,
    EnsureSubnet,
    EnsureVolume,
    Failed,
    ForgetMachine,
    RecordMachine,
    ReleaseMachine,
    Result,
    StartServer,
    Step,
    subject,
)

_CONSOLE_SHOWN = 1500  # characters of a console's end in a condition
_DRIFTED: dict[type, str] = {  # in a cluster that was as wanted, each of these puts back what somebody else changed
    EnsureNetwork: "network {} was gone and is made anew",
    EnsureSubnet: "subnet {} was gone and is made anew",
    EnsureRouter: "router {} was gone or had lost its interface, and is put right",
    EnsureSecurityGroup: "security group {} was gone or had other rules, and is put right",
    EnsureServerGroup: "server group {} was gone and is made anew",
    EnsurePort: "port {} was gone or had lost its security group, and is put right",
    AttachPort: "port {} was not on its machine, and is attached",
    EnsureVolume: "volume {} was gone and is made anew",
    AttachVolume: "volume {} was not attached to its machine, and is attached",
    EnsureIdentity: "the Keystone user of the cluster's controllers, or its trust, was gone and is made anew",
    EnsureLoadBalancer: "load balancer {} was gone or had other members, and is put right",
    EnsureFloatingIP: "the floating address of {} was gone or elsewhere, and is put right; "
    "if it is another one now, kubeconfigs have to be fetched anew",
    StartServer: "machine {} was off, and is switched on",
    ReleaseMachine: "machine {} is gone or has lost its port or Node, and another takes its place",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a chapter is not done. `responsible` None: it only needs time; `late` says who is responsible, and what the
    remedy is, once it has taken too long."""

    reason: str
    message: str
    responsible: str | None = None
    remedy: str | None = None
    late: tuple[str, str] = (
        Responsible.NAVARCH_OPERATOR.value,
        "look at the cluster's events and at Navarch's log for this cluster's id; Navarch goes on trying",
    )


def overdue_machines(cluster: Cluster, observed: Observed, now: datetime) -> tuple[Server, ...]:
    """Servers that run but never reported in and should have: their console is worth reading."""
    servers = {s.name: s for s in observed.cloud.servers or ()}
    return tuple(
        servers[m.name]
        for m in observed.machines
        if not m.removed and not m.removing and not m.joined and m.name in servers
        if not reports_of(m, servers[m.name])
        if servers[m.name].status == "ACTIVE" and now - (servers[m.name].created_at or m.created_at) > REPORT_DEADLINE
    )


def infrastructure(
    cluster: Cluster, observed: Observed, results: tuple[Result, ...], settled: bool
) -> Iterator[Finding]:
    """What the cloud is asked for beside machines. `settled`: all was as wanted once, so what is made now was lost."""
    ours = (r for r in results if not _about_machines(r) and not isinstance(r.step, ApplyAddon))
    yield from _step_findings(ours, settled=settled)
    cloud, owner = observed.cloud, names.owner(cluster)
    for trouble in cloud.trouble:
        yield Finding(trouble.reason, trouble.message, trouble.responsible, trouble.remedy)
    balancer, address = api_balancer(observed, owner), api_floating_ip(observed, owner)
    if not any(n.name == names.network(owner) for n in cloud.networks or ()):
        yield Finding("CreatingNetwork", "the network is being made")
    elif balancer is None:
        yield Finding("CreatingLoadBalancer", "the API's load balancer is being made")
    elif balancer.provisioning_status == "ERROR":
        yield Finding(
            "LoadBalancerFailed",
            f"load balancer {balancer.name} is in ERROR",
            Responsible.CLOUD_OPERATOR,
            "look at the load balancer service; Navarch removes the balancer and makes it anew",
        )
    elif balancer.provisioning_status != "ACTIVE":
        yield Finding("CreatingLoadBalancer", f"load balancer {balancer.name} is {balancer.provisioning_status}")
    elif address is None:
        yield Finding("CreatingFloatingIP", "the API's floating address is being made")


def control_plane(
    cluster: Cluster, observed: Observed, results: tuple[Result, ...], settled: bool, now: datetime
) -> Iterator[Finding]:
    """The control plane's machines, what etcd keeps, and the Kubernetes API."""
    ours = (r for r in results if _about_machines(r) and _role(r, observed) is Role.CONTROL_PLANE)
    yield from _step_findings(ours, settled=settled)
    for name in lost_etcd_volumes(cluster, observed):
        yield Finding(
            "EtcdVolumeLost",
            f"volume {name}, which held the data of a control-plane machine, is gone",
            Responsible.USER,
            "restore it from a snapshot or a backup, with that name and the property "
            f"{names.METADATA_KEY}={cluster.id}; where there is none, delete the cluster. "
            "Navarch puts no blank one in its place",
        )
    wanted = cluster.spec.control_plane.replicas
    yield from _machine_findings(observed, Role.CONTROL_PLANE, wanted, now)
    if observed.kube is None:
        detail = f": {observed.kube_trouble}" if observed.kube_trouble else ""
        yield Finding("WaitingForKubernetesAPI", f"the Kubernetes API does not answer yet{detail}")


def workers(
    cluster: Cluster, observed: Observed, results: tuple[Result, ...], settled: bool, now: datetime
) -> Iterator[Finding]:
    """All node groups' machines."""
    ours = (r for r in results if _about_machines(r) and _role(r, observed) is Role.WORKER)
    yield from _step_findings(ours, settled=settled)
    wanted = cluster.wanted - cluster.spec.control_plane.replicas
    yield from _machine_findings(observed, Role.WORKER, wanted, now)
    leaving = [m.name for m in observed.machines if m.removing and not m.removed]
    if leaving:
        yield Finding("RemovingMachines", f"leaving: {', '.join(leaving)}")


def addons(observed: Observed, results: tuple[Result, ...]) -> Iterator[Finding]:
    """What Navarch puts into the cluster."""
    yield from _step_findings(r for r in results if isinstance(r.step, ApplyAddon))
    if observed.kube is None:
        yield Finding("WaitingForKubernetesAPI", "add-ons are applied as soon as the Kubernetes API answers")
        return
    seen = {a.name: a for a in observed.kube.addons}
    for name, digest in observed.addon_digests:
        addon = seen.get(name)
        if addon is None or addon.digest != digest:
            yield Finding("ApplyingAddons", f"add-on {name} is being applied")
        elif not addon.available:
            yield Finding("WaitingForAddons", f"add-on {name}: {addon.message or 'not available yet'}")
    if not observed.addon_digests:
        yield Finding("ApplyingAddons", "add-ons are being prepared")


def deletion(cluster: Cluster, observed: Observed, results: tuple[Result, ...]) -> Iterator[Finding]:
    """What is still there of a cluster that is to go."""
    yield from _step_findings(iter(results))
    for trouble in observed.cloud.trouble:
        yield Finding(trouble.reason, trouble.message, trouble.responsible, trouble.remedy)
    left = left_over(cluster, observed.cloud)
    if left:
        shown = ", ".join(f"{kind} {name}" for kind, name in left[:6])
        more = f" and {len(left) - 6} more" if len(left) > 6 else ""
        yield Finding("RemovingObjects", f"still there: {shown}{more}")
    else:
        yield Finding("FinalLook", "a final look makes sure that nothing is left")


def _machine_findings(observed: Observed, role: Role, wanted: int, now: datetime) -> Iterator[Finding]:
    machines = [m for m in observed.machines if m.role is role and not m.removed and not m.removing]
    servers = {s.name: s for s in observed.cloud.servers or ()}
    consoles = dict(observed.consoles)
    for machine in machines:
        finding = _grave(machine, servers.get(machine.name), consoles.get(machine.name, ""), now)
        if finding is not None:
            yield finding
    word = "control-plane machines" if role is Role.CONTROL_PLANE else "workers"
    nodes = {n.name: n for n in observed.kube.nodes} if observed.kube else {}
    missing = [m for m in machines if m.name not in servers] if observed.cloud.servers is not None else []
    if missing or len(machines) < wanted:
        yield Finding("CreatingMachines", f"{len(machines) - len(missing)} of {wanted} {word} exist")
    for machine in machines:
        if not machine.joined:
            yield Finding("MachinesBooting", _booting(machine, servers.get(machine.name)))
    if observed.kube is not None:
        unready = [m.name for m in machines if m.name not in nodes or not nodes[m.name].ready]
        if unready:
            yield Finding("NodesNotReady", f"not Ready: {', '.join(unready)}")


def _grave(machine: Machine, server: Server | None, console: str, now: datetime) -> Finding | None:
    """What keeps a machine from ever becoming a node, or None."""
    if server is None:
        return None
    if server.status == "ERROR":
        return _fault(server, was_node=machine.joined)
    reports = reports_of(machine, server)
    failed = next((p for p in reports if p.state == "failed"), None)
    if failed is not None and not machine.joined:
        return Finding(
            "MachineBootFailed",
            f"{machine.name} failed in step {failed.step}: {failed.log[-_CONSOLE_SHOWN:].strip()}",
            Responsible.NAVARCH_OPERATOR,
            "read the log above and take its cause away; Navarch makes a new machine after five minutes, but for one "
            "that may hold a member of etcd: remove its server yourself",
        )
    if server.status != "ACTIVE" or machine.joined:
        return None
    age = now - (server.created_at or machine.created_at)  # the server may be a later one
    if not reports and age > REPORT_DEADLINE:
        end = f" End of its console: {console[-_CONSOLE_SHOWN:].strip()}" if console else ""
        return Finding(
            "MachineNotReporting",
            f"{machine.name} runs since {int(age.total_seconds())} s and has not reported in.{end}",
            Responsible.CLOUD_OPERATOR,
            "check that machines reach Navarch's join endpoint (router, DNS, firewall) and get their user-data "
            "(metadata service or config drive)",
        )
    if age > BOOT_DEADLINE:
        last = reports[-1] if reports else None
        return Finding(
            "MachineStuck",
            f"{machine.name} has not joined after {int(age.total_seconds())} s; last step: "
            f"{last.step + ' ' + last.state if last else 'none'}",
            Responsible.NAVARCH_OPERATOR,
            "look at the machine's console; Navarch makes a new machine after another five minutes, but for one that "
            "may hold a member of etcd: remove its server yourself",
        )
    return None


def _fault(server: Server, *, was_node: bool) -> Finding:
    fault = server.fault or "no reason given"
    if was_node:
        return Finding(
            "MachineFailed",
            f"{server.name} is in ERROR: {fault}",
            Responsible.CLOUD_OPERATOR,
            "look at the compute service's logs for this server and bring it back, or remove it: Navarch makes "
            "another. A worker whose node is not Ready is replaced without anybody's help",
        )
    if "No valid host" in fault or "not enough hosts" in fault.lower():
        return Finding(
            "NoHostWithRoom",
            f"no host in zone {server.zone or '?'} has room for {server.name}: {fault}",
            Responsible.CLOUD_OPERATOR,
            "add capacity to the zone, or choose a smaller flavor or another zone; Navarch goes on trying",
        )
    return Finding(
        "MachineFailed",
        f"the cloud could not build {server.name}: {fault}",
        Responsible.CLOUD_OPERATOR,
        "look at the compute service's logs for this server; Navarch goes on trying",
    )


def _booting(machine: Machine, server: Server | None) -> str:
    if server is None:
        return f"{machine.name} is being made"
    if server.status != "ACTIVE":
        return f"{machine.name} is {server.status}"
    reports = reports_of(machine, server)
    if not reports:
        return f"{machine.name} boots"
    last = reports[-1]
    if last.step == BOOTED:
        return f"{machine.name} has booted and waits until it may join"
    return f"{machine.name}: {last.step} {last.state}"


def _step_findings(results: Iterator[Result], *, settled: bool = False) -> Iterator[Finding]:
    """Failures first, then what somebody holds up, then what was put back in a cluster that was as wanted, which says
    why there is anything to do at all, then what only has to be tried again."""
    held: list[Finding] = []
    drifted: list[Finding] = []
    waits: list[Finding] = []
    for result in results:
        match result.outcome:
            case Failed(reason=reason, message=message, responsible=responsible, remedy=remedy):
                yield Finding(reason, message, responsible, remedy)
            case Again(reason=reason, message=message, responsible=str(responsible), remedy=str(remedy)):
                held.append(Finding(reason, message, late=(responsible, remedy)))
            case Again(reason=reason, message=message):
                waits.append(Finding(reason, message))
            case Done() if settled and _puts_back(result.step):
                drifted.append(Finding("Drifted", _DRIFTED[type(result.step)].format(subject(result.step))))
    yield from (*held, *drifted, *waits)


def _puts_back(step: Step) -> bool:
    """Whether the step can only mean drift in a cluster that was as wanted. A new machine's port is nobody's fault."""
    return type(step) in _DRIFTED and not (isinstance(step, EnsurePort) and not step.address)


def _about_machines(result: Result) -> bool:
    return isinstance(
        result.step,
        CreateServer | StartServer | RecordMachine | ReleaseMachine | ForgetMachine | DrainNode | DeleteNode,
    )


def _role(result: Result, observed: Observed) -> Role:
    name = subject(result.step)
    return next((m.role for m in observed.machines if m.name == name), Role.WORKER)
