"""What is not known, and what only was: Kubernetes' silence, a zone's, machines that are kept for a look."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.domain.clusters import NOW, WANTED, cluster
from tests.unit.domain.test_obstacles import made, without_place
from tests.unit.domain.test_plan import grown
from tests.unit.domain.test_rollout import upgraded, with_spec

from navarch.domain.conditions import judge
from navarch.domain.machines import Departure
from navarch.domain.observed import Observed
from navarch.domain.openstack.resources import Server
from navarch.domain.openstack.steps import Remove
from navarch.domain.plan import plan
from navarch.domain.spec import Cluster
from navarch.domain.status import Phase, Status
from navarch.domain.steps import EmptyNode, ReleaseMachine, Step

STOPPED = with_spec(cluster(), running=False, running_since=NOW, remove_stopped_workers=True)


def steps(wanted: Cluster, there: Observed, minutes: float = 0) -> tuple[Step, ...]:
    return plan(wanted, there, WANTED, now=NOW + timedelta(minutes=minutes))


def with_node(there: Observed, name: str, **changes: object) -> Observed:
    """The same with that Node changed."""
    assert there.kube is not None
    nodes = tuple(replace(n, **changes) if n.name == name else n for n in there.kube.nodes)  # type: ignore[arg-type]
    return replace(there, kube=replace(there.kube, nodes=nodes))


def workers(there: Observed) -> list[str]:
    return [m.name for m in there.record.live if m.group == "web"]


def test_a_place_that_is_lost_while_kubernetes_is_silent_gets_the_version_that_it_had() -> None:
    there, lost = without_place(grown(cluster()), 0, Departure.REPAIR)
    assert made(there, lost.name, upgraded(cluster())) == "1.38.0"
    assert made(replace(there, kube=None), lost.name, upgraded(cluster())) == "1.37.2"


def test_a_stop_releases_no_worker_of_which_nobody_knows_what_runs_there() -> None:
    there = grown(cluster())
    assert not [s for s in steps(STOPPED, replace(there, kube=None)) if isinstance(s, ReleaseMachine)]
    assert [type(s) for s in steps(STOPPED, there) if isinstance(s, ReleaseMachine | EmptyNode)] == [EmptyNode] * 2


def test_a_cluster_that_was_never_to_run_reaches_the_deadline_of_its_stop() -> None:
    stopped, there = with_spec(cluster(), running=False, running_since=None), grown(cluster())
    asked = [{s for s in steps(stopped, there, minute) if isinstance(s, EmptyNode)} for minute in (0, 1)]
    assert asked[0] == asked[1] != set()
    assert not [s for s in steps(stopped, there, 60 * 24) if isinstance(s, EmptyNode)]


def test_a_repair_is_asked_for_in_the_same_words_until_it_is_done() -> None:
    there = grown(cluster())
    sick = with_node(there, workers(there)[0], ready=False, since=NOW - timedelta(hours=1))
    asked = [{s for s in steps(cluster(), sick, minute) if isinstance(s, ReleaseMachine)} for minute in (0, 1)]
    assert asked[0] == asked[1] != set()


def test_a_machine_that_is_kept_for_a_look_makes_its_cluster_no_worse() -> None:
    three = cluster(workers=3)
    there = grown(three)
    name = workers(there)[0]
    kept = with_node(there.with_machine(name, kept_at=NOW), name, ready=False, unschedulable=True)
    two = replace(
        three, node_groups=(replace(three.node_groups[0], spec=replace(three.node_groups[0].spec, replicas=2)),)
    )
    status = judge(two, kept, WANTED, (), Status(), now=NOW)
    assert status.phase is Phase.READY
    assert (status.machines.desired, status.machines.ready) == (3, 3)


@pytest.mark.parametrize("status", ["ERROR", "ACTIVE"])
def test_only_machines_that_the_cloud_says_run_make_a_zone_silent(status: str) -> None:
    there = grown(cluster())
    for name in workers(there):
        there = with_node(there, name, ready=False, since=NOW - timedelta(hours=1))
        server = there.cloud.named(Server, name)
        assert server is not None
        created = NOW - timedelta(hours=2)
        there = replace(there, cloud=there.cloud.changed(Server, server.id, status=status, created_at=created))
    apart = {c.zone for c in there.record.live if c.group == "cp"} == {c.zone for c in there.record.live}
    assert apart, "all in one zone, which the control plane is heard from"
    assert {s.name for s in steps(cluster(), there) if isinstance(s, ReleaseMachine)} == set(workers(there))
    silent = with_node(there, next(m.name for m in there.record.live if m.group == "cp"), ready=False, since=NOW)
    gone = {s.name for s in steps(cluster(), silent) if isinstance(s, ReleaseMachine)}
    assert gone == (set(workers(there)) if status == "ERROR" else set())


def test_a_zone_that_holds_repair_is_told_with_its_machines_and_since_when() -> None:
    there = grown(cluster())
    for name in [m.name for m in there.record.live]:
        there = with_node(there, name, ready=False, since=NOW - timedelta(hours=1))
    status = judge(cluster(), there, WANTED, (), Status(), now=NOW)
    condition = status.condition("WorkersReady")
    assert condition is not None and status.phase is Phase.BLOCKED
    assert (condition.reason, condition.responsible) == ("ZoneSilent", "cloud-operator")
    assert condition.message.startswith("nothing is heard of zone z1 since 2026-11-24 11:00:00 UTC, where 3 machines")
    just_now = there
    for name in [m.name for m in there.record.live]:
        just_now = with_node(just_now, name, ready=False, since=NOW)
    waits = judge(cluster(), just_now, WANTED, (), Status(), now=NOW).condition("WorkersReady")
    assert waits is not None and waits.reason != "ZoneSilent", "nothing would be repaired yet"


def set_aside(there: Observed, name: str, status: str, task: str | None = None) -> Observed:
    server = there.cloud.named(Server, name)
    assert server is not None
    return replace(there, cloud=there.cloud.changed(Server, server.id, status=status, task_state=task))


@pytest.mark.parametrize(
    ("status", "command"),
    [
        ("SUSPENDED", "resume"),
        ("PAUSED", "unpause"),
        ("SHELVED", "unshelve"),
        ("SHELVED_OFFLOADED", "unshelve"),
        ("RESCUE", "unrescue"),
    ],
)
@pytest.mark.parametrize("role", ["web", "cp"])
def test_a_server_that_somebody_set_aside_is_told_and_never_replaced(role: str, status: str, command: str) -> None:
    there = grown(cluster())
    name = next(m.name for m in there.record.live if m.group == role)
    dead = with_node(set_aside(there, name, status), name, ready=False, since=NOW - timedelta(days=3))
    assert not [s for s in steps(cluster(), dead) if isinstance(s, ReleaseMachine)]
    condition = judge(cluster(), dead, WANTED, (), Status(), now=NOW).condition("Ready")
    assert condition is not None
    assert (condition.reason, condition.responsible) == ("MachineSetAside", "user")
    assert name in condition.message and status in condition.message
    assert condition.remedy is not None and f"openstack server {command} " in condition.remedy
    coming = with_node(set_aside(there, name, status, "resuming"), name, ready=False, since=NOW - timedelta(minutes=1))
    told = judge(cluster(), coming, WANTED, (), Status(), now=NOW).condition("Ready")
    assert told is not None and told.reason != "MachineSetAside", "it is on its way back"


def test_one_that_was_set_aside_goes_where_its_group_or_its_cluster_goes() -> None:
    there = grown(cluster())
    name = workers(there)[0]
    dead = with_node(set_aside(there, name, "SUSPENDED"), name, ready=False, since=NOW - timedelta(hours=1))
    leaving = dead.with_machine(name, removing=True, removing_at=NOW, departure=Departure.SCALE_DOWN)
    assert [s.name for s in steps(cluster(), leaving) if isinstance(s, Remove)] == [name]
    deleted = {s.name for s in steps(replace(cluster(), deletion_requested_at=NOW), dead) if isinstance(s, Remove)}
    assert name in deleted
