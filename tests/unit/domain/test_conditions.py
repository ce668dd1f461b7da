"""What a customer is told, and whom it names."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.unit.domain.clusters import NOW, WANTED, cluster, look, shown

from navarch.domain.cloud import CloudState, Trouble
from navarch.domain.conditions import CONTROL_PLANE, READY, WORKERS, judge
from navarch.domain.findings import overdue_machines
from navarch.domain.kube import Addon
from navarch.domain.machines import BootReport, Machine
from navarch.domain.observed import Observed
from navarch.domain.openstack.resources import Server
from navarch.domain.openstack.steps import CreateServer, EnsureNetwork
from navarch.domain.outcomes import Again, Done, Failed, Result
from navarch.domain.plan import plan
from navarch.domain.providers import infrastructure
from navarch.domain.rehearsal import imagine, nothing_yet, time_passes
from navarch.domain.spec import Cluster, Role
from navarch.domain.status import Condition, Phase, Status
from navarch.domain.steps import ApplyAddon, DrainNode, Forget, ReleaseMachine

CREATED = Status()


def grown(wanted: Cluster) -> Observed:
    seen = nothing_yet()
    for _ in range(50):
        seen = time_passes(wanted, seen, NOW)
        steps = plan(wanted, seen, WANTED, now=NOW)
        if not steps:
            return seen
        for step in steps:
            assert not isinstance(step, Forget)
            seen = imagine(seen, step, NOW)
    raise AssertionError("does not come to an end")


def ready_condition(status: Status) -> Condition:
    condition = status.condition(READY)
    assert condition is not None
    return condition


def overdue(seen: Observed, now: datetime) -> list[str]:
    return [m.name for m, _ in overdue_machines(seen, infrastructure(cluster(), seen, now), now)]


def with_server(seen: Observed, name: str, **changes: object) -> Observed:
    servers = tuple(
        replace(s, **changes) if s.name == name else s  # type: ignore[arg-type]
        for s in seen.cloud.of(Server)
    )
    return replace(seen, cloud=shown(seen.cloud, servers=servers))


def test_a_new_cluster_progresses_and_blames_nobody() -> None:
    status = judge(cluster(), nothing_yet(), WANTED, (), CREATED, now=NOW)
    assert status.phase is Phase.PROGRESSING
    assert ready_condition(status).responsible is None
    assert ready_condition(status).reason == "CreatingNetwork"
    assert all(c.deadline is not None and c.deadline > NOW for c in status.conditions if c.status == "False")


def test_a_cluster_that_is_as_wanted_is_ready_at_this_generation() -> None:
    status = judge(cluster(generation=3), grown(cluster()), WANTED, (), CREATED, now=NOW)
    assert (status.phase, status.observed_generation) == (Phase.READY, 3)
    assert (status.machines.desired, status.machines.ready) == (3, 3)
    assert status.api_url == "https://<public address>:6443"


def test_a_quota_that_is_exceeded_blocks_and_says_who_must_act() -> None:
    step = EnsureNetwork("shop-3f2a91bc-net")
    failed = Failed("QuotaExceeded", "networks: needed 1, free 0 of 10", "project-admin", "ask for a larger quota")
    status = judge(cluster(), nothing_yet(), WANTED, (Result(step, failed),), CREATED, now=NOW)
    ready = ready_condition(status)
    assert status.phase is Phase.BLOCKED
    assert (ready.reason, ready.responsible, ready.remedy) == (
        "QuotaExceeded",
        "project-admin",
        "ask for a larger quota",
    )
    assert "free 0" in ready.message


def test_a_zone_without_room_is_named() -> None:
    name = "shop-3f2a91bc-web-1"
    seen = with_server(grown(cluster()), name, status="ERROR", fault="No valid host was found.")
    seen = look(seen, machines=tuple(replace(m, joined=m.name != name) for m in seen.record.machines))
    status = judge(cluster(), seen, WANTED, (), CREATED, now=NOW)
    ready = ready_condition(status)
    assert (ready.reason, ready.responsible) == ("NoHostWithRoom", "cloud-operator")
    assert "z1" in ready.message
    assert name in ready.message


def test_a_node_whose_server_fails_is_not_said_to_be_built_anew() -> None:
    name = "shop-3f2a91bc-cp-0"
    seen = with_server(grown(cluster()), name, status="ERROR", fault="host is down")
    ready = ready_condition(judge(cluster(), seen, WANTED, (), CREATED, now=NOW))
    assert (ready.reason, ready.responsible) == ("MachineFailed", "cloud-operator")
    assert "is in ERROR: host is down" in ready.message
    assert "goes on trying" not in str(ready.remedy)


def test_a_machine_that_never_reported_in_shows_the_end_of_its_console() -> None:
    seen = grown(cluster())
    name = "shop-3f2a91bc-web-1"
    seen = look(seen, machines=tuple(replace(m, joined=m.name != name) for m in seen.record.machines))
    late = NOW + timedelta(minutes=5)
    assert overdue(seen, late) == [name]
    assert overdue(seen, NOW + timedelta(minutes=3)) == []
    seen = replace(seen, consoles=((name, "Failed to start cloud-init"),))
    ready = ready_condition(judge(cluster(), seen, WANTED, (), CREATED, now=late))
    assert ready.reason == "MachineNotReporting"
    assert "Failed to start cloud-init" in ready.message
    assert ready.remedy


def test_a_failed_boot_phase_shows_its_log() -> None:
    seen = grown(cluster())
    phase = BootReport("KubeadmJoin", "failed", NOW, 3.0, log="error: x509: unknown authority")
    seen = look(
        seen,
        machines=tuple(replace(m, joined=False, boot=(phase,)) if m.serial == 1 else m for m in seen.record.machines),
    )
    ready = ready_condition(judge(cluster(), seen, WANTED, (), CREATED, now=NOW))
    assert ready.reason == "MachineBootFailed"
    assert "x509" in ready.message


def test_what_takes_too_long_says_so_itself() -> None:
    first = judge(cluster(), nothing_yet(), WANTED, (), CREATED, now=NOW)
    later = judge(cluster(), nothing_yet(), WANTED, (), first, now=NOW + timedelta(minutes=6))
    ready = ready_condition(later)
    assert later.phase is Phase.BLOCKED
    assert (ready.reason, ready.responsible) == ("CreatingNetwork", "navarch-operator")
    assert "300 s were allowed" in ready.message


def test_what_waits_for_a_user_blames_nobody_at_first_and_the_user_when_it_is_late() -> None:
    waits = Again(5.0, "EvictionRefused", "web may not be moved", "user", "give web more replicas")
    results = (Result(DrainNode("shop-web-1"), waits, 0.1),)
    first = judge(cluster(), grown(cluster()), WANTED, results, CREATED, now=NOW)
    assert (ready_condition(first).reason, ready_condition(first).responsible) == ("EvictionRefused", None)
    late = ready_condition(judge(cluster(), grown(cluster()), WANTED, results, first, now=NOW + timedelta(minutes=11)))
    assert (late.reason, late.responsible, late.remedy) == ("EvictionRefused", "user", "give web more replicas")


def test_a_new_wish_starts_the_clock_anew() -> None:
    first = judge(cluster(), nothing_yet(), WANTED, (), CREATED, now=NOW)
    later = judge(cluster(generation=2), nothing_yet(), WANTED, (), first, now=NOW + timedelta(minutes=6))
    assert later.phase is Phase.PROGRESSING


def test_time_of_transition_stays_while_the_status_does() -> None:
    first = judge(cluster(), nothing_yet(), WANTED, (), CREATED, now=NOW)
    second = judge(cluster(), nothing_yet(), WANTED, (), first, now=NOW + timedelta(seconds=9))
    assert ready_condition(second).last_transition_at == NOW


def test_a_cluster_that_was_ready_and_lost_a_node_is_degraded() -> None:
    seen = grown(cluster())
    ready = judge(cluster(), seen, WANTED, (), CREATED, now=NOW)
    assert seen.kube is not None
    lost = replace(seen.kube, nodes=tuple(replace(n, ready="web-1" not in n.name) for n in seen.kube.nodes))
    status = judge(cluster(), replace(seen, kube=lost), WANTED, (), ready, now=NOW)
    assert status.phase is Phase.DEGRADED
    condition = status.condition(WORKERS)
    assert condition is not None
    assert condition.reason == "NodesNotReady"
    assert status.machines.ready == 2


def test_what_every_cluster_has_is_told_add_on_by_add_on() -> None:
    status = judge(cluster(), grown(cluster()), WANTED, (), CREATED, now=NOW)
    assert [(its.name, its.phase.value) for its in status.required] == [(name, "Ready") for name, _ in WANTED.addons]


def test_an_addon_that_is_not_available_holds_back_ready() -> None:
    seen = grown(cluster())
    assert seen.kube is not None
    addons = tuple(
        Addon(a.name, a.digest, available=a.name != "coredns", message="0 of 2 replicas") for a in seen.kube.addons
    )
    ready = ready_condition(
        judge(cluster(), replace(seen, kube=replace(seen.kube, addons=addons)), WANTED, (), CREATED, now=NOW)
    )
    assert (ready.status, ready.reason) == ("False", "WaitingForAddons")
    assert "coredns" in ready.message


@pytest.mark.parametrize("runs", [True, False])
def test_what_has_no_pods_is_there_as_soon_as_it_is_applied_anew(runs: bool) -> None:
    seen = grown(cluster())
    assert seen.kube is not None
    addons = tuple(replace(a, runs=runs) if a.name == "access" else a for a in seen.kube.addons)
    seen = replace(seen, kube=replace(seen.kube, addons=addons))
    wanted = replace(WANTED, addons=tuple((name, f"{digest}-2" if name == "access" else digest)
                                          for name, digest in WANTED.addons))  # fmt: skip
    (step,) = (s for s in plan(cluster(), seen, wanted, now=NOW) if isinstance(s, ApplyAddon))
    after = step.after(seen, None, NOW)
    results = (Result(step, Done(), 0.1),)
    ready = ready_condition(judge(cluster(), after, wanted, results, CREATED, now=NOW))
    assert ready.status == ("False" if runs else "True")


def test_refused_credentials_are_told_in_the_clouds_words() -> None:
    trouble = Trouble("CredentialsRefused", "Keystone refused navarch", "server", "cloud-operator", "give it the role")
    seen = replace(nothing_yet(), cloud=CloudState(trouble=(trouble,)))
    ready = ready_condition(judge(cluster(), seen, WANTED, (), CREATED, now=NOW))
    assert (ready.reason, ready.responsible, ready.remedy) == (
        "CredentialsRefused",
        "cloud-operator",
        "give it the role",
    )


def test_machines_that_could_not_be_read_are_not_said_to_be_missing() -> None:
    seen = grown(cluster())
    blind = replace(
        seen, cloud=replace(shown(seen.cloud, servers=None), trouble=(Trouble("CloudNotAnswering", "no answer"),))
    )
    status = judge(cluster(), blind, WANTED, (), CREATED, now=NOW)
    assert ready_condition(status).reason == "CloudNotAnswering"
    assert {c.reason for c in status.conditions if c.status != "True"} == {"CloudNotAnswering"}


def test_a_machine_that_waits_for_its_turn_is_said_to_wait() -> None:
    seen = grown(cluster())
    waits = replace(seen.record.machines[0], joined=False, boot=(BootReport("Booted", "done", NOW, 4.5),))
    status = judge(cluster(), look(seen, machines=(waits, *seen.record.machines[1:])), WANTED, (), CREATED, now=NOW)
    assert f"{waits.name} has booted and waits" in ready_condition(status).message


def test_who_must_act_comes_before_what_only_takes_time() -> None:
    step = CreateServer("w", Role.WORKER, "web", 1, "m1.small", "i", "z1", "p", "g")
    failed = Failed("QuotaExceeded", "cores", "project-admin", "ask")
    status = judge(cluster(), nothing_yet(), WANTED, (Result(step, failed),), CREATED, now=NOW)
    assert ready_condition(status).reason == "QuotaExceeded"


def test_deletion_names_what_is_left() -> None:
    gone = replace(cluster(), deletion_requested_at=NOW)
    status = judge(gone, grown(cluster()), WANTED, (), CREATED, now=NOW)
    assert status.phase is Phase.DELETING
    assert "server shop-3f2a91bc-cp-0" in ready_condition(status).message


def test_a_deletion_that_is_stuck_says_so() -> None:
    gone = replace(cluster(), deletion_requested_at=NOW)
    seen = replace(nothing_yet(), cloud=nothing_yet().cloud.having(Server("s", "x", "ACTIVE")))
    assert seen.cloud.knows(Server)
    first = judge(gone, seen, WANTED, (), CREATED, now=NOW)
    late = judge(gone, seen, WANTED, (), first, now=NOW + timedelta(minutes=11))
    assert late.phase is Phase.BLOCKED
    assert ready_condition(late).responsible == "navarch-operator"


def test_a_paused_cluster_says_so() -> None:
    wanted = cluster()
    status = judge(replace(wanted, spec=replace(wanted.spec, paused=True)), grown(wanted), WANTED, (), CREATED, now=NOW)
    assert status.phase is Phase.PAUSED


def test_one_machine_is_to_be_replaced_and_two_are() -> None:
    shop = cluster(workers=1)
    group = replace(shop.node_groups[0].spec, flavor="m1.medium")
    wanted = replace(
        shop,
        spec=replace(shop.spec, rollout_paused=True),
        node_groups=(replace(shop.node_groups[0], spec=group, generation=2),),
    )
    condition = judge(wanted, grown(shop), WANTED, (), Status(), now=NOW).condition(WORKERS)
    assert condition is not None
    assert condition.message.startswith("1 machine of the node group web is to be replaced")


def test_a_rollout_that_its_user_paused_is_never_late_and_says_how_it_goes_on() -> None:
    there, before = grown(cluster()), Status()
    group = cluster().node_groups[0]
    wanted = replace(
        cluster(),
        spec=replace(cluster().spec, rollout_paused=True),
        node_groups=(replace(group, spec=replace(group.spec, flavor="m1.medium"), generation=2),),
    )
    for minutes in (0, 11, 60 * 24):
        before = judge(wanted, there, WANTED, (), before, now=NOW + timedelta(minutes=minutes))
        condition = before.condition(WORKERS)
        assert condition is not None
        assert (condition.reason, condition.responsible, condition.deadline) == ("RolloutPaused", None, None)
        assert condition.message.startswith("2 machines of the node group web are to be replaced")
        assert "navarch cluster update shop --resume-rollout" in condition.message
        assert before.phase is Phase.PROGRESSING
    resumed = replace(wanted, spec=replace(wanted.spec, rollout_paused=False))
    goes_on = judge(resumed, there, WANTED, (), before, now=NOW + timedelta(days=2)).condition(WORKERS)
    assert goes_on is not None and goes_on.deadline == NOW + timedelta(days=2, minutes=10)


def test_a_control_plane_whose_first_new_machine_fails_says_what_changed_and_that_the_others_stay() -> None:
    was = cluster(control_plane=3)
    spec = replace(was.spec, control_plane=replace(was.spec.control_plane, flavor="c1.large"))
    wanted = replace(was, spec=spec)
    name = "shop-3f2a91bc-cp-0"
    seen = with_server(grown(was), name, status="ERROR", fault="the image is not one")

    def begun(machine: Machine) -> Machine:
        new = replace(machine, joined=False, template=replace(machine.template, flavor="c1.large"))
        return new if machine.name == name else machine

    seen = look(seen, machines=tuple(begun(m) for m in seen.record.machines))
    status = judge(wanted, seen, WANTED, (), CREATED, now=NOW)
    said = status.condition(CONTROL_PLANE)
    assert said is not None
    assert (said.reason, said.responsible) == ("RolloutStopped", "user")
    assert "c1.large" in said.message
    assert f"{name}: the image is not one; nothing more of the control plane is replaced" in said.message
    assert not any(isinstance(step, ReleaseMachine) for step in plan(wanted, seen, WANTED, now=NOW))
