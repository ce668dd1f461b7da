"""Add-ons that a cluster chose: when something is done about them, and what is said of them."""

from dataclasses import replace
from datetime import timedelta

from tests.unit.domain.clusters import NOW

from navarch.domain.catalogue import ChosenSeen
from navarch.domain.chosen import LATE_AFTER, Chosen, ChosenPhase, ChosenStatus, Hold, TrialRun, judge
from navarch.domain.condition import Condition
from navarch.domain.disputes import FOUGHT, MOST, REMEMBERED, Dispute, remembered
from navarch.domain.terms import Complaint

WISH = Chosen("shop", "store", "1.0.0", "shop", "d" * 64)
MARK = WISH.mark("1.37.2")
APPLIED = replace(WISH, status=ChosenStatus(applied=MARK, applied_version="1.0.0"))
SEEN = ChosenSeen("shop")


def test_the_mark_changes_with_wish_chart_and_kubernetes() -> None:
    others = (replace(WISH, generation=2), replace(WISH, digest="e" * 64))
    assert len({MARK, WISH.mark("1.38.0"), *(o.mark("1.37.2") for o in others)}) == 4


def test_one_that_has_all_it_wants_is_ready() -> None:
    status = judge(APPLIED, SEEN, MARK, None, "", NOW)
    assert status.phase is ChosenPhase.READY
    assert [(c.type, c.status) for c in status.conditions] == [("Applied", "True"), ("Healthy", "True")]


def test_the_phase_says_what_it_is_on_the_way_to() -> None:
    assert judge(WISH, None, MARK, None, "", NOW).phase is ChosenPhase.INSTALLING
    assert judge(APPLIED, SEEN, WISH.mark("1.38.0"), None, "", NOW).phase is ChosenPhase.UPGRADING
    assert judge(APPLIED, ChosenSeen("shop", waiting=("web",)), MARK, None, "", NOW).phase is ChosenPhase.DEGRADED
    assert judge(APPLIED, ChosenSeen("shop", lost=("web",)), MARK, None, "", NOW).phase is ChosenPhase.DEGRADED
    assert judge(APPLIED, None, MARK, None, "", NOW).phase is ChosenPhase.WAITING
    leaving = replace(APPLIED, deletion_requested_at=NOW)
    assert judge(leaving, SEEN, MARK, None, "", NOW).phase is ChosenPhase.REMOVING


def test_a_failure_names_who_must_act() -> None:
    trouble = Condition("Applied", "False", "ObjectsInTheWay", "a is there", "user", "remove it")
    status = judge(WISH, None, MARK, trouble, "", NOW)
    assert status.phase is ChosenPhase.BLOCKED
    assert (status.conditions[0].responsible, status.conditions[0].observed_generation) == ("user", 1)


def test_one_that_complains_is_degraded_and_says_at_once_who_must_act() -> None:
    complaint = Complaint("NamesNotWritten", "Service shop/web: refused", "user", "Give it the right key.")
    status = judge(APPLIED, replace(SEEN, complaint=complaint), MARK, None, "", NOW)
    assert status.phase is ChosenPhase.DEGRADED
    healthy = status.conditions[1]
    assert (healthy.reason, healthy.responsible, healthy.remedy) == ("NamesNotWritten", "user", complaint.remedy)
    late = judge(
        replace(APPLIED, status=status), replace(SEEN, complaint=complaint), MARK, None, "", NOW + 2 * LATE_AFTER
    )
    assert late.phase is ChosenPhase.DEGRADED
    assert judge(replace(APPLIED, status=late), SEEN, MARK, None, "", NOW).phase is ChosenPhase.READY
    both = replace(SEEN, complaint=complaint, waiting=("Deployment shop/web: 0 of 1 replicas available",))
    assert judge(APPLIED, both, MARK, None, "", NOW).conditions[1].reason == "NotHealthy", "which may be why"


def test_what_takes_too_long_is_the_users_to_look_at_and_passes_by_itself() -> None:
    waiting = ChosenSeen("shop", waiting=("Deployment shop/web: 0 of 1 replicas available",))
    first = judge(APPLIED, waiting, MARK, None, "", NOW)
    later = NOW + LATE_AFTER + timedelta(seconds=1)
    late = judge(replace(APPLIED, status=first), waiting, MARK, None, "", later)
    assert (late.phase, late.conditions[1].responsible) == (ChosenPhase.BLOCKED, "user")
    assert late.conditions[1].last_transition_at == NOW
    assert judge(replace(APPLIED, status=late), SEEN, MARK, None, "", later).phase is ChosenPhase.READY


def test_one_whose_cluster_is_not_ready_waits_and_is_nobodys_fault() -> None:
    upgraded = WISH.mark("1.38.0")
    for wish, mark, hold in (
        (WISH, MARK, Hold("the cluster is paused")),
        (APPLIED, upgraded, Hold("an upgrade of the cluster waits: a budget is in the way")),
        (replace(APPLIED, deletion_requested_at=NOW), MARK, Hold("the cluster is stopped, or stops", ends_pods=True)),
    ):
        first = judge(wish, SEEN, mark, None, "", NOW, held=hold)
        later = judge(replace(wish, status=first), SEEN, mark, None, "", NOW + 9 * LATE_AFTER, held=hold)
        assert (later.conditions[0].reason, later.conditions[0].message) == ("WaitingForCluster", hold.why)
        assert later.conditions[0].deadline is None
        assert not later.late(NOW + 99 * LATE_AFTER)
        assert later.phase is (ChosenPhase.REMOVING if wish.leaving else ChosenPhase.WAITING)


