"""Carrying out steps: each against one contract, as soon as it can be taken, side by side with the others.

`Actor.advance` is driven by completions: when a step is done, what it made is merged into what was seen and the plan is
asked again, so that nothing waits for a step it does not depend on. A step never waits inside; what has to be tried
again ends the cycle for that step, not for the others.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from navarch.addons.contract import Access, Addons, Draining, Inputs
from navarch.bootstrap.pki import ClusterSecrets, make_cluster_secrets
from navarch.bootstrap.sealing import Sealer
from navarch.bootstrap.tickets import new_ticket
from navarch.bootstrap.user_data import user_data
from navarch.bootstrap.vault import SECRETS, close_secrets, open_secrets
from navarch.clouds.contract import Cloud
from navarch.clouds.fence import fenced
from navarch.domain import names
from navarch.domain.duplicates import api_balancer
from navarch.domain.errors import Permanent, Responsible, Temporary
from navarch.domain.observed import Addon, CloudState, Kind, Machine, Observed, Resource, Server, member_facts
from navarch.domain.offer import Offer
from navarch.domain.plan import plan
from navarch.domain.spec import Cluster
from navarch.domain.status import Event
from navarch.domain.steps import (
    Again,
    ApplyAddon,
    CreateServer,
    DeleteNode,
    Done,
    DrainNode,
    EnsureIdentity,
    EnsureSecrets,
    Failed,
    Forget,
    ForgetMachine,
    ForgetNodeGroup,
    Outcome,
    RecordMachine,
    ReleaseMachine,
    Remove,
    Result,
    Step,
    subject,
)
from navarch.reconcile.lease import Lease
from navarch.reconcile.metrics import WorkerMetrics
from navarch.reconcile.runtime import Answer, Calls, Runtime
from navarch.store.contract import WorkerStore

TICKET_LIFETIME = timedelta(hours=1)
GLANCE_EVERY = 0.7  # seconds
BUILDS_AT_LEAST = timedelta(seconds=3)
_HELD_SHOWN = 3  # pods in a condition


@dataclass(frozen=True, slots=True)
class JoinEndpoint:
    """Where machines ask for their configuration: URL, and the PEM of the CA that signed its certificate."""

    url: str
    ca: str


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What steps are carried out with."""

    cloud: Cloud
    addons: Addons
    store: WorkerStore
    sealer: Sealer
    join: JoinEndpoint
    navarch_cidrs: tuple[str, ...]
    runtime: Runtime
    metrics: WorkerMetrics = field(default_factory=WorkerMetrics)


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """The way into a cluster, where there is one: access to its API and what its add-ons are rendered from."""

    access: Access | None = None
    inputs: Inputs | None = None


def read_secrets(dependencies: Dependencies, cluster_id: str) -> ClusterSecrets | None:
    """A cluster's keys, or None where they were not made yet."""
    sealed = dependencies.store.sealed(cluster_id, SECRETS)
    if sealed is None:
        return None
    return open_secrets(dependencies.sealer, cluster_id, sealed)


