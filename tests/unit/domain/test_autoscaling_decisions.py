"""What one look at a cluster comes to."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.unit.domain.clusters import NOW, OFFER, cluster

from navarch.domain.autoscaling import Decision, Memory, all_pods_due, asks_for_pods, decide, noticed
from navarch.domain.autoscaling.memory import Failure, Unneeded, first_backoff
from navarch.domain.cloud import CloudState
from navarch.domain.health import Checkup, State
from navarch.domain.infrastructure import Existence, MachineView
from navarch.domain.kube import KubeState, Node
from navarch.domain.machines import Machine, template_of
from navarch.domain.names import COMPONENT_LABEL, CONTROL_PLANE_GROUP, owner, worker_machine
from navarch.domain.node_labels import REGION
from navarch.domain.observed import Observed, Record
from navarch.domain.offer import Offer
from navarch.domain.outcomes import Failed, Result
from navarch.domain.pods import Pod, PodShape, PodsSeen
from navarch.domain.spec import Autoscaling, Cluster, NodeGroupSpec, Role
from navarch.domain.steps import ReleaseMachine

SHAPE = PodShape("default", requests=(("cpu", 600),))
HAS = (("cpu", 900), ("memory", 1 << 30), ("pods", 110))
HOUR = timedelta(hours=1)


def shop(replicas: int = 1, **limits: Any) -> Cluster:
    """A cluster whose one group, web, is autoscaled."""
    made = cluster(workers=replicas)
    (group,) = made.node_groups
    spec = replace(group.spec, autoscaling=Autoscaling(**{"min": 1, "max": 4, **limits}))
    return replace(made, node_groups=(replace(group, spec=spec),))


def worker(of: Cluster, serial: int, state: State = State.READY, **view: Any) -> Checkup:
    name = worker_machine(owner(of), "web", serial)
    joined, age = state is not State.COMING, view.pop("age", HOUR)
    machine = Machine(name, Role.WORKER, "web", serial, "z1", NOW - age, template_of(of, "web"), joined=joined)
    labels = (("navarch.io/node-group", "web"),)
    node = Node(name, ready=True, labels=labels, allocatable=HAS) if state is State.READY else None
    return Checkup(machine, MachineView(**{"existence": Existence.RUNNING, **view}), node, state)


def decided(
    of: Cluster,
    *workers: Checkup,
    waiting: int = 0,
    shape: PodShape = SHAPE,
    running: tuple[str, ...] = (),
    memory: Memory | None = None,
    now: datetime = NOW,
    offer: Offer = OFFER,
    named: str = "p",
    all_pods: bool = True,
) -> Decision:
    pods = PodsSeen(
        tuple(Pod(f"default/{named}{n}", shape) for n in range(waiting)),
        all=all_pods,
        placed=tuple(Pod(f"default/r{n}", SHAPE, node) for n, node in enumerate(running)),
    )
    kube = KubeState("1.37.2", tuple(c.node for c in workers if c.node is not None), pods=pods)
    observed = Observed(CloudState(), Record(tuple(c.machine for c in workers)), kube)
    return decide(of, observed, memory or Memory(), workers, offer, now)


def numbers(found: Decision) -> list[tuple[str, int, str]]:
    return [(c.group, c.replicas, c.reason) for c in found.changes]


def test_it_asks_for_pods_where_a_group_is_autoscaled_and_navarch_may_act() -> None:
    assert asks_for_pods(shop()) and not asks_for_pods(cluster())
    assert not asks_for_pods(replace(shop(), deletion_requested_at=NOW))
    assert not asks_for_pods(replace(shop(), spec=replace(shop().spec, paused=True)))


def test_pods_that_wait_bring_machines_once() -> None:
    of = shop()
    one = worker(of, 1)
    found = decided(of, one, waiting=3, running=(one.name,))
    assert numbers(found) == [("web", 4, "TriggeredScaleUp")]
    assert "web: 1 → 4 machines (max 4): 3 pods, default/p0 one of them, have no place" in found.changes[0].message
    # with the change made there is nothing more to do, whether the machines are written down or not
    grown = shop(4)
    assert not decided(grown, one, waiting=3, running=(one.name,)).changes
    coming = [worker(grown, n, State.COMING, age=timedelta(0)) for n in (2, 3, 4)]
    again = decided(grown, one, *coming, waiting=4, running=(one.name,))
    assert not again.changes
    assert [t[0] for t in again.told] == ["NotTriggerScaleUp"]
    assert "max node group size reached" in again.told[0][2]
    assert not decided(grown, one, *coming, waiting=4, running=(one.name,), memory=again.memory).told  # told once


def test_from_zero_the_flavor_says_what_a_machine_would_be() -> None:
    of = shop(0, min=0)
    assert numbers(decided(of, waiting=2)) == [("web", 2, "TriggeredScaleUp")]


def test_a_machine_comes_in_the_zone_as_the_cloud_spells_it() -> None:
    """Nodes have it as a label, in which a blank is a dash: Nova knows no zone of that name."""
    of = shop(0, min=0)
    (group,) = of.node_groups
    of = replace(of, node_groups=(replace(group, spec=replace(group.spec, zones=("AZ 1",))),))
    (change,) = decided(of, waiting=2).changes
    assert change.zones == ("AZ 1", "AZ 1")


def test_from_zero_a_machine_is_taken_to_be_in_the_region_of_the_clusters_other_nodes() -> None:
    of = shop(1)
    batch = NodeGroupSpec("m1.medium", 0, ("z1",), autoscaling=Autoscaling(0, 2))
    of = replace(of, node_groups=(*of.node_groups, replace(of.node_groups[0], name="batch", spec=batch)))
    one = worker(of, 1)
    assert one.node is not None
    there = replace(one, node=replace(one.node, labels=(*one.node.labels, (REGION, "RegionOne"))))
    large = PodShape("default", requests=(("cpu", 1500),), node_selector=((REGION, "RegionOne"),))
    assert numbers(decided(of, there, waiting=1, shape=large)) == [("batch", 1, "TriggeredScaleUp")]
    assert not decided(of, one, waiting=1, shape=large).changes
    elsewhere = replace(large, node_selector=((REGION, "RegionTwo"),))
    assert not decided(of, there, waiting=1, shape=elsewhere).changes


def test_while_the_control_plane_is_older_a_machine_would_be_as_old() -> None:
    of = shop(0, min=0)
    older = replace(of.spec.release, kubernetes_version="1.36.4", components=(("calico", "v3.27.0"),))
    template = replace(template_of(of, CONTROL_PLANE_GROUP), release=older)
    first = Machine("shop-cp-0", Role.CONTROL_PLANE, CONTROL_PLANE_GROUP, 0, "z1", NOW - HOUR, template, joined=True)
    place = Checkup(first, MachineView(Existence.RUNNING), None, State.READY)
    before = replace(SHAPE, node_selector=((f"{COMPONENT_LABEL}calico", "v3.27.0"),))
    after = replace(SHAPE, node_selector=((f"{COMPONENT_LABEL}calico", "v3.28.5"),))
    assert numbers(decided(of, place, waiting=1, shape=before)) == [("web", 1, "TriggeredScaleUp")]
    assert not decided(of, place, waiting=1, shape=after).changes


def test_a_number_outside_its_limits_moves_into_them() -> None:
    assert numbers(decided(shop(0))) == [("web", 1, "ScaledToLimit")]
    assert numbers(decided(shop(9))) == [("web", 4, "ScaledToLimit")]


def test_a_machine_without_use_goes_by_name_after_ten_minutes() -> None:
    of = shop(2)
    one, two = worker(of, 1), worker(of, 2)
    found = decided(of, one, two, running=(one.name,))
    assert (found.changes, found.memory.unneeded) == ((), (Unneeded(two.name, "web", NOW),))
    later = decided(of, one, two, running=(one.name,), memory=found.memory, now=NOW + timedelta(seconds=600))
    assert [(c.replicas, c.reason, c.going) for c in later.changes] == [(1, "ScaleDown", (two.name,))]
    used = decided(of, one, two, running=(one.name, two.name), memory=found.memory)
    assert used.memory.unneeded == ()


def test_nothing_goes_soon_after_machines_came_nor_where_the_group_is_not_as_wanted() -> None:
    of = shop(2)
    one, two = worker(of, 1), worker(of, 2)
    since = (Unneeded(two.name, "web", NOW - HOUR),)
    memory = Memory(grown_at=NOW - timedelta(minutes=9), unneeded=since)
    assert not decided(of, one, two, running=(one.name,), memory=memory).changes
    assert decided(of, one, two, running=(one.name,), memory=replace(memory, grown_at=NOW - HOUR)).changes
    bigger = shop(3)
    assert not decided(bigger, one, two, running=(one.name,), memory=Memory(unneeded=since)).changes


def test_machines_that_the_cloud_cannot_build_are_given_up_and_another_group_is_asked() -> None:
    of = shop(3)
    spare = NodeGroupSpec("m1.medium", 0, ("z1",), autoscaling=Autoscaling(0, 2))
    of = replace(of, node_groups=(*of.node_groups, replace(of.node_groups[0], name="spare", spec=spare)))
    one = worker(of, 1)
    broken = worker(of, 2, State.COMING, existence=Existence.FAILED, fault="No valid host was found.")
    absent = worker(of, 3, State.COMING, existence=Existence.ABSENT)
    found = decided(of, one, broken, absent, waiting=2, running=(one.name,))
    assert numbers(found) == [("web", 1, "GaveUpMachines")]
    assert set(found.changes[0].going) == {broken.name, absent.name}
    assert found.told[0][:2] == ("FailedToScaleUpGroup", "web") and "No valid host" in found.told[0][2]
    after = replace(
        of,
        node_groups=(replace(of.node_groups[0], spec=replace(of.node_groups[0].spec, replicas=1)), of.node_groups[1]),
    )
    other = decided(after, one, waiting=2, running=(one.name,), memory=found.memory)
    assert numbers(other) == [("spare", 1, "TriggeredScaleUp")]


def test_a_machine_that_does_not_come_in_time_is_given_up_but_not_below_min_nor_in_the_place_of_others() -> None:
    of = shop(2)
    one, late = worker(of, 1), worker(of, 2, State.COMING)
    assert numbers(decided(of, one, late)) == [("web", 1, "GaveUpMachines")]
    assert not decided(shop(2, min=2), one, late).changes
    rolls = worker(of, 3, State.COMING)
    assert not decided(of, one, worker(of, 2), rolls).changes
    assert not decided(of, one, worker(of, 2, State.COMING, age=timedelta(minutes=14))).changes


def test_a_quota_that_is_used_up_is_noticed() -> None:
    of = shop(2)
    coming = worker(of, 2, State.COMING, age=timedelta(0))
    observed = Observed(CloudState(), Record((coming.machine,)))
    failed = Failed("QuotaExceeded", "Cannot make it: cores", "project-admin", "raise it")
    results = (Result(ReleaseMachine(coming.name, None, ""), failed, 1.0),)  # type: ignore[arg-type]
    memory, told = noticed(Memory(), of, observed, results, NOW)
    failure = Failure("QuotaExceeded: Cannot make it: cores", "project-admin", "raise it")
    assert memory.backoffs == (first_backoff("web", NOW, failure),)
    assert told[0][:2] == ("FailedToScaleUpGroup", "web")
    assert noticed(memory, of, observed, results, NOW) == (memory, ())


def test_where_pods_could_not_be_read_nothing_is_decided_by_them() -> None:
    of = shop()
    observed = Observed(CloudState(), Record(), KubeState("1.37.2"))
    memory = Memory(unneeded=(Unneeded("a", "web", NOW),))
    assert decide(of, observed, memory, (), OFFER, NOW) == Decision((), memory, ())


def test_all_pods_are_looked_at_each_minute_and_when_the_time_of_a_machine_is_over() -> None:
    """Those that are over are looked at again soon: not all machines go at once."""

    def after(*unneeded_for: int) -> float:
        memory = Memory(unneeded=tuple(Unneeded(f"m{n}", "web", NOW - timedelta(seconds=n)) for n in unneeded_for))
        return (all_pods_due(shop(), memory, NOW) - NOW).total_seconds()

    assert after() == after(10) == 60
    assert after(10, 570) == 30
    assert after(10, 598) == after(900) == 5
    gone = Memory(unneeded=(Unneeded("m1", "gone", NOW - HOUR),))
    assert all_pods_due(shop(), gone, NOW) == all_pods_due(shop(), None, NOW) == NOW + timedelta(minutes=1)
