"""A wish that comes while an earlier one is still being done: what is wanted last is what becomes (docs: life.md)."""

from dataclasses import replace

import pytest
from tests.unit.domain.clusters import NOW, WANTED, cluster
from tests.unit.domain.test_plan import grown
from tests.unit.domain.test_rollout import NEXT, ONE, STOPPED, THREE, upgraded, with_group, with_spec

from navarch.domain.machines import Departure, template_of
from navarch.domain.observed import Observed
from navarch.domain.openstack.resources import Server
from navarch.domain.plan import plan
from navarch.domain.rehearsal import imagine, time_passes
from navarch.domain.spec import Cluster, Role
from navarch.domain.steps import DrainNode, Forget, ReleaseMachine, Step

AT = range(0, 40, 3)  # rounds after which the second wish comes
"""Whole rollouts have some forty."""


def played(wanted: Cluster, seen: Observed, rounds: int = 1000) -> tuple[tuple[Step, ...], Observed]:
    """Every step of so many rounds, or of all until there is nothing left to do."""
    taken: list[Step] = []
    kube = None
    for _ in range(rounds):
        kube = seen.kube or kube
        seen = time_passes(wanted, seen, NOW, kube)
        steps = plan(wanted, seen, WANTED, now=NOW)
        if not steps:
            break
        for step in steps:
            taken.append(step)
            if isinstance(step, Forget):
                return tuple(taken), seen
            seen = imagine(seen, step, NOW)
    return tuple(taken), replace(seen, fresh=True)


def halfway(was: Cluster, wanted: Cluster, rounds: int) -> Observed:
    return played(wanted, grown(was), rounds)[1]


def is_as_wanted(wanted: Cluster, seen: Observed) -> bool:
    live = seen.record.live
    return len(live) == wanted.wanted and all(m.template == template_of(wanted, m.group) for m in live)


def servers(seen: Observed) -> dict[str, str]:
    return {server.name: server.status for server in seen.cloud.of(Server)}


@pytest.mark.parametrize("rounds", AT)
@pytest.mark.parametrize("replicas", [1, 5])
def test_scaled_while_it_is_upgraded_it_comes_to_have_both(rounds: int, replicas: int) -> None:
    wanted = with_group(upgraded(THREE), replicas=replicas)
    there = halfway(THREE, upgraded(THREE), rounds)
    steps, end = played(wanted, there)
    assert is_as_wanted(wanted, end)
    coming = {m.name for m in there.record.live if not m.joined}
    drained = {step.subject for step in steps if isinstance(step, DrainNode)}
    gone = {step.subject for step in steps if isinstance(step, ReleaseMachine)}
    assert gone - coming <= drained, "whatever it goes for, its pods move first"


@pytest.mark.parametrize("rounds", AT)
def test_deleted_while_it_is_upgraded_it_goes_and_nothing_more_is_made(rounds: int) -> None:
    seen = halfway(THREE, upgraded(THREE), rounds)
    steps, _ = played(replace(upgraded(THREE), deletion_requested_at=NOW), seen)
    assert isinstance(steps[-1], Forget)
    assert not [step for step in steps if step.makes is not None]


@pytest.mark.parametrize("rounds", range(8))
@pytest.mark.parametrize("replicas", [1, 6])
def test_stopped_while_it_is_scaled_it_stops_and_is_scaled_when_it_is_started(rounds: int, replicas: int) -> None:
    scaled = with_group(ONE, replicas=replicas)
    _, off = played(with_spec(scaled, **STOPPED), halfway(ONE, scaled, rounds))
    assert set(servers(off).values()) == {"SHUTOFF"}
    _, on = played(scaled, off)
    assert is_as_wanted(scaled, on)
    assert set(servers(on).values()) == {"ACTIVE"}


@pytest.mark.parametrize("rounds", AT)
def test_stopped_while_it_is_upgraded_it_stops_and_goes_on_when_it_is_started(rounds: int) -> None:
    wanted = upgraded(THREE)
    _, off = played(with_spec(wanted, **STOPPED), halfway(THREE, wanted, rounds))
    assert set(servers(off).values()) == {"SHUTOFF"}
    _, on = played(wanted, off)
    assert is_as_wanted(wanted, on)


