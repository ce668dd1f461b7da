"""What keeps a cluster from being as wanted: for each chapter of it findings, the most severe first.

Pure. A finding comes from what is seen, or from what came of a step.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from navarch.domain import names
from navarch.domain.errors import Responsible
from navarch.domain.finding import Finding
from navarch.domain.health import Checkup
from navarch.domain.infrastructure import Existence, Infrastructure, MachineView
from navarch.domain.machines import BOOT_DEADLINE, BOOTED, Machine
from navarch.domain.observed import Observed, Wanted
from navarch.domain.outcomes import Again, Done, Failed, Result
from navarch.domain.plan.decisions import Decisions
from navarch.domain.plan.machines import REPORT_DEADLINE
from navarch.domain.plan.node_groups import Turnover
from navarch.domain.plan.stopping import is_off
from navarch.domain.spec import Cluster, NodeGroup, Role
from navarch.domain.steps import ApplyAddon, InstallChosen, RemoveChosen, TestChosen

_CONSOLE_SHOWN = 1500  # characters of a console's end in a condition
_SILENT_CLOUD = (
    Responsible.CLOUD_OPERATOR.value,
    "see why the service that is named does not answer; Navarch goes on asking, and nothing else has to be done",
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What findings are made from. `results` are those of this cycle; `settled`: all was as wanted once, so what is
    made now was lost."""

    cluster: Cluster
    observed: Observed
    wanted: Wanted
    cloud: Infrastructure
    results: tuple[Result, ...]
    settled: bool
    decided: Decisions
    now: datetime


def overdue_machines(observed: Observed, cloud: Infrastructure, now: datetime) -> Iterator[tuple[Machine, MachineView]]:
    """Machines that run but never reported in and should have: their console is worth reading."""
    for machine in observed.record.live:
        if machine.removing or machine.joined:
            continue
        view = cloud.machine(machine)
        late = now - (view.created_at or machine.created_at) > REPORT_DEADLINE
        if late and view.existence is Existence.RUNNING and not machine.reports_since(view.created_at):
            yield machine, view


def infrastructure(evidence: Evidence) -> Iterator[Finding]:
    """What the cloud is asked for beside machines."""
    told_elsewhere = ApplyAddon | InstallChosen | RemoveChosen | TestChosen  # with the add-ons; with each chosen one
    ours = (r for r in evidence.results if not r.step.about_machines and not isinstance(r.step, told_elsewhere))
    yield from _step_findings(ours, settled=evidence.settled)
    yield from _troubles(evidence.observed)
    yield from evidence.cloud.missing()


def control_plane(evidence: Evidence) -> Iterator[Finding]:
    """The control plane's machines, what etcd keeps, and the Kubernetes API."""
    yield from _step_findings(_about(evidence, Role.CONTROL_PLANE), settled=evidence.settled)
    if not evidence.decided.running:
        yield from _stopping(evidence, Role.CONTROL_PLANE)
        return
    yield from _lost_data(evidence)
    yield from _silent_zones(evidence, Role.CONTROL_PLANE)
    yield from _places(evidence)
    yield from _machine_findings(evidence, Role.CONTROL_PLANE, evidence.cluster.spec.control_plane.replicas)
    if evidence.observed.kube is None:
        detail = f": {evidence.observed.kube_trouble}" if evidence.observed.kube_trouble else ""
        yield Finding("WaitingForKubernetesAPI", f"the Kubernetes API does not answer yet{detail}", silence=True)


def workers(evidence: Evidence) -> Iterator[Finding]:
    """All node groups' machines."""
    yield from _step_findings(_about(evidence, Role.WORKER), settled=evidence.settled)
    if not evidence.decided.running:
        yield from _stopping(evidence, Role.WORKER)
        return
    yield from _silent_zones(evidence, Role.WORKER)
    for group, _, turned in evidence.decided.groups:
        yield from _turnover(group, turned, evidence.decided, evidence.cluster)
    wanted = evidence.cluster.wanted - evidence.cluster.spec.control_plane.replicas
    yield from _machine_findings(evidence, Role.WORKER, wanted)
    leaving = [m.name for m in evidence.observed.record.live if m.removing and m.role is Role.WORKER]
    if leaving:
        yield Finding("RemovingMachines", f"leaving: {', '.join(leaving)}")


