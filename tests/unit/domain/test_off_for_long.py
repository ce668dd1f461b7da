"""Machines that were off with their cluster: since when is noted, and those whose certificate may have ended meanwhile
are replaced when it starts (docs: stop.md)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.unit.domain.clusters import NOW, WANTED, look
from tests.unit.domain.test_contradictions import is_as_wanted, played
from tests.unit.domain.test_plan import grown
from tests.unit.domain.test_rollout import ONE, STOPPED, THREE, with_group, with_places, with_spec
from tests.unit.domain.test_silence import with_node

from navarch.bootstrap.pki import KUBELET_LIFETIME
from navarch.domain.health import CERTIFICATE_OUTLIVES
from navarch.domain.kube import EtcdMember
from navarch.domain.machines import Departure
from navarch.domain.observed import Observed
from navarch.domain.openstack.steps import StartServer, StopServer
from navarch.domain.plan import plan
from navarch.domain.rehearsal import imagine
from navarch.domain.spec import Cluster, Role
from navarch.domain.steps import NotePower, ReleaseMachine


def stopped(was: Cluster, ago: timedelta) -> Observed:
    """The cluster, off since then; its Kubernetes does not answer."""
    seen = played(with_spec(was, **STOPPED), grown(was))[1]
    machines = tuple(replace(m, facts=replace(m.facts, off_since=NOW - ago)) for m in seen.record.machines)
    return look(seen, machines=machines, kube=None)


def test_since_when_a_machine_is_off_is_noted_once() -> None:
    steps, seen = played(with_spec(ONE, **STOPPED), grown(ONE))
    noted = [step.name for step in steps if isinstance(step, NotePower) and not step.on]
    assert sorted(noted) == sorted(machine.name for machine in seen.record.live)
    assert {machine.facts.off_since for machine in seen.record.live} == {NOW}


def test_it_is_forgotten_when_the_machine_is_a_node_again() -> None:
    seen = grown(ONE)
    machines = tuple(replace(m, facts=replace(m.facts, off_since=NOW)) for m in seen.record.machines)
    steps, end = played(ONE, look(seen, machines=machines))
    assert {step.name for step in steps if isinstance(step, NotePower) and step.on} == {m.name for m in machines}
    assert {machine.facts.off_since for machine in end.record.live} == {None}


@pytest.mark.parametrize("was", [ONE, THREE], ids=["1", "3"])
def test_what_was_off_for_a_weekend_is_switched_on(was: Cluster) -> None:
    steps = plan(was, stopped(was, CERTIFICATE_OUTLIVES - timedelta(hours=1)), WANTED, now=NOW)
    assert not [step for step in steps if isinstance(step, ReleaseMachine)]
    assert [step for step in steps if isinstance(step, StartServer)]


@pytest.mark.parametrize("was", [ONE, THREE], ids=["1", "3"])
def test_what_was_off_for_longer_is_replaced_all_of_it_at_once(was: Cluster) -> None:
    seen = stopped(was, CERTIFICATE_OUTLIVES)
    steps = plan(was, seen, WANTED, now=NOW)
    released = {step.name for step in steps if isinstance(step, ReleaseMachine)}
    assert released == {machine.name for machine in seen.record.live}
    assert not [step for step in steps if isinstance(step, StartServer)]
    assert is_as_wanted(was, played(was, replace(seen, kube=grown(was).kube))[1])


def test_it_stays_as_long_as_the_cluster_is_off() -> None:
    seen = stopped(THREE, timedelta(days=400))
    assert not [s for s in plan(with_spec(THREE, **STOPPED), seen, WANTED, now=NOW) if isinstance(s, ReleaseMachine)]


def test_a_kubelet_that_runs_has_a_certificate_that_lasts_so_long() -> None:
    assert KUBELET_LIFETIME * 0.1 >= CERTIFICATE_OUTLIVES, "renewed at 70 to 90 % of its life"


@pytest.mark.parametrize("broken", [False, True])
def test_a_control_plane_machine_without_pods_stops_only_while_etcd_can_do_without_it(broken: bool) -> None:
    seen = grown(THREE)
    assert seen.kube is not None
    leaver, *others = sorted(m.name for m in seen.record.live if "-cp-" in m.name)
    machines = tuple(
        replace(m, removing=True, removing_at=NOW) if m.name == leaver else m for m in seen.record.machines
    )
    members = tuple(
        EtcdMember(id=name, name=name, address="", healthy=not (broken and name == others[0]), leader=name == others[1])
        for name in (leaver, *others)
    )
    nodes = tuple(node for node in seen.kube.nodes if node.name != leaver)  # it is drained
    seen = look(seen, machines=machines, kube=replace(seen.kube, nodes=nodes, etcd=members))
    taken = []
    for _ in range(3):
        for step in plan(THREE, seen, WANTED, now=NOW):
            taken.append(step)
            seen = imagine(seen, step, NOW)
    assert bool([s for s in taken if isinstance(s, StopServer) and s.name == leaver]) is not broken


def test_a_node_that_was_silent_before_the_start_is_not_dead_after_it() -> None:
    """Of a machine that is to be replaced: its pods move, and it leaves in order."""
    long_ago, started = NOW - timedelta(hours=60), NOW - timedelta(seconds=10)
    outdated = with_places(with_spec(ONE, running=True, running_since=started), flavor="c1.large")
    there = grown(ONE)
    name = next(m.name for m in there.record.live if m.role is Role.CONTROL_PLANE)
    leaving = there.with_machine(name, removing=True, removing_at=started, departure=Departure.ROLLOUT)
    silent = with_node(leaving, name, ready=False, since=long_ago)
    patience = timedelta(seconds=outdated.spec.control_plane.repair_after_seconds)

    def taken(at: datetime) -> set[str]:
        return {type(s).__name__ for s in plan(outdated, silent, WANTED, now=at) if s.subject == name}

    assert taken(NOW) == {"DrainNode"}
    assert taken(started + patience) == {"Remove"}


def test_what_a_node_said_of_itself_before_the_start_counts_from_the_start() -> None:
    started = NOW - timedelta(seconds=10)
    picky = with_group(with_spec(ONE, running=True, running_since=started), repair_conditions=("DiskBroken",))
    there = grown(ONE)
    name = next(m.name for m in there.record.live if m.role is Role.WORKER)
    broken = with_node(there, name, troubles=(("DiskBroken", NOW - timedelta(hours=60)),))
    patience = timedelta(seconds=picky.node_groups[0].spec.repair_after_seconds)

    def released(at: datetime) -> list[str]:
        return [s.name for s in plan(picky, broken, WANTED, now=at) if isinstance(s, ReleaseMachine)]

    assert (released(NOW), released(started + patience)) == ([], [name])
