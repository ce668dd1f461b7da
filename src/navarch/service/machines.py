"""Chosen machines of a cluster: asking for one to go, or for another in its place."""

from collections import Counter
from dataclasses import dataclass, replace

from navarch.domain.change import with_node_group
from navarch.domain.errors import FieldError
from navarch.domain.impact import Impact, impact
from navarch.domain.machines import Departure, Machine
from navarch.domain.needs import compare, needs_of_another, shortages
from navarch.domain.offer import Offer
from navarch.domain.prices import price_of
from navarch.domain.spec import Cluster, NodeGroup, Role
from navarch.service.access import ANY, Access, Generations, being_deleted
from navarch.service.attempts import attempts, overtaken
from navarch.service.plans import Plan
from navarch.service.refusals import InTheWay, Invalid, Missing
from navarch.store.contract import NotFound, Stale, Stored

_REPLACED = (Departure.REPAIR, Departure.ROLLOUT)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is asked of a machine: `smaller` is its node group without it, None where another takes its place or it does
    not count. `needs`: what that takes for a while. `done`: it is going as is asked."""

    stored: Stored
    machine: Machine
    group: NodeGroup | None
    smaller: NodeGroup | None
    needs: Counter[str]
    goes: bool
    done: bool


def delete(
    access: Access, reference: str, name: str, *, keep_size: bool = False, generations: Generations = ANY
) -> Machine:
    """Ask a machine to go, drained first: its node group becomes one smaller, or with `keep_size` another takes its
    place, as in a rollout. Asking again changes nothing. `generations`: of its node group; of its cluster for a machine
    of the control plane, of which the number is not changed by this. Raises Missing, Invalid, InTheWay, and the store's
    Stale, Unreadable, Unavailable."""
    store = access.service.store
    for _ in attempts():
        asked = _asked(access, reference, name, keep_size, generations)
        cluster = asked.stored.cluster
        if asked.done:
            return asked.machine
        if asked.needs:
            short = shortages(compare(asked.needs, access.quota(cluster.project_id)))
            if short:
                raise Invalid(short)
        try:
            if asked.goes:
                gone = store.remove_machine(
                    cluster.id, name, at=access.service.now(), smaller=asked.smaller, request_id=access.request_id
                )
            else:
                gone = store.replace_machine(cluster.id, name, request_id=access.request_id)
        except Stale:
            continue
        except NotFound:
            raise Missing("machine") from None
        text = _text(asked)
        access.note(cluster.id, "MachineDeletionRequested", f"asked to {text}", subject=name)
        return gone
    raise overtaken()


def plan_deletion(
    access: Access, reference: str, name: str, *, keep_size: bool = False, generations: Generations = ANY
) -> Plan:
    """What `delete` would do, and whether the quotas suffice. Raises as it does otherwise."""
    asked = _asked(access, reference, name, keep_size, generations)
    cluster = asked.stored.cluster
    after = with_node_group(cluster, asked.smaller.name, asked.smaller) if asked.smaller else cluster
    quota = access.quota(cluster.project_id)
    offer = (access.service.store.offer() or Offer()).beside(quota)
    return Plan(
        after,
        asked.stored.status,
        needs=compare(asked.needs, quota),
        quota_known=quota is not None,
        machines=_impact(access, asked, after),
        price=price_of(after, offer, access.service.settings.prices, cluster),
    )


def _asked(access: Access, reference: str, name: str, keep_size: bool, generations: Generations) -> _Wish:
    stored = access.changeable(reference)
    cluster = stored.cluster
    machine = next((m for m in access.service.store.machines(cluster.id) if m.name == name), None)
    if machine is None:
        raise Missing("machine")
    if machine.role is Role.CONTROL_PLANE:
        generations.check(cluster.generation)
        if not keep_size:
            raise Invalid((FieldError("query.keep_size", _CONTROL_PLANE),))
        done = machine.removing or machine.departure is Departure.PERSON
        return _Wish(stored, machine, None, None, Counter(), goes=False, done=done)
    group = cluster.group(machine.group)
    if group is None or group.deletion_requested_at is not None:
        raise being_deleted(f"node group {machine.group}")
    generations.check(group.generation)
    if machine.removing:
        _check_departure(machine, keep_size)
        return _Wish(stored, machine, group, None, Counter(), goes=True, done=True)
    if machine.kept_at is not None:  # it does not count any more
        return _Wish(stored, machine, group, None, Counter(), goes=True, done=False)
    if not keep_size:
        smaller = replace(group, spec=replace(group.spec, replicas=max(0, group.spec.replicas - 1)))
        return _Wish(stored, machine, group, smaller, Counter(), goes=True, done=False)
    needs = needs_of_another(group, access.offer(cluster.project_id))
    return _Wish(stored, machine, group, None, needs, goes=False, done=machine.departure is Departure.PERSON)


_CONTROL_PLANE = (
    "must be true for a machine of the control plane: another takes its place. How many there are is "
    "spec.control_plane.replicas of the cluster"
)


def _check_departure(machine: Machine, keep_size: bool) -> None:
    """Whether a machine that is going goes as is asked."""
    is_replaced = machine.departure in _REPLACED
    if machine.departure is None or keep_size is is_replaced:
        return
    after = "another takes its place" if is_replaced else "none takes its place"
    remedy = "to have one more or fewer, scale its node group"
    raise InTheWay("leaving", f"machine {machine.name} is going already, and {after}: {remedy}")


def _impact(access: Access, asked: _Wish, after: Cluster) -> Impact:
    machine, machines = asked.machine, access.service.store.machines(after.id, removed=True)
    changes = {"removing": True} if asked.goes else {"departure": Departure.PERSON}
    marked = tuple(replace(m, **changes) if m.name == machine.name else m for m in machines)
    found = impact(asked.stored.cluster, after, marked, access.service.now())
    if not asked.goes or asked.done:
        return found
    drained = (machine.name, *found.drained) if machine.joined and machine.kept_at is None else found.drained
    return replace(found, removed=(machine.name, *found.removed), drained=drained)


def _text(asked: _Wish) -> str:
    if not asked.goes:
        return f"replace machine {asked.machine.name}"
    fewer = f", node group {asked.smaller.name} with {asked.smaller.spec.replicas}" if asked.smaller else ""
    return f"delete machine {asked.machine.name}{fewer}"