def addons(evidence: Evidence) -> Iterator[Finding]:
    """What Navarch puts into the cluster."""
    yield from _step_findings(r for r in evidence.results if isinstance(r.step, ApplyAddon))
    if not evidence.decided.running:
        return
    kube = evidence.observed.kube
    if kube is None:
        words = "add-ons are applied as soon as the Kubernetes API answers"
        yield Finding("WaitingForKubernetesAPI", words, silence=True)
        return
    seen = {a.name: a for a in kube.addons}
    for name, digest in evidence.wanted.addons:
        addon = seen.get(name)
        if addon is None or addon.digest != digest:
            yield Finding("ApplyingAddons", f"add-on {name} is being applied")
        elif not addon.available:
            yield Finding("WaitingForAddons", f"add-on {name}: {addon.message or 'not available yet'}")
    if not evidence.wanted.addons:
        yield Finding("ApplyingAddons", "add-ons are being prepared", silence=not evidence.cloud.complete)


def deletion(evidence: Evidence) -> Iterator[Finding]:
    """What is still there of a cluster that is to go."""
    yield from _step_findings(iter(evidence.results))
    yield from _troubles(evidence.observed)
    left = evidence.cloud.leftovers()
    if left:
        shown = ", ".join(f"{kind} {name}" for kind, name in left[:6])
        more = f" and {len(left) - 6} more" if len(left) > 6 else ""
        yield Finding("RemovingObjects", f"still there: {shown}{more}")
    else:
        yield Finding("FinalLook", "a final look makes sure that nothing is left")


def _lost_data(evidence: Evidence) -> Iterator[Finding]:
    """Disks of the control plane that are gone: others of several members have the data, too."""
    others = len([m for m in evidence.observed.record.live if m.role is Role.CONTROL_PLANE]) > 1
    for name in evidence.cloud.lost_data():
        if others and evidence.observed.kube is not None:
            yield Finding("ReplacingMember", f"volume {name} of a member of etcd is gone; a new member takes its place")
            continue
        yield Finding(
            "EtcdVolumeLost",
            f"volume {name}, which held the data of a control-plane machine, is gone",
            Responsible.USER,
            "restore it from a snapshot or a backup, with that name and the property "
            f"{names.METADATA_KEY}={evidence.cluster.id}; where there is none, delete the cluster. "
            "Navarch puts no blank one in its place",
        )


def _places(evidence: Evidence) -> Iterator[Finding]:
    """What keeps the control plane's places from being as wanted, beside what each machine says itself."""
    places, leaving = evidence.decided.places, [m for m in evidence.observed.record.live if m.removing]
    going = [m.name for m in leaving if m.role is Role.CONTROL_PLANE]
    if places.stopped:
        yield _rollout_stopped("the control plane", places.outdated, places.stopped)
    if places.waits:
        yield Finding("ControlPlaneWaits", f"a machine of the control plane is to go, and waits: {places.waits}")
    if going:
        yield Finding("ReplacingMachines", f"leaving: {', '.join(going)}")
    if places.outdated:
        yield _rollout("the control plane", places.outdated, evidence.decided, evidence.cluster)


def _turnover(group: NodeGroup, turned: Turnover, decided: Decisions, cluster: Cluster) -> Iterator[Finding]:
    """What keeps a node group's machines from being replaced, or says that they are."""
    if turned.brake:
        yield Finding(
            "RepairHeld",
            f"no machine is replaced: {turned.brake}",
            Responsible.USER,
            "find out why so many are not well: a network, a zone, a workload. To have them replaced all the same, "
            f"raise max_unhealthy of the node group {group.name}",
        )
    if turned.stopped:
        yield _rollout_stopped(f"the node group {group.name}", turned.outdated, turned.stopped)
    if turned.outdated:
        yield _rollout(f"the node group {group.name}", turned.outdated, decided, cluster)