def test_pods_that_end_with_their_cluster_are_for_nobody_to_look_at() -> None:
    gone = ChosenSeen("shop", waiting=("Deployment shop/web: 0 of 1 replicas available",))

    def late(hold: Hold) -> ChosenStatus:
        first = judge(APPLIED, gone, MARK, None, "", NOW, held=hold)
        return judge(replace(APPLIED, status=first), gone, MARK, None, "", NOW + 9 * LATE_AFTER, held=hold)

    assert late(Hold("it stops", ends_pods=True)).phase is ChosenPhase.WAITING
    blocked = late(Hold("an upgrade waits"))
    assert (blocked.phase, blocked.conditions[1].responsible) == (ChosenPhase.BLOCKED, "user"), "they are to run"


def test_who_sets_a_field_that_is_the_add_ons_is_told_and_told_the_same_until_it_has_passed() -> None:
    field = Dispute("Deployment shop/web", ".spec.replicas", "kubectl-scale")
    told, status = [], APPLIED.status
    for minute in range(FOUGHT + 1):
        now = NOW + timedelta(minutes=minute)
        status = replace(status, disputes=remembered(status.disputes, (field,) if minute < FOUGHT else (), now))
        status = judge(replace(APPLIED, status=status), SEEN, MARK, None, "", now)
        assert status.phase is ChosenPhase.READY
        told.append(status.conditions[-1])
    assert [(c.type, c.status) for c in told] == [("Undisputed", "False")] * len(told)
    assert [c.reason for c in told] == ["FieldsTakenBack"] * (FOUGHT - 1) + ["FieldsFoughtOver"] * 2
    assert (told[0].responsible, told[-1].responsible) == (None, "user")
    assert told[0].message == "taken back: Deployment shop/web .spec.replicas, set by kubectl-scale"
    assert told[-1].message.endswith("set by kubectl-scale, 3 times")
    assert all("ignore" in str(c.remedy) for c in told)
    assert told[-1].last_transition_at == NOW + timedelta(minutes=FOUGHT - 1)
    later = judge(replace(APPLIED, status=status), SEEN, MARK, None, "", NOW + REMEMBERED + timedelta(hours=1))
    assert [c.type for c in later.conditions] == ["Applied", "Healthy"]


def test_so_many_disputed_fields_are_remembered_and_a_few_told() -> None:
    many = [Dispute("ConfigMap shop/a", f".data.k{n:02}", "kubectl-edit") for n in range(3 * MOST)]
    kept = remembered((), many, NOW)
    assert len(kept) == MOST
    status = judge(replace(APPLIED, status=replace(APPLIED.status, disputes=kept)), SEEN, MARK, None, "", NOW)
    assert status.conditions[-1].message.endswith(f"and {MOST - 5} more")
    newer = remembered(kept, [many[-1]], NOW + timedelta(minutes=1))
    assert newer[0].field == many[-1].field
    assert newer[0].at == NOW + timedelta(minutes=1)


def test_what_is_on_its_way_for_long_is_late() -> None:
    leaving = replace(APPLIED, deletion_requested_at=NOW)
    for status in (judge(leaving, SEEN, MARK, None, "", NOW), judge(APPLIED, None, MARK, None, "", NOW)):
        assert not status.late(NOW + LATE_AFTER - timedelta(seconds=1))
        assert status.late(NOW + LATE_AFTER)
    assert not judge(APPLIED, SEEN, MARK, None, "", NOW).late(NOW + 9 * LATE_AFTER)


def test_a_cluster_that_does_not_answer_is_nobodys_fault() -> None:
    first = judge(APPLIED, None, MARK, None, "", NOW)
    later = judge(replace(APPLIED, status=first), None, MARK, None, "", NOW + 9 * LATE_AFTER)
    assert later.phase is ChosenPhase.WAITING


def test_tests_are_told_and_change_nothing_about_the_phase() -> None:
    def told(run: TrialRun | None, *, asked: bool = True) -> tuple[str, str, str, str]:
        status = replace(APPLIED.status, tests=("Job speaks",), test=run)
        wish = replace(APPLIED, status=status, test_requested_at=NOW if asked else None)
        judged = judge(wish, SEEN, MARK, None, "", NOW + 9 * LATE_AFTER)
        assert judged.phase is ChosenPhase.READY
        assert judged.conditions[-1].responsible is None
        return (*(str(getattr(judged.conditions[-1], field)) for field in ("type", "status", "reason", "message")),)  # type: ignore[return-value]

    assert told(None) == ("Tested", "Unknown", "Testing", "they run once the add-on is applied")
    assert told(TrialRun(NOW, None, "hook speaks: not complete"))[2:] == ("Testing", "hook speaks: not complete")
    assert told(TrialRun(NOW, True)) == ("Tested", "True", "TestsPassed", "all of Job speaks")
    assert told(TrialRun(NOW, False, "hook speaks failed")) == ("Tested", "False", "TestsFailed", "hook speaks failed")
    assert told(TrialRun(NOW - LATE_AFTER, False, "of before"))[2] == "Testing", "asked once more"
    assert told(None, asked=False)[0] == "Healthy"
