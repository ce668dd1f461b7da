"""What Navarch does without being asked: when, for whom, what stands in its way, and what waits for a window."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.unit.domain.clusters import ADDONS, NOW, OFFER, WANTED, cluster
from tests.unit.domain.test_obstacles import made, without_place
from tests.unit.domain.test_plan import grown
from tests.unit.domain.test_rollout import NEXT, with_group, with_places, with_spec
from tests.unit.domain.test_upgrades import LATER, NOW_THERE, PATCH, release

from navarch.domain.calendar import MaintenanceWindow
from navarch.domain.conditions import UP_TO_DATE, judge, with_upkeep
from navarch.domain.drafts import said_release, said_to_follow
from navarch.domain.kube import ClusterObstacle
from navarch.domain.machines import Departure
from navarch.domain.observed import Observed
from navarch.domain.obstacles import Survey
from navarch.domain.offer import Allowance, Offer, Quota, Release
from navarch.domain.openstack.steps import StopServer
from navarch.domain.plan import plan
from navarch.domain.rehearsal import imagine, rehearse, time_passes
from navarch.domain.spec import Cluster, Role
from navarch.domain.status import Condition, Phase, Status
from navarch.domain.steps import RecordMachine, ReleaseMachine
from navarch.domain.upgrades import Circumstances
from navarch.domain.upkeep import Upkeep, newer_release, short_of, upkeep

SHOP = with_spec(cluster(control_plane=3, workers=3), automatic_upgrades=True)
MANY = replace(OFFER, releases=(LATER, NEXT, PATCH, NOW_THERE, release("1.37.1"), release("1.36.3")))
NIGHT = MaintenanceWindow("02:00", 4)  # NOW is at noon: it is shut
AT_NIGHT = NOW.replace(hour=3) + timedelta(days=1)
THERE = grown(SHOP)
SPREAD = timedelta(minutes=30)


def judged(of: Cluster = SHOP, there: Observed = THERE, now: datetime = NOW, **changes: Any) -> Status:
    status = judge(of, there, WANTED, (), Status(), now=now)
    return replace(status, **({"survey": Survey(NOW)} | changes))


def kept(
    of: Cluster = SHOP,
    now: datetime = NOW,
    status: Status | None = None,
    offer: Offer = MANY,
    there: Observed = THERE,
    since: datetime | None = NOW - timedelta(hours=1),
    spread: timedelta = SPREAD,
) -> Upkeep:
    known = Condition(UP_TO_DATE, "False", "UpgradeWaits", "", last_transition_at=since) if since is not None else None
    seen = Circumstances(status or judged(of, there, now), there.record.live)
    found = upkeep(of, seen, known, offer, now, spread=spread)
    assert found is not None
    return found


def told(found: Upkeep) -> tuple[str, str, str | None]:
    assert found.finding is not None
    return found.finding.reason, found.finding.message, found.finding.responsible


def chosen(of: Cluster, **changes: Any) -> Cluster:
    """The cluster once Navarch gave it the patch by itself."""
    at = NOW - timedelta(hours=8)
    return with_spec(of, kubernetes_version="1.37.4", release=PATCH, automatic_since=at, **changes)


def test_who_did_not_ask_for_it_gets_none() -> None:
    seen = Circumstances(judged(), THERE.record.live)
    assert upkeep(with_spec(SHOP, automatic_upgrades=False), seen, None, MANY, NOW, spread=SPREAD) is None
    deleting = replace(SHOP, deletion_requested_at=NOW)
    assert upkeep(deleting, seen, None, MANY, NOW, spread=SPREAD) is None


def test_the_newest_patch_of_the_minor_version_is_begun_and_no_later_minor() -> None:
    assert kept().begin == PATCH
    assert kept(offer=OFFER) == Upkeep()


def built(at: str, image: str = "image-new") -> Release:
    return replace(NOW_THERE, image_id=image, image_name=image, built_at=at)


@pytest.mark.parametrize(
    ("has", "offered", "newer"),
    [
        (built("2026-11-01", "image-old"), built("2026-11-20"), True),
        (built("", "image-old"), built("2026-11-20"), True),
        (built("2026-11-20", "image-old"), built("2026-11-01"), False),
        (built("2026-11-20", "image-old"), built(""), False),
    ],
)
def test_so_is_an_image_of_the_same_version_that_was_built_later(has: Release, offered: Release, newer: bool) -> None:
    offer = replace(OFFER, releases=(offered,))
    assert newer_release(with_spec(SHOP, release=has), offer) == (offered if newer else None)


def test_it_waits_for_the_window_and_for_the_clusters_turn_in_it() -> None:
    windowed = with_spec(SHOP, maintenance=NIGHT)
    waits = kept(windowed)
    assert (waits.begin, told(waits)[0], told(waits)[2]) == (None, "WaitsForWindow", None)
    assert waits.at is not None
    opens = NOW.replace(hour=2) + timedelta(days=1)
    assert opens <= waits.at < opens + SPREAD
    assert f"{waits.at:%Y-%m-%d %H:%M} UTC" in told(waits)[1]
    assert kept(windowed, now=waits.at - timedelta(seconds=1)).begin is None
    assert kept(windowed, now=waits.at).begin == PATCH
    assert kept(windowed, now=opens + timedelta(hours=4)).begin is None


def test_a_thousand_clusters_begin_at_a_thousand_times_all_in_the_first_half_of_the_window() -> None:
    hour, status = MaintenanceWindow("02:00", 1), judged()
    starts = []
    for number in range(1000):
        one = replace(with_spec(SHOP, maintenance=hour), id=f"cluster-{number}")
        starts.append(kept(one, status=status, spread=timedelta(hours=3)).at)
    opens = NOW.replace(hour=2) + timedelta(days=1)
    minutes = [int((at - opens).total_seconds() // 60) for at in starts if at is not None]
    assert len(minutes) == 1000 and set(minutes) == set(range(30))
    assert max(minutes.count(minute) for minute in range(30)) < 70


def test_without_a_window_the_turn_is_counted_from_when_the_release_was_first_seen() -> None:
    first = kept(since=None)
    assert first.begin is None and first.at is not None and NOW < first.at < NOW + SPREAD
    assert kept(since=NOW, now=first.at).begin == PATCH
    assert kept(since=None, spread=timedelta()).begin == PATCH


SILENT = Condition("Ready", "False", "NodesNotReady", "not Ready: web-1")
ILL = replace(SILENT, reason="RepairHeld", responsible="user", remedy="find out why")
HOOK = ClusterObstacle("webhook deny", "nodes", "WebhookDenies", "denies nodes", "take it away", blocks=True)


@pytest.mark.parametrize(
    ("changes", "status", "reason", "responsible"),
    [
        ({"image_named": True}, {}, "ImageNamed", "user"),
        ({"rollout_paused": True}, {}, "RolloutPaused", "user"),
        ({"paused": True}, {}, "Paused", "user"),
        ({"running": False}, {}, "Stopped", "user"),
        ({}, {"phase": Phase.BLOCKED, "conditions": (ILL,)}, "NotReady", "user"),
        ({}, {"phase": Phase.DEGRADED, "conditions": (SILENT,)}, "UpgradeWaits", None),
        ({}, {"survey": None}, "UpgradeWaits", None),
        ({}, {"survey": Survey(NOW, (HOOK,))}, "WebhookDenies", "user"),
    ],
)
def test_what_is_in_the_way_is_told_and_nothing_is_begun(
    changes: dict[str, Any], status: dict[str, Any], reason: str, responsible: str | None
) -> None:
    of = with_spec(SHOP, **changes)
    found = kept(of, status=judged(of, **status))
    assert found.begin is None
    assert (told(found)[0], told(found)[2]) == (reason, responsible)
    assert told(found)[1].startswith("Kubernetes 1.37.4 (navarch-1.37.4) is offered, and waits")
    assert found.finding is not None and (found.finding.responsible is None or found.finding.remedy)


def test_a_quota_without_room_for_the_surge_is_in_the_way() -> None:
    seen = Circumstances(judged(), THERE.record.live)
    full, wide = Quota((Allowance("instances", 6, 6),)), Quota((Allowance("instances", 10, 6),))
    short = short_of(SHOP, PATCH, MANY, full, seen)
    assert short is not None and (short.reason, short.responsible) == ("QuotaExceeded", "project-admin")
    assert short_of(SHOP, PATCH, MANY, wide, seen) is None


def test_a_cluster_that_waits_is_ready_and_says_so_beside_it() -> None:
    windowed = with_spec(SHOP, maintenance=NIGHT)
    status = judged(windowed)
    shown = with_upkeep(status, kept(windowed), windowed, Status(), NOW)
    condition = shown.condition(UP_TO_DATE)
    assert shown.phase is Phase.READY and condition is not None
    assert (condition.status, condition.reason, condition.deadline) == ("False", "WaitsForWindow", None)
    assert shown.maintenance is not None and shown.maintenance.start == NOW.replace(hour=2) + timedelta(days=1)


# -- a rollout that Navarch began, and the window


def rolled(wanted: Cluster, there: Observed, now: datetime, most: int = 10_000) -> Observed:
    """So many steps of it, each when what came before has arrived."""
    for _ in range(most):
        there = time_passes(wanted, there, now, there.kube)
        steps = plan(wanted, there, WANTED, now=now)
        if not steps:
            break
        there = imagine(there, steps[0], now)
    return there


def versions(there: Observed, role: Role) -> list[str]:
    return sorted(m.version for m in there.record.live if m.role is role)


def test_what_was_not_begun_when_the_window_closed_stays_as_it_is() -> None:
    waits = chosen(SHOP, maintenance=NIGHT)
    assert plan(waits, THERE, WANTED, now=NOW) == ()
    found = kept(waits)
    assert told(found)[0] == "WaitsForWindow" and "navarch cluster upgrade shop --to 1.37.4" in told(found)[1]
    assert judged(waits).phase is Phase.READY
    end = rolled(waits, THERE, AT_NIGHT)
    assert versions(end, Role.CONTROL_PLANE) == versions(end, Role.WORKER) == ["1.37.4"] * 3


def test_a_control_plane_that_was_begun_is_finished_and_no_worker_is_begun() -> None:
    waits, there = chosen(SHOP, maintenance=NIGHT), THERE
    while versions(there, Role.CONTROL_PLANE).count("1.37.4") < 1:
        there = rolled(waits, there, AT_NIGHT, most=1)
    there = rolled(waits, there, NOW)
    assert versions(there, Role.CONTROL_PLANE) == ["1.37.4"] * 3
    assert versions(there, Role.WORKER) == ["1.37.2"] * 3
    assert judged(waits, there).phase is Phase.READY


def test_a_group_that_was_begun_ends_with_its_replicas_and_goes_on_in_the_next_window() -> None:
    waits, there = chosen(SHOP, maintenance=NIGHT), THERE
    while "1.37.4" not in versions(there, Role.WORKER):
        there = rolled(waits, there, AT_NIGHT, most=1)
    shut = rolled(waits, there, NOW)
    assert versions(shut, Role.WORKER) == ["1.37.2", "1.37.2", "1.37.4"]
    status = judged(waits, shut)
    assert (status.phase, status.machines.ready) == (Phase.READY, 6)
    assert told(kept(waits, there=shut))[1].startswith("2 machines are to be replaced")
    assert versions(rolled(waits, shut, AT_NIGHT), Role.WORKER) == ["1.37.4"] * 3


@pytest.mark.parametrize(
    ("told", "becomes"),
    [
        (None, "1.36.3"),  # nobody said anything since
        (NOW - timedelta(hours=9), "1.36.3"),  # before Navarch chose it
        (NOW, "1.37.4"),
    ],
)
def test_a_group_that_a_person_told_to_follow_does_so_at_once(told: datetime | None, becomes: str) -> None:
    waits, there = chosen(SHOP, maintenance=NIGHT), THERE
    while versions(there, Role.CONTROL_PLANE) != ["1.37.4"] * 3:
        there = rolled(waits, there, AT_NIGHT, most=1)
    old = release("1.36.3")
    there = replace(there, record=replace(there.record, machines=tuple(
        replace(m, template=replace(m.template, release=old)) if m.role is Role.WORKER else m
        for m in there.record.machines
    )))  # fmt: skip
    end = rolled(with_group(waits, follows_since=told), there, NOW)
    assert versions(end, Role.WORKER) == [becomes] * 3


def test_it_becomes_what_the_control_plane_is_where_that_waits() -> None:
    waits, old = chosen(SHOP, maintenance=NIGHT), release("1.36.3")
    there = replace(THERE, record=replace(THERE.record, machines=tuple(
        replace(m, template=replace(m.template, release=old)) if m.role is Role.WORKER else m
        for m in THERE.record.machines
    )))  # fmt: skip
    end = rolled(with_group(waits, follows_since=NOW), there, NOW)
    assert versions(end, Role.WORKER) == versions(end, Role.CONTROL_PLANE) == ["1.37.2"] * 3


def with_workers_of(there: Observed, old: Release) -> Observed:
    machines = tuple(
        replace(m, template=replace(m.template, release=old)) if m.role is Role.WORKER else m
        for m in there.record.machines
    )
    return replace(there, record=replace(there.record, machines=machines))


def test_what_rolls_though_the_window_is_shut_is_not_told_to_wait_for_it() -> None:
    waits, there = chosen(SHOP, maintenance=NIGHT), THERE
    while versions(there, Role.CONTROL_PLANE) != ["1.37.4"] * 3:
        there = rolled(waits, there, AT_NIGHT, most=1)
    there = with_workers_of(there, release("1.36.3"))
    web = waits.node_groups[0]
    following = with_group(waits, follows_since=NOW)
    assert told(kept(following, there=there))[0] == "RollingOut"
    own = with_group(waits, kubernetes_version="1.36.5", release=release("1.36.5"))
    assert told(kept(own, there=there))[0] == "RollingOut"
    assert told(kept(waits, there=there))[0] == "WaitsForWindow"
    bigger = with_group(waits, flavor="m1.medium")
    assert told(kept(bigger, there=there))[0] == "RollingOut"
    both = replace(following, node_groups=(*following.node_groups, replace(web, name="jobs")))
    jobs = tuple(
        replace(m, name=m.name.replace("web", "jobs"), group="jobs") for m in there.record.machines if m.group == "web"
    )
    there = replace(there, record=replace(there.record, machines=(*there.record.machines, *jobs)))
    reason, message, _ = told(kept(both, there=there))
    assert reason == "RollingOut" and message.startswith("3 machines are to be replaced")
    assert "; 3 more when the maintenance window opens at 20" in message


def test_a_control_plane_that_is_finished_is_not_told_to_wait() -> None:
    waits, there = chosen(SHOP, maintenance=NIGHT), THERE
    while versions(there, Role.CONTROL_PLANE).count("1.37.4") < 1:
        there = rolled(waits, there, AT_NIGHT, most=1)
    reason, message, _ = told(kept(waits, there=there))
    assert reason == "RollingOut" and message.endswith("UTC") and "; 3 more when the maintenance window" in message


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"rollout_paused": True}, "RolloutPaused"), ({"running": False}, "Stopped"), ({"paused": True}, "Paused")],
)
def test_a_rollout_that_stands_still_says_why(changes: dict[str, Any], reason: str) -> None:
    found = kept(chosen(SHOP, **changes))
    assert (told(found)[0], told(found)[2]) == (reason, "user")
    assert told(found)[1].startswith("6 machines are to be replaced")


IMAGE = built("2026-11-20")


@pytest.mark.parametrize("changes", [{"replicas": 5}, {"flavor": "m1.medium"}, {"follows_since": NOW}])
def test_an_image_that_waits_reaches_no_worker_before_the_control_plane(changes: dict[str, Any]) -> None:
    waits = with_spec(chosen(SHOP, maintenance=NIGHT), kubernetes_version="1.37.2", release=IMAGE)
    end = rolled(with_group(waits, **changes), with_workers_of(THERE, NOW_THERE), NOW)
    assert {m.template.release.image_id for m in end.record.live} == {NOW_THERE.image_id}
    end = rolled(with_group(waits, **changes), end, AT_NIGHT)
    assert {m.template.release.image_id for m in end.record.live} == {IMAGE.image_id}


@pytest.mark.parametrize(
    ("had", "said", "follows"),
    [("1.36.3", None, True), ("1.36.3", "1.37.2", False), (None, "1.36.3", False), (None, None, False)],
)
def test_who_takes_a_groups_own_version_tells_it_to_follow(had: str | None, said: str | None, follows: bool) -> None:
    group = SHOP.node_groups[0]
    was, draft = (replace(group, spec=replace(group.spec, kubernetes_version=own)) for own in (had, said))
    assert said_to_follow(was, draft, NOW).spec.follows_since == (NOW if follows else None)


def test_what_a_person_asks_for_meanwhile_is_done_at_once() -> None:
    waits = chosen(SHOP, maintenance=NIGHT)
    bigger = with_group(waits, flavor="m1.medium")
    end = rolled(bigger, THERE, NOW)
    workers = [m for m in end.record.live if m.role is Role.WORKER]
    assert {m.template.flavor for m in workers} == {"m1.medium"} and len(workers) == 3
    assert {m.version for m in end.record.live} == {"1.37.2"}, "and no version changed with it"
    assert len(rolled(with_group(waits, replicas=5), THERE, NOW).record.live) == 8
    five = rolled(with_places(waits, flavor="m1.large"), THERE, NOW)
    assert {m.version for m in five.record.live} == {"1.37.2"}


def test_one_that_a_person_wants_another_for_goes_alone_while_the_group_waits() -> None:
    waits, there = chosen(SHOP, maintenance=NIGHT), THERE
    there = rolled(waits, there, AT_NIGHT)
    later = release("1.37.5")
    waits = with_spec(waits, kubernetes_version="1.37.5", release=later)
    there = replace(there, record=replace(there.record, machines=tuple(
        replace(m, template=replace(m.template, release=later)) if m.role is Role.CONTROL_PLANE else m
        for m in there.record.machines
    )))  # fmt: skip
    name = next(m.name for m in there.record.live if m.role is Role.WORKER)
    end = rolled(waits, there.with_machine(name, departure=Departure.PERSON), NOW)
    assert versions(end, Role.WORKER) == ["1.37.4", "1.37.4", "1.37.5"]
    assert name not in {m.name for m in end.record.live}


def test_repair_waits_for_no_window() -> None:
    waits, there = chosen(SHOP, maintenance=NIGHT), THERE
    lost = next(m.name for m in there.record.live if m.role is Role.WORKER)
    assert there.kube is not None
    nodes = tuple(
        replace(n, ready=False, since=NOW - timedelta(hours=1)) if n.name == lost else n for n in there.kube.nodes
    )
    steps = plan(waits, replace(there, kube=replace(there.kube, nodes=nodes)), WANTED, now=NOW)
    assert [s.name for s in steps if isinstance(s, ReleaseMachine)] == [lost]
    made = [s.template.release.kubernetes_version for s in steps if isinstance(s, RecordMachine)]
    assert set(made) <= {"1.37.2"}, "no kubelet is newer than an API server"


def test_a_control_plane_that_is_lost_while_it_waits_is_what_it_was() -> None:
    waits = chosen(cluster(), maintenance=NIGHT)
    there, lost = without_place(grown(cluster()), 0, Departure.REPAIR)
    assert made(there, lost.name, waits) == "1.37.2"
    assert made(there, lost.name, with_spec(waits, maintenance=None)) == "1.37.4"


def test_a_rollout_that_a_person_asked_for_knows_no_window() -> None:
    asked = with_spec(SHOP, kubernetes_version="1.37.4", release=PATCH, maintenance=NIGHT)
    steps = rehearse(asked, now=NOW, addons=ADDONS, observed=THERE)
    assert len([s for s in steps if isinstance(s, RecordMachine)]) == 6
    assert any(isinstance(s, StopServer) for s in steps)


@pytest.mark.parametrize(
    ("said", "under_way", "waits", "named"),
    [
        ({"kubernetes_version": "1.37.4"}, True, False, False),  # in so many words: it goes on now
        ({"kubernetes_version": "1.37.4"}, False, True, False),  # nothing to go on with
        ({"soak_seconds": 5}, True, True, False),
        ({"node_image": "navarch-1.37.4"}, True, False, True),
        ({"node_image": None}, True, True, False),
    ],
)
def test_whose_release_it_is(said: dict[str, Any], under_way: bool, waits: bool, named: bool) -> None:
    was = chosen(SHOP)
    after = said_release(was, was, said, under_way=under_way).spec
    assert (after.automatic_since is not None, after.image_named) == (waits, named)


def test_another_version_brings_its_own_image_which_nobody_named() -> None:
    was = with_spec(SHOP, image_named=True)
    draft = with_spec(was, kubernetes_version="1.37.4")
    assert not said_release(was, draft, {"kubernetes_version": "1.37.4"}, under_way=False).spec.image_named