class Actor:
    """One cycle's acting for one cluster that this worker holds."""

    def __init__(
        self,
        dependencies: Dependencies,
        calls: Calls,
        cluster: Cluster,
        lease: Lease,
        offer: Offer,
        inside: ClusterAccess,
    ) -> None:
        self._dependencies, self._calls, self._cluster, self._lease = dependencies, calls, cluster, lease
        self._offer, self._inside = offer, inside
        self._owner = names.owner(cluster)

    def advance(self, observed: Observed, report: Callable[[Event], None]) -> tuple[Observed, tuple[Result, ...]]:
        """Take every step that can be taken until none is left; gives what would be seen now, and what came of each."""
        tried: set[Step] = set()
        running: dict[Answer[tuple[Result, Resource | None]], Step] = {}
        results: list[Result] = []
        glance: Answer[CloudState] | None = None
        runtime = self._dependencies.runtime
        glanced_at = runtime.elapsed()
        while True:
            busy = {_key(step) for step in running.values()}
            for step in plan(
                self._cluster,
                observed,
                self._offer,
                now=runtime.now(),
                navarch_cidrs=self._dependencies.navarch_cidrs,
            ):
                if step not in tried and _key(step) not in busy:
                    tried.add(step)
                    busy.add(_key(step))
                    running[self._calls.submit(self._carry_out, step, observed)] = step
            if not running:
                return observed, tuple(results)
            # What is on its way may arrive while a slow step runs: a server waits for its volume, not for a router.
            if glance is None and runtime.elapsed() - glanced_at > GLANCE_EVERY:
                kinds = unsettled(self._cluster, observed, runtime.now())
                if kinds:
                    glance = self._calls.submit(self._dependencies.cloud.observe, self._owner, kinds)
            awaited: list[Answer[Any]] = [*running, *([glance] if glance is not None else [])]
            finished = self._calls.finished(awaited, GLANCE_EVERY)
            if glance is not None and glance in finished:
                observed = replace(observed, cloud=_updated(observed.cloud, glance.result()))
                glance, glanced_at = None, runtime.elapsed()
            for answer in [a for a in finished if a in running]:
                running.pop(answer)
                result, resource = answer.result()
                results.append(result)
                if isinstance(result.outcome, Done):
                    observed = _merge(observed, result.step, resource, runtime.now())
                event = self._event(result)
                if event is not None:
                    report(event)

    def _carry_out(self, step: Step, observed: Observed) -> tuple[Result, Resource | None]:
        self._lease.check()
        start = self._dependencies.runtime.elapsed()
        resource: Resource | None = None
        outcome: Outcome = Done()
        try:
            with fenced(self._lease.check):
                made = self._do(step, observed)
            if isinstance(made, Again):
                outcome = made
            else:
                resource = made
        except Temporary as error:
            outcome = Again(error.after, error.reason, error.message)
        except Permanent as error:
            outcome = Failed(error.reason, error.message, error.responsible.value, error.remedy)
        result = Result(step, outcome, self._dependencies.runtime.elapsed() - start)
        self._dependencies.metrics.step(result)
        return result, resource

    def _do(self, step: Step, observed: Observed) -> Resource | Again | None:
        dependencies, cluster, token = self._dependencies, self._cluster, self._lease.token
        access, inputs = self._inside.access, self._inside.inputs
        match step:
            case EnsureSecrets():
                secrets = make_cluster_secrets(dependencies.runtime.now())
                dependencies.store.seal(
                    cluster.id, token, SECRETS, close_secrets(dependencies.sealer, cluster.id, secrets)
                )
            case EnsureIdentity():
                kept = read_secrets(dependencies, cluster.id)
                if kept is None:
                    return Again(1.0, "SecretsMissing", "the cluster's keys are not there yet")
                return dependencies.cloud.carry_out(self._owner, step, private=kept.cloud_password)
            case RecordMachine(name=name, role=role, group=group, serial=serial, zone=zone):
                facts = member_facts(observed.machines, name)
                machine = Machine(name, role, group, serial, zone, created_at=dependencies.runtime.now(), facts=facts)
                dependencies.store.record_machine(cluster.id, token, machine)
            case ReleaseMachine(name=name):
                dependencies.store.release_machine(cluster.id, token, name)
            case ForgetMachine(name=name):
                dependencies.store.forget_machine(cluster.id, token, name)
            case ForgetNodeGroup(name=name):
                dependencies.store.forget_node_group(cluster.id, token, name)
            case Forget():
                dependencies.store.forget(cluster.id, token)
            case CreateServer():
                return dependencies.cloud.carry_out(self._owner, step, private=self._user_data(step, observed))
            case ApplyAddon(name=name):
                if access is None or inputs is None:
                    return Again(1.0, "KubernetesNotAnswering", "the Kubernetes API cannot be reached yet")
                dependencies.addons.apply(access, inputs, name)
            case DrainNode(name=name):
                if access is None:
                    return Again(1.0, "KubernetesNotAnswering", "the Kubernetes API cannot be reached yet")
                drain = dependencies.addons.drain(access, name)
                if drain is not None:
                    return _draining(name, drain)
                dependencies.addons.delete_node(access, name)
            case DeleteNode(name=name):
                if access is not None:
                    dependencies.addons.give_up_node(access, name)
            case _:
                return dependencies.cloud.carry_out(self._owner, step)
        return None

    def _user_data(self, step: CreateServer, observed: Observed) -> str:
        """What the machine starts with. Its ticket is noted before the cloud is asked: the answer may get lost."""
        port = next(p for p in observed.cloud.ports or () if p.id == step.port_id)
        release = self._offer.release(self._cluster.spec.kubernetes_version)
        facts = [("address", port.address)]
        facts += [("etcd_volume_id", volume) for volume in step.volume_ids[:1]]
        facts += member_facts(observed.machines, step.name)
        facts += [(f"component.{name}", version) for name, version in (release.components if release else ())]
        ticket, digest = new_ticket()
        self._dependencies.store.add_ticket(
            self._cluster.id,
            self._lease.token,
            step.name,
            digest,
            expires_at=self._dependencies.runtime.now() + TICKET_LIFETIME,
            facts=tuple(facts),
        )
        return user_data(
            endpoint=self._dependencies.join.url,
            ca=self._dependencies.join.ca,
            ticket=ticket,
            machine=step.name,
            ssh_keys=self._cluster.spec.ssh_keys,
        )

    def _event(self, result: Result) -> Event | None:
        """The timeline's entry for what came of a step; none for what is only tried again."""
        step, now = result.step, self._dependencies.runtime.now()
        started = now - timedelta(seconds=result.seconds)
        component = "kubernetes" if isinstance(step, ApplyAddon | DrainNode | DeleteNode) else "cloud"
        if isinstance(step, EnsureSecrets | RecordMachine | ReleaseMachine | ForgetMachine | ForgetNodeGroup | Forget):
            component = "navarch"
        name = subject(step)
        match result.outcome:
            case Done() if isinstance(step, Remove):
                message = f"{step.kind} {name} is being removed: {step.why}"
            case Done():
                message = f"{type(step).__name__} {name} done".replace("  ", " ")
            case Failed(message=message):
                return Event(
                    started, result.outcome.reason, message, name, component, result.seconds, "Warning",
                    self._cluster.generation,
                )  # fmt: skip
            case _:
                return None
        reason = type(step).__name__
        return Event(started, reason, message, name, component, result.seconds, "Normal", self._cluster.generation)


