"""What a worker counts, and in which words."""

import pytest
from structlog.contextvars import bound_contextvars, get_contextvars

from navarch.domain.errors import Blame, Conflict, Permanent, Temporary
from navarch.domain.observed import Kind
from navarch.domain.steps import Again, Done, EnsureNetwork, Failed, Outcome, Remove, Result, Step
from navarch.reconcile.figures import WorkerFigures
from navarch.reconcile.runtime import Threads
from navarch.store.contract import LeaseLost, Unavailable


def value(figures: WorkerFigures, name: str, **labels: str) -> float:
    return figures.registry.get_sample_value(name, labels) or 0.0


def test_a_cycle_counts_as_a_claim_and_is_timed() -> None:
    figures = WorkerFigures()
    with figures.cycle():
        assert value(figures, "navarch_cycles_running") == 1
    assert value(figures, "navarch_cycles_running") == 0
    assert value(figures, "navarch_claims_total") == 1
    assert value(figures, "navarch_cycle_seconds_count", result="done") == 1


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (LeaseLost("w2"), "lease-lost"),
        (Unavailable(), "database-away"),
        (Conflict("another transaction was faster"), "conflict"),
        (KeyError("a fault of ours"), "failed"),
    ],
)
def test_a_cycle_that_ends_badly_is_told_apart_and_its_error_goes_on(error: Exception, word: str) -> None:
    figures = WorkerFigures()
    with pytest.raises(type(error)), figures.cycle():
        raise error
    assert value(figures, "navarch_cycle_seconds_count", result=word) == 1
    assert value(figures, "navarch_cycle_seconds_count", result="done") == 0


def test_a_lease_that_could_not_be_lengthened_is_counted_with_its_reason() -> None:
    figures = WorkerFigures()
    with figures.renewal():
        pass
    with pytest.raises(LeaseLost), figures.renewal():
        raise LeaseLost("another has it")
    assert value(figures, "navarch_lease_renewals_total", result="done") == 1
    assert value(figures, "navarch_lease_renewals_total", result="lease-lost") == 1


@pytest.mark.parametrize(
    ("step", "outcome", "labels"),
    [
        (EnsureNetwork("n"), Done(), ("EnsureNetwork", "done")),
        (EnsureNetwork("n"), Again(1.0, "Busy", "m"), ("EnsureNetwork", "again")),
        (EnsureNetwork("n"), Failed("Quota", "m", "user", "do"), ("EnsureNetwork", "failed")),
        (Remove(Kind.LOAD_BALANCER, "1", "lb"), Done(), ("RemoveLoadBalancer", "done")),
        (Remove(Kind.IDENTITY, "1", "u"), Done(), ("RemoveKeystoneUser", "done")),
    ],
)
def test_a_step_is_counted_by_kind_and_outcome_never_by_name(
    step: Step, outcome: Outcome, labels: tuple[str, str]
) -> None:
    figures = WorkerFigures()
    figures.step(Result(step, outcome, 0.3))
    assert value(figures, "navarch_step_seconds_sum", step=labels[0], result=labels[1]) == 0.3


def test_a_request_without_an_answer_has_the_status_none() -> None:
    figures = WorkerFigures()
    figures.cloud_request("Nova", "POST", 0, 30.0)
    figures.cloud_request("Nova", "POST", 202, 0.2)
    for status in ("none", "202"):
        labels = {"service": "Nova", "method": "POST", "status": status}
        assert value(figures, "navarch_cloud_request_seconds_count", **labels) == 1


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (Temporary("no answer"), "no-answer"),
        (Permanent("no", reason="Refused", blame=Blame.USER, remedy=""), "refused"),
        (KeyError("a fault of ours"), "failed"),
    ],
)
def test_calls_to_a_cluster_are_counted_by_how_they_ended(error: Exception, word: str) -> None:
    figures = WorkerFigures()
    with pytest.raises(type(error)), figures.kubernetes_call("observe"):
        raise error
    assert value(figures, "navarch_kubernetes_call_seconds_count", call="observe", result=word) == 1


def test_what_the_log_says_of_a_cycle_it_says_of_the_calls_made_for_it() -> None:
    calls = Threads().calls(1, "step")
    try:
        with bound_contextvars(request_id="req-1"):
            first = calls.submit(get_contextvars)
        second = calls.submit(get_contextvars)
        assert first.result()["request_id"] == "req-1"
        assert "request_id" not in second.result()
    finally:
        calls.close()