def test_stopped_while_a_machine_is_drained_the_machine_goes_first() -> None:
    smaller = with_group(ONE, replicas=2)
    seen = grown(ONE)
    for step in plan(smaller, seen, WANTED, now=NOW):
        seen = imagine(seen, step, NOW)
    (leaving,) = [m for m in seen.record.live if m.removing]
    steps, off = played(with_spec(smaller, **STOPPED), seen)
    assert leaving.name in {step.subject for step in steps if isinstance(step, DrainNode)}
    assert leaving.name not in servers(off)
    assert set(servers(off).values()) == {"SHUTOFF"}


@pytest.mark.parametrize("rounds", AT)
def test_turned_back_while_the_control_plane_is_replaced_it_is_as_before(rounds: int) -> None:
    seen = halfway(THREE, upgraded(THREE), rounds)
    versions = {
        m.template.release.kubernetes_version
        for m in seen.record.live
        if m.role is Role.CONTROL_PLANE and not m.removing
    }
    if versions == {NEXT.kubernetes_version}:
        return  # that is refused: tests of upgrades
    steps, end = played(THREE, seen)
    assert is_as_wanted(THREE, end)
    made = {m.template.release.kubernetes_version for m in end.record.live if m.role is Role.WORKER}
    assert made == {"1.37.2"}
    assert not [s for s in steps if isinstance(s, ReleaseMachine) and "-web-" in s.subject], "no worker was touched"


@pytest.mark.parametrize("rounds", AT)
def test_a_group_that_is_deleted_while_it_is_upgraded_goes_and_the_rest_is_upgraded(rounds: int) -> None:
    group = THREE.node_groups[0]
    wanted = replace(upgraded(THREE), node_groups=(replace(group, deletion_requested_at=NOW),))
    _, end = played(replace(wanted), halfway(THREE, upgraded(THREE), rounds))
    assert not [m for m in end.record.live if m.group == group.name]
    assert {m.template.release for m in end.record.live} == {NEXT}


@pytest.mark.parametrize("rounds", AT)
def test_a_machine_that_another_is_asked_for_is_replaced_once_whatever_is_under_way(rounds: int) -> None:
    wanted = upgraded(THREE)
    seen = halfway(THREE, wanted, rounds)
    chosen = next(m for m in seen.record.live if m.role is Role.WORKER and not m.removing)
    _, end = played(wanted, seen.with_machine(chosen.name, departure=Departure.PERSON))
    assert is_as_wanted(wanted, end)
    assert chosen.name not in {m.name for m in end.record.live}


def test_a_worker_that_another_is_asked_for_stays_until_the_other_is_ready() -> None:
    seen = grown(ONE).with_machine("shop-3f2a91bc-web-2", departure=Departure.PERSON)
    first, later = played(ONE, seen, 1)
    assert [s.subject for s in first if not isinstance(s, ReleaseMachine)][:1] == ["shop-3f2a91bc-web-4"]
    assert "shop-3f2a91bc-web-2" in {m.name for m in later.record.live if not m.removing}
    _, end = played(ONE, later)
    assert sorted(m.serial for m in end.record.live if m.role is Role.WORKER) == [1, 3, 4]


@pytest.mark.parametrize("replicas", [1, 3])
def test_machines_of_the_control_plane_that_others_are_asked_for_go_one_at_a_time(replicas: int) -> None:
    shop = cluster(control_plane=replicas)
    seen = grown(shop)
    for machine in seen.record.live:
        if machine.role is Role.CONTROL_PLANE:
            seen = seen.with_machine(machine.name, departure=Departure.PERSON)
    kube, released = None, 0
    for _ in range(200):
        kube = seen.kube or kube
        seen = time_passes(shop, seen, NOW, kube)
        steps = plan(shop, seen, WANTED, now=NOW)
        if not steps:
            break
        for step in steps:
            seen = imagine(seen, step, NOW)
        released += len([s for s in steps if isinstance(s, ReleaseMachine)])
        assert len([m for m in seen.record.live if m.removing]) <= 1
    assert released == replicas
    assert all(m.departure is None for m in seen.record.live)