def _rollout_stopped(whose: str, outdated: tuple[tuple[Checkup, str], ...], failure: str) -> Finding:
    return Finding(
        "RolloutStopped",
        f"{outdated[0][1]}: {failure}; nothing more of {whose} is replaced",
        Responsible.USER,
        "look at the machine's boot steps; then ask for another version, image or flavor, or for the one before",
    )


def _rollout(whose: str, outdated: tuple[tuple[Checkup, str], ...], decided: Decisions, cluster: Cluster) -> Finding:
    (first, why), count = outdated[0], len(outdated)
    machines = f"{count} machine{'s' if count > 1 else ''} of {whose} {'are' if count > 1 else 'is'}"
    if cluster.spec.rollout_paused:
        go_on = f"it goes on with: navarch cluster update {cluster.name} --resume-rollout"
        message = f"{machines} to be replaced ({first.name}: {why}): {decided.held}; {go_on}"
        return Finding("RolloutPaused", message, late=None)
    if decided.held:
        message = f"{machines} to be replaced ({first.name}: {why}): {decided.held}"
        if decided.obstacles:
            return Finding("UpgradeBlocked", message, Responsible.USER, decided.obstacles[0].remedy)
        return Finding("RolloutWaits", message)
    return Finding("RollingOut", f"{machines} still to be replaced ({first.name}: {why})")


def _silent_zones(evidence: Evidence, role: Role) -> Iterator[Finding]:
    """Zones of which nothing is heard, where that holds a repair: of all their machines, not those of one chapter."""
    checkups = evidence.decided.checkups
    for zone in sorted({c.machine.zone for c in checkups if c.spared and c.machine.role is role}):
        there = [c for c in checkups if c.machine.zone == zone and c.machine.joined and c.runs]
        since = max((c.node.since for c in there if c.node is not None and c.node.since is not None), default=None)
        when = f" since {since:%Y-%m-%d %H:%M:%S} UTC" if since is not None else ""
        yield Finding(
            "ZoneSilent",
            f"nothing is heard of zone {zone}{when}, where {len(there)} machines run, and none of them is replaced: "
            f"{', '.join(c.name for c in there)}",
            Responsible.CLOUD_OPERATOR,
            f"look at the network and the hosts of zone {zone}: more likely it is cut off than that all its machines "
            "are broken. Repair goes on as soon as one of them is Ready; those that are lost for good, remove",
        )


def _stopping(evidence: Evidence, role: Role) -> Iterator[Finding]:
    mine = tuple(c for c in evidence.decided.checkups if c.machine.role is role)
    if not is_off(mine):
        yield Finding("Stopping", f"being stopped: {', '.join(c.name for c in mine if not is_off((c,)))}")


def _troubles(observed: Observed) -> Iterator[Finding]:
    for trouble in observed.cloud.trouble:
        if trouble.responsible is None:
            yield Finding(trouble.reason, trouble.message, late=_SILENT_CLOUD, silence=True)
        else:
            yield Finding(trouble.reason, trouble.message, trouble.responsible, trouble.remedy)


