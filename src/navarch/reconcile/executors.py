"""Who carries out which step: the store, the add-ons, or the cloud.

A step that is the same in every cloud has its function here; all others are the cloud's. A function gives `Again` where
its step has to be tried again, what the cloud made, or None.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from navarch.addons.contract import Access, Draining, Inputs
from navarch.bootstrap.pki import make_cluster_secrets, make_password
from navarch.bootstrap.user_data import user_data
from navarch.bootstrap.vault import PASSWORD, SECRETS, close_password, close_secrets
from navarch.domain import names
from navarch.domain.cloud import Resource
from navarch.domain.errors import Permanent, Responsible
from navarch.domain.kube import NOT_BEHIND_SERVICES
from navarch.domain.machines import Machine, MachineFacts
from navarch.domain.observed import Observed
from navarch.domain.outcomes import Again
from navarch.domain.spec import Cluster, Role
from navarch.domain.steps import (
    AdmitNode,
    ApplyAddon,
    CreatesIdentity,
    CreatesMachine,
    DeleteNode,
    DrainNode,
    EmptyNode,
    EnsureSecrets,
    Forget,
    ForgetMachine,
    ForgetMember,
    ForgetNodeGroup,
    InstallChosen,
    KeepMachine,
    MarkNode,
    NoteCertificate,
    NotePower,
    RecordMachine,
    ReleaseMachine,
    RemoveChosen,
    RemoveMember,
    RenewsIdentity,
    RevokeKubeconfigs,
    Step,
    TestChosen,
    UncordonNode,
)
from navarch.reconcile.choosing import install, test, uninstall
from navarch.reconcile.dependencies import Dependencies, read_password

TICKET_LIFETIME = timedelta(hours=1)
_HELD_SHOWN = 3  # pods, or Services, in a condition
_BALANCERS_FOLLOW = timedelta(minutes=1)
"""How long they may take for it, each in its turn: an Octavia that is busy with one refuses to change it."""


@dataclass(frozen=True, slots=True)
class Task:
    """A cluster that a worker holds: `token` fences every write. `at`: when the step that is carried out was begun, for
    what is written down and for what is seen of it afterwards. `access` and `inputs` are None where the cluster cannot
    be reached, or its add-ons cannot be rendered, yet."""

    dependencies: Dependencies
    cluster: Cluster
    token: int
    at: datetime
    access: Access | None = None
    inputs: Inputs | None = None


def execute(task: Task, step: Step, seen: Observed) -> Resource | Again | None:
    """Carry out a step. Raises what the contracts raise."""
    execution = _EXECUTIONS.get(type(step))
    if execution is not None:
        return execution(task, step, seen)
    private = ""
    if isinstance(step, RenewsIdentity):
        return _renew_identity(task, step)
    if isinstance(step, CreatesIdentity):
        password = read_password(task.dependencies, task.cluster.id)
        if password is None:
            return Again(1.0, "SecretsMissing", "the cluster's keys are not there yet")
        private = password
    elif isinstance(step, CreatesMachine):
        private = _user_data(task, step, seen)
    return task.dependencies.cloud.carry_out(names.owner(task.cluster), step, private=private)


def _ensure_secrets(task: Task, step: EnsureSecrets, seen: Observed) -> None:
    dependencies, cluster_id = task.dependencies, task.cluster.id
    password = close_password(dependencies.workers_sealer, cluster_id, make_password())
    dependencies.store.seal(cluster_id, task.token, PASSWORD, password)
    # The last of them: where it is, the others are.
    secrets = make_cluster_secrets(dependencies.clock.now())
    dependencies.store.seal(cluster_id, task.token, SECRETS, close_secrets(dependencies.sealer, cluster_id, secrets))


def _renew_identity(task: Task, step: RenewsIdentity) -> Resource | None:
    """Kept before the cloud is asked: whoever goes on after a death finds the password that it may have by then."""
    dependencies, cluster = task.dependencies, task.cluster
    password = make_password()
    sealed = close_password(dependencies.workers_sealer, cluster.id, password)
    dependencies.store.reseal(cluster.id, task.token, PASSWORD, sealed)
    made = dependencies.cloud.carry_out(names.owner(cluster), step, private=password)
    dependencies.store.note_renewed_credentials(cluster.id, task.token, task.at)
    return made


def _record_machine(task: Task, step: RecordMachine, seen: Observed) -> None:
    machine = step.machine(seen.record.machines, task.at)
    task.dependencies.store.record_machine(task.cluster.id, task.token, machine)


def _release_machine(task: Task, step: ReleaseMachine, seen: Observed) -> None:
    cluster = task.cluster
    task.dependencies.store.release_machine(
        cluster.id, task.token, step.name, step.departure, task.at, generation=cluster.generation
    )


def _keep_machine(task: Task, step: KeepMachine, seen: Observed) -> None:
    task.dependencies.store.keep_machine(task.cluster.id, task.token, step.name, task.at)


def _forget_member(task: Task, step: ForgetMember, seen: Observed) -> None:
    task.dependencies.store.note_facts(task.cluster.id, task.token, step.name, MachineFacts())


def _note_power(task: Task, step: NotePower, seen: Observed) -> None:
    machine = seen.record.machine(step.name)
    if machine is not None:
        facts = step.facts(machine, task.at)
        task.dependencies.store.note_facts(task.cluster.id, task.token, step.name, facts)


def _note_certificate(task: Task, step: NoteCertificate, seen: Observed) -> None:
    machine = seen.record.machine(step.name)
    if machine is not None:
        task.dependencies.store.note_facts(task.cluster.id, task.token, step.name, step.facts(machine))


def _forget_machine(task: Task, step: ForgetMachine, seen: Observed) -> None:
    task.dependencies.store.forget_machine(task.cluster.id, task.token, step.name)


def _forget_node_group(task: Task, step: ForgetNodeGroup, seen: Observed) -> None:
    task.dependencies.store.forget_node_group(task.cluster.id, task.token, step.name)


def _forget(task: Task, step: Forget, seen: Observed) -> None:
    task.dependencies.store.forget(task.cluster.id, task.token)


def _apply_addon(task: Task, step: ApplyAddon, seen: Observed) -> Again | None:
    if task.access is None or task.inputs is None:
        return _UNREACHABLE
    task.dependencies.addons.apply(task.access, task.inputs, step.name)
    return None


def _install_chosen(task: Task, step: InstallChosen, seen: Observed) -> Again | None:
    wish = next((c for c in seen.record.chosen if c.name == step.name), None)
    if task.access is None or wish is None:
        return _UNREACHABLE
    return install(task.dependencies, task.cluster, task.token, task.access, wish, step.mark)


def _remove_chosen(task: Task, step: RemoveChosen, seen: Observed) -> Again | None:
    wish = next((c for c in seen.record.chosen if c.name == step.name), None)
    if task.access is None or wish is None:
        return _UNREACHABLE
    return uninstall(task.dependencies, task.cluster, task.token, task.access, wish)


def _test_chosen(task: Task, step: TestChosen, seen: Observed) -> Again | None:
    wish = next((c for c in seen.record.chosen if c.name == step.name), None)
    if task.access is None or wish is None:
        return _UNREACHABLE
    return test(task.dependencies, task.cluster, task.token, task.access, wish)


def _drain_node(task: Task, step: DrainNode, seen: Observed) -> Again | None:
    if task.access is None:
        return _UNREACHABLE
    waits = _drain(task, task.access, step.name, step.deadline, evict=True, force=step.force)
    if waits is None:
        waits = _withdraw(task, task.access, seen.record.machine(step.name))
    if waits is None:
        task.dependencies.addons.delete_node(task.access, step.name)
    return waits


def _empty_node(task: Task, step: EmptyNode, seen: Observed) -> Again | None:
    if task.access is None:
        return _UNREACHABLE
    waits = _drain(task, task.access, step.name, step.deadline, evict=step.evict, force=step.force)
    if waits is None:
        task.dependencies.addons.note_drained(task.access, step.name, task.at)
    return waits


def _uncordon_node(task: Task, step: UncordonNode, seen: Observed) -> Again | None:
    if task.access is None:
        return _UNREACHABLE
    task.dependencies.addons.uncordon(task.access, step.name)
    return None


def _mark_node(task: Task, step: MarkNode, seen: Observed) -> Again | None:
    if task.access is None:
        return _UNREACHABLE
    task.dependencies.addons.mark_node(task.access, step)
    machine = seen.record.machine(step.name)
    if machine is not None:
        template = replace(machine.template, labels=step.labels, taints=step.taints)
        task.dependencies.store.note_template(task.cluster.id, task.token, step.name, template)
    return None


def _admit_node(task: Task, step: AdmitNode, seen: Observed) -> Again | None:
    if task.access is None:
        return _UNREACHABLE
    task.dependencies.addons.mark_node(task.access, MarkNode(step.name, (), (), (NOT_BEHIND_SERVICES,)))
    return None


def _revoke_kubeconfigs(task: Task, step: RevokeKubeconfigs, seen: Observed) -> Again | None:
    if task.access is None:
        return _UNREACHABLE
    if not task.dependencies.addons.revoke(task.access, step.ids):
        return _NOT_HEEDED
    task.dependencies.store.note_refused(task.cluster.id, task.token, step.ids, task.at)
    return None


def _remove_member(task: Task, step: RemoveMember, seen: Observed) -> Again | None:
    if task.access is None:
        return _UNREACHABLE
    task.dependencies.addons.remove_member(task.access, step.member_id)
    return None


def _delete_node(task: Task, step: DeleteNode, seen: Observed) -> Again | None:
    if task.access is None:
        return _UNREACHABLE
    task.dependencies.addons.give_up_node(task.access, step.name)
    return None


_EXECUTIONS: Mapping[type[Step], Callable[[Task, Any, Observed], Again | None]] = {
    EnsureSecrets: _ensure_secrets,
    RecordMachine: _record_machine,
    ReleaseMachine: _release_machine,
    ForgetMachine: _forget_machine,
    ForgetNodeGroup: _forget_node_group,
    Forget: _forget,
    ApplyAddon: _apply_addon,
    InstallChosen: _install_chosen,
    RemoveChosen: _remove_chosen,
    TestChosen: _test_chosen,
    DrainNode: _drain_node,
    DeleteNode: _delete_node,
    KeepMachine: _keep_machine,
    ForgetMember: _forget_member,
    NotePower: _note_power,
    NoteCertificate: _note_certificate,
    EmptyNode: _empty_node,
    UncordonNode: _uncordon_node,
    MarkNode: _mark_node,
    AdmitNode: _admit_node,
    RemoveMember: _remove_member,
    RevokeKubeconfigs: _revoke_kubeconfigs,
}
_UNREACHABLE = Again(1.0, "KubernetesNotAnswering", "the Kubernetes API cannot be reached yet")
_NOT_HEEDED = Again(
    1.0,
    "RevokingKubeconfigs",
    "the Kubernetes API does not refuse the kubeconfigs yet that were revoked",
    Responsible.USER.value,
    "it takes two seconds, and for ever where machines of the control plane are from before kubeconfigs could be "
    "revoked: have those replaced one after the other (navarch machine delete NAME -c CLUSTER --keep-size)",
)


def _user_data(task: Task, step: CreatesMachine, seen: Observed) -> str:
    """What the machine starts with. Its ticket is noted before the cloud is asked: the answer may get lost."""
    dependencies = task.dependencies
    ticket, digest = dependencies.join.tokens.issue_ticket(task.cluster.id, step.subject)
    dependencies.store.add_ticket(
        task.cluster.id,
        task.token,
        step.subject,
        digest,
        expires_at=dependencies.clock.now() + TICKET_LIFETIME,
        facts=step.facts(seen),
    )
    return user_data(
        endpoint=dependencies.join.url,
        ca=dependencies.join.ca,
        ticket=ticket,
        machine=step.subject,
        ssh_keys=task.cluster.spec.ssh_keys,
    )


def _drain(
    task: Task, access: Access, node: str, deadline: datetime | None, *, evict: bool, force: bool
) -> Again | None:
    """One round of moving a node's pods away; None once they are gone."""
    is_late = deadline is not None and task.dependencies.clock.now() >= deadline
    drain = task.dependencies.addons.drain(access, node, evict=evict and not (force and is_late))
    return None if drain is None else _draining(node, drain, is_late=is_late)


