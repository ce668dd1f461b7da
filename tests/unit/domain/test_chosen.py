"""Add-ons that a cluster chose: when something is done about them, and what is said of them."""

from dataclasses import replace
from datetime import timedelta

from tests.unit.domain.clusters import NOW

from navarch.domain.catalogue import ChosenSeen
from navarch.domain.chosen import LATE_AFTER, Chosen, ChosenPhase, ChosenStatus, TrialRun, judge
from navarch.domain.condition import Condition
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
    first = judge(WISH, None, MARK, None, "", NOW, held=True)
    later = judge(replace(WISH, status=first), None, MARK, None, "", NOW + 9 * LATE_AFTER, held=True)
    assert (later.phase, later.conditions[0].reason) == (ChosenPhase.WAITING, "WaitingForCluster")


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