def _machine_findings(evidence: Evidence, role: Role, wanted: int) -> Iterator[Finding]:
    observed, consoles = evidence.observed, dict(evidence.observed.consoles)
    machines = [m for m in observed.record.live if m.role is role and not m.removing and m.kept_at is None]
    views = {m.name: evidence.cloud.machine(m) for m in machines}
    for machine in machines:
        finding = _severe(machine, views[machine.name], consoles.get(machine.name, ""), evidence.now)
        if finding is not None:
            yield finding
    word = "control-plane machines" if role is Role.CONTROL_PLANE else "workers"
    missing = [m for m in machines if views[m.name].existence is Existence.ABSENT]
    if missing or len(machines) < wanted:
        yield Finding("CreatingMachines", f"{len(machines) - len(missing)} of {wanted} {word} exist")
    for machine in machines:
        if not machine.joined:
            yield Finding("MachinesBooting", _booting(machine, views[machine.name]))
    if observed.kube is not None:
        nodes = {n.name: n for n in observed.kube.nodes}
        unready = [m.name for m in machines if m.name not in nodes or not nodes[m.name].ready]
        if unready:
            yield Finding("NodesNotReady", f"not Ready: {', '.join(unready)}")
        starting = [m.name for m in machines if m.name not in unready and nodes[m.name].starting]
        if starting:
            yield Finding("NodesStarting", f"not behind the balancers of Services yet: {', '.join(starting)}")


def _severe(machine: Machine, view: MachineView, console: str, now: datetime) -> Finding | None:
    """What keeps a machine from ever becoming a node, or None."""
    if not view.exists:
        return None
    if view.existence is Existence.FAILED:
        return _fault(machine, view)
    if view.existence is Existence.ASIDE:
        return Finding(
            "MachineSetAside",
            f"somebody set {machine.name} aside: its server is {view.word}; it is not replaced meanwhile",
            Responsible.USER,
            f"{view.resumes}, or remove the server: Navarch makes another",
        )
    reports = machine.reports_since(view.created_at)
    failed = machine.failed_since(view.created_at)
    if failed is not None and not machine.joined:
        return Finding(
            "MachineBootFailed",
            f"{machine.name} failed in step {failed.step}: {failed.log[-_CONSOLE_SHOWN:].strip()}",
            Responsible.NAVARCH_OPERATOR,
            "read the log above and take its cause away; Navarch makes a new machine after five minutes, but for one "
            "that may hold a member of etcd: remove its server yourself",
        )
    if view.existence is not Existence.RUNNING or machine.joined:
        return None
    age = now - (view.created_at or machine.created_at)  # the server may be a later one
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


def _fault(machine: Machine, view: MachineView) -> Finding:
    fault = view.fault or "no reason given"
    if machine.joined:
        return Finding(
            "MachineFailed",
            f"{machine.name} is in ERROR: {fault}",
            Responsible.CLOUD_OPERATOR,
            "look at the compute service's logs for this server and bring it back, or remove it: Navarch makes "
            "another. A worker whose node is not Ready is replaced without anybody's help",
        )
    if "No valid host" in fault or "not enough hosts" in fault.lower():
        return Finding(
            "NoHostWithRoom",
            f"no host in zone {view.zone or '?'} has room for {machine.name}: {fault}",
            Responsible.CLOUD_OPERATOR,
            "add capacity to the zone, or choose a smaller flavor or another zone; Navarch goes on trying",
        )
    return Finding(
        "MachineFailed",
        f"the cloud could not build {machine.name}: {fault}",
        Responsible.CLOUD_OPERATOR,
        "look at the compute service's logs for this server; Navarch goes on trying",
    )


def _booting(machine: Machine, view: MachineView) -> str:
    if not view.exists:
        return f"{machine.name} is being made"
    if view.existence is not Existence.RUNNING:
        return f"{machine.name} is {view.word}"
    reports = machine.reports_since(view.created_at)
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
            case Done() if settled and result.step.puts_back:
                drifted.append(Finding("Drifted", result.step.drift.format(result.step.subject)))
    yield from (*held, *drifted, *waits)


def _about(evidence: Evidence, role: Role) -> Iterator[Result]:
    """What came of steps about the machines of a role."""
    for result in evidence.results:
        machine = evidence.observed.record.machine(result.step.subject)
        if result.step.about_machines and (machine.role if machine is not None else Role.WORKER) is role:
            yield result