def _withdraw(task: Task, access: Access, machine: Machine | None) -> Again | None:
    """Take a machine without pods out of the balancers of Services, which would go on sending to it until the cloud
    controller saw that its node is gone; None once they follow, or have had their time. Until then the machine's
    kube-proxy passes on what they send."""
    if machine is None or machine.role is Role.CONTROL_PLANE:
        return None  # those never are behind them
    dependencies = task.dependencies
    since = dependencies.addons.note_drained(access, machine.name, task.at, withdraw=True)
    if since is None or task.at - since >= _BALANCERS_FOLLOW:
        return None
    senders = dependencies.cloud.senders(names.owner(task.cluster), machine.facts.address)
    if not senders:
        return None
    more = f" and {len(senders) - _HELD_SHOWN} more" if len(senders) > _HELD_SHOWN else ""
    said = f"{', '.join(senders[:_HELD_SHOWN])}{more}"
    return Again(1.0, "LeavingBalancers", f"the balancers of Services still send to {machine.name}: {said}")


def _draining(name: str, drain: Draining, *, is_late: bool) -> Again:
    """What a drain waits for. Raises Permanent once people have to be asked."""
    if not drain.held:
        if is_late and drain.slow:
            message = f"pods on {name} take longer to end than the drain may: {_shown(drain.slow)}"
            raise Permanent(message, reason="DrainTimedOut", responsible=Responsible.USER, remedy=_SLOW_REMEDY)
        return Again(1.0, "Draining", f"pods are moving away from {name}")
    message = f"pods may not be moved away from {name}: {_shown(drain.held)}"
    if is_late:
        raise Permanent(message, reason="DrainTimedOut", responsible=Responsible.USER, remedy=_HELD_REMEDY)
    return Again(5.0, "EvictionRefused", message, Responsible.USER.value, _HELD_REMEDY)


def _shown(pods: tuple[str, ...]) -> str:
    more = f"; and {len(pods) - _HELD_SHOWN} more" if len(pods) > _HELD_SHOWN else ""
    return f"{'; '.join(pods[:_HELD_SHOWN])}{more}"


_SLOW_REMEDY = (
    "wait, or end them at once (kubectl delete pod --grace-period=0 --force), or give them a shorter "
    "terminationGracePeriodSeconds; Navarch goes on when they are gone"
)
_HELD_REMEDY = (
    "give the pods more replicas or their PodDisruptionBudget more room, delete them, or let the node group end them "
    "(force_drain); Navarch goes on trying"
)
