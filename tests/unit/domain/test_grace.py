"""What does not answer for a moment changes nothing of what is told; what does answer, and what goes on, does."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.domain.clusters import NOW, WANTED, cluster
from tests.unit.domain.clusters import unread as without
from tests.unit.domain.test_plan import grown
from tests.unit.domain.test_silence import with_node, workers

from navarch.domain.cloud import Trouble
from navarch.domain.conditions import CONTROL_PLANE, DEADLINES, INFRASTRUCTURE, READY, WORKERS, judge
from navarch.domain.errors import Responsible
from navarch.domain.observed import Observed, Wanted
from navarch.domain.openstack.resources import RESOURCES, Kind, Network, Server
from navarch.domain.plan import plan
from navarch.domain.providers import infrastructure
from navarch.domain.silence import GRACE
from navarch.domain.spec import Cluster
from navarch.domain.status import Phase, Status
from navarch.domain.steps import Step

CLUSTER = cluster()
A_MOMENT = timedelta(seconds=1)


def status_of(there: Observed, before: Status = Status(), after: timedelta = timedelta(), wanted: Cluster = CLUSTER):  # type: ignore[no-untyped-def]
    return judge(wanted, there, WANTED, (), before, now=NOW + after)


READY_ONE = status_of(grown(CLUSTER))


def unread(there: Observed, kind: Kind) -> Observed:
    """The same where a kind could not be read, for now."""
    trouble = (*there.cloud.trouble, Trouble("CloudNotAnswering", f"Cannot look up {kind}s: 503", kind.value))
    return replace(without(there, kind), cloud=replace(without(there, kind).cloud, trouble=trouble))


def kube_silent(there: Observed) -> Observed:
    return replace(there, kube=None, kube_trouble="timed out")


def all_silent(there: Observed) -> Observed:
    for type_ in RESOURCES:
        there = unread(there, Kind(type_.kind))
    return kube_silent(there)


SILENCES = {
    **{kind.value: (lambda there, kind=kind: unread(there, kind)) for kind in Kind},  # type: ignore[misc]
    "kubernetes": kube_silent,
    "all": all_silent,
}


@pytest.mark.parametrize("silent", SILENCES.values(), ids=list(SILENCES))
def test_a_silence_shorter_than_its_grace_changes_nothing_and_a_longer_one_is_told(silent) -> None:  # type: ignore[no-untyped-def]
    assert READY_ONE.phase is Phase.READY
    there, told = silent(grown(CLUSTER)), READY_ONE
    for after in (timedelta(), GRACE / 2, GRACE - A_MOMENT):
        told = status_of(there, told, after)
        assert told == replace(READY_ONE, silent_since=NOW)
    told = status_of(there, told, GRACE)
    assert told.phase is Phase.DEGRADED
    assert status_of(grown(CLUSTER), told, GRACE + A_MOMENT).phase is Phase.READY
    assert status_of(grown(CLUSTER), told, GRACE + A_MOMENT).silent_since is None


@pytest.mark.parametrize("silent", SILENCES.values(), ids=list(SILENCES))
def test_a_silence_does_not_make_a_cluster_well_either(silent) -> None:  # type: ignore[no-untyped-def]
    ill = with_node(grown(CLUSTER), workers(grown(CLUSTER))[0], ready=False, since=NOW)
    degraded = status_of(ill, READY_ONE)
    told = status_of(silent(ill), degraded, GRACE - A_MOMENT)
    assert (told.phase, told.condition(WORKERS)) == (Phase.DEGRADED, degraded.condition(WORKERS))
    assert told.machines == degraded.machines


def test_silences_in_turn_are_one_only_where_nothing_answered_between_them() -> None:
    there, told = grown(CLUSTER), READY_ONE
    for minute in range(10):
        told = status_of(unread(there, Kind.SERVER), told, timedelta(minutes=minute))
        assert told.phase is Phase.READY
        told = status_of(there, told, timedelta(minutes=minute, seconds=1))


def test_what_does_answer_is_told_at_once() -> None:
    there = unread(grown(CLUSTER), Kind.VOLUME)
    ill = with_node(there, workers(there)[0], ready=False, since=NOW)
    told = status_of(ill, READY_ONE)
    assert told.phase is Phase.DEGRADED
    assert [c.type for c in told.conditions if c.status != "True"] == [READY, WORKERS]


def test_a_refusal_is_no_silence() -> None:
    there = unread(grown(CLUSTER), Kind.SERVER)
    refused = Trouble("CredentialsRefused", "no", Kind.SERVER, Responsible.CLOUD_OPERATOR, "give it the role")
    told = status_of(replace(there, cloud=replace(there.cloud, trouble=(refused,))), READY_ONE)
    assert told.phase is Phase.BLOCKED and told.silent_since is None


def test_a_new_wish_does_not_come_true_by_silence() -> None:
    changed = replace(CLUSTER, generation=CLUSTER.generation + 1)
    told = status_of(kube_silent(grown(CLUSTER)), READY_ONE, wanted=changed)
    assert told.observed_generation == CLUSTER.generation and told.phase is Phase.PROGRESSING


def test_of_a_service_that_stays_away_the_clouds_operator_is_told() -> None:
    there, told = unread(grown(CLUSTER), Kind.VOLUME), READY_ONE
    for after in (timedelta(), GRACE):
        told = status_of(there, told, after)
    assert told.condition(INFRASTRUCTURE).responsible is None
    told = status_of(there, told, GRACE + DEADLINES[INFRASTRUCTURE] + A_MOMENT)
    condition = told.condition(INFRASTRUCTURE)
    assert condition is not None and told.phase is Phase.BLOCKED
    assert condition.responsible == Responsible.CLOUD_OPERATOR and condition.reason == "CloudNotAnswering"
    assert told.condition(CONTROL_PLANE).status == "True"


def test_a_cluster_that_is_being_made_says_what_does_not_answer() -> None:
    told = status_of(unread(grown(CLUSTER), Kind.NETWORK), Status())
    condition = told.condition(INFRASTRUCTURE)
    assert condition is not None and condition.reason == "CloudNotAnswering", "and not that the network is being made"


def test_a_clock_that_was_ahead_lengthens_no_grace() -> None:
    ahead = replace(READY_ONE, silent_since=NOW + timedelta(minutes=5))
    told = status_of(kube_silent(grown(CLUSTER)), ahead)
    assert told.silent_since == NOW


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)
def test_what_was_only_seen_earlier_is_no_reason_to_make_or_remove_anything(kind: Kind) -> None:
    """Whatever a kind's silence hides: not one step is about an object of that kind, but those that all may be done."""
    whole = grown(CLUSTER)

    def steps(there: Observed) -> set[Step]:
        return set(plan(CLUSTER, there, WANTED, now=NOW))

    assert steps(unread(whole, kind)) <= steps(whole)
    lacking = replace(whole, cloud=replace(whole.cloud, seen={**whole.cloud.seen, kind: ()}))
    assert not [s for s in steps(unread(lacking, kind)) if s.makes is kind and s.makes in (Network.kind, Server.kind)]


def test_the_add_ons_of_a_cluster_of_which_little_was_read_are_not_called_missing() -> None:
    there = unread(grown(CLUSTER), Kind.NETWORK)
    told = judge(CLUSTER, there, Wanted(), (), READY_ONE, now=NOW)
    assert told.phase is Phase.READY


def test_a_balancer_that_could_not_be_read_may_send_to_any_machine() -> None:
    there = grown(CLUSTER)
    first = there.record.machines[0]
    silent, gone = unread(there, Kind.LOAD_BALANCER), {**there.cloud.seen, Kind.LOAD_BALANCER: ()}
    assert infrastructure(CLUSTER, silent, NOW).machine(first).serves
    lost = replace(there, cloud=replace(there.cloud, seen=gone))
    assert not infrastructure(CLUSTER, lost, NOW).machine(first).serves