def _draining(name: str, drain: Draining) -> Again:
    if not drain.held:
        return Again(1.0, "Draining", f"pods are moving away from {name}")
    more = f"; and {len(drain.held) - _HELD_SHOWN} more" if len(drain.held) > _HELD_SHOWN else ""
    return Again(
        5.0,
        "EvictionRefused",
        f"pods may not be moved away from {name}: {'; '.join(drain.held[:_HELD_SHOWN])}{more}",
        Responsible.USER.value,
        "give the pods more replicas or their PodDisruptionBudget more room, or delete them; Navarch goes on trying",
    )


def unsettled(cluster: Cluster, observed: Observed, now: datetime) -> frozenset[Kind]:
    """Kinds of which something is on its way: servers that build or go, a balancer that is pending, new volumes."""
    cloud, kinds = observed.cloud, set()
    live = [m for m in observed.machines if not m.removed]
    names_of_live = {m.name for m in live}
    if any(m.removing for m in live) or any(
        s.name in names_of_live and s.status != "ACTIVE" and not _just_asked_for(s, now) for s in cloud.servers or ()
    ):
        kinds.add(Kind.SERVER)
    if any(m.removing for m in live):
        kinds.add(Kind.PORT)
    balancer = api_balancer(observed, names.owner(cluster))
    if balancer is None or balancer.provisioning_status != "ACTIVE":
        kinds.add(Kind.LOAD_BALANCER)
    if any(v.made_by == "navarch" and v.status not in ("available", "in-use") for v in cloud.volumes or ()):
        kinds.add(Kind.VOLUME)
    return frozenset(kinds)


def _just_asked_for(server: Server, now: datetime) -> bool:
    """Not worth a look yet: for each list of servers Nova asks Neutron for all their ports and security groups, just
    when Neutron has to plug them."""
    return server.status == "BUILD" and server.created_at is not None and now - server.created_at < BUILDS_AT_LEAST


def _updated(known: CloudState, glance: CloudState) -> CloudState:
    """What a glance showed, added to what is known. What it did not show may be younger than it, so nothing goes."""
    for kind in Kind:
        for resource in glance.of(kind):
            known = known.with_resource(resource)
    return known


def _key(step: Step) -> tuple[str, str, str]:
    """Steps with the same key are about the same thing and never run side by side: the plan does not see what is under
    way, so one that counts what there is must wait for those that change the count."""
    if isinstance(step, RecordMachine):
        return type(step).__name__, step.group, ""
    if isinstance(step, ReleaseMachine):
        return type(step).__name__, "", ""
    if isinstance(step, CreateServer) and step.spread:
        return type(step).__name__, step.group, step.zone
    return type(step).__name__, subject(step), getattr(step, "id", "")


def _merge(observed: Observed, step: Step, resource: Resource | None, now: datetime) -> Observed:
    """What would be seen after `step`."""
    if isinstance(step, RecordMachine | ReleaseMachine | ForgetMachine):
        return replace(observed, machines=_merge_machine(observed.machines, step, now))
    match step:
        case EnsureSecrets():
            return replace(observed, secrets_ready=True)
        case ApplyAddon(name=name, digest=digest) if observed.kube is not None:
            others = tuple(a for a in observed.kube.addons if a.name != name)
            addon = Addon(name, digest, available=False, message="just applied")
            return replace(observed, kube=replace(observed.kube, addons=(*others, addon)))
        case DrainNode(name=name) | DeleteNode(name=name) if observed.kube is not None:
            nodes = tuple(n for n in observed.kube.nodes if n.name != name)
            return replace(observed, kube=replace(observed.kube, nodes=nodes))
        case Remove(kind=Kind.SERVER, id=server_id):
            servers = observed.cloud.servers or ()
            going = next((s for s in servers if s.id == server_id), None)
            if going is None:
                return replace(observed, fresh=False)
            cloud = observed.cloud.with_resource(replace(going, task_state="deleting"))
            return replace(observed, cloud=cloud, fresh=False)
    if isinstance(resource, Server) and resource.created_at is None:
        resource = replace(resource, created_at=now)
    if isinstance(step, CreateServer) and isinstance(resource, Server):
        cloud = observed.cloud.with_server(resource, step.port_id, step.volume_ids)
        return replace(observed, cloud=cloud, fresh=False)
    if resource is not None:
        return replace(observed, cloud=observed.cloud.with_resource(resource), fresh=False)
    return replace(observed, fresh=False)


def _merge_machine(
    machines: tuple[Machine, ...], step: RecordMachine | ReleaseMachine | ForgetMachine, now: datetime
) -> tuple[Machine, ...]:
    match step:
        case RecordMachine(name=name, role=role, group=group, serial=serial, zone=zone):
            facts = member_facts(machines, name)
            made = Machine(name, role, group, serial, zone, created_at=now, facts=facts)
            return (*(m for m in machines if m.name != name), made)
        case ReleaseMachine(name=name):
            return tuple(replace(m, removing=m.removing or m.name == name) for m in machines)
        case ForgetMachine(name=name):
            return tuple(replace(m, removed=m.removed or m.name == name) for m in machines)
