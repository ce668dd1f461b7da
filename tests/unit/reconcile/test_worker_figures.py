"""What a worker counts, and in which words."""

import pytest
from structlog.contextvars import bound_contextvars, get_contextvars

from navarch.domain.errors import Conflict, Permanent, Responsible, Temporary
from navarch.domain.openstack.resources import Kind
from navarch.domain.openstack.steps import EnsureNetwork, Remove
from navarch.domain.outcomes import Again, Done, Failed, Outcome, Result
from navarch.domain.steps import Step
from navarch.reconcile.metrics import WorkerMetrics
from navarch.reconcile.runtime import Threads
from navarch.store.contract import LeaseLost, Unavailable


def value(metrics: WorkerMetrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


def test_a_cycle_counts_as_a_claim_and_is_timed() -> None:
    metrics = WorkerMetrics()
    with metrics.cycle():
        assert value(metrics, "navarch_cycles_running") == 1
    assert value(metrics, "navarch_cycles_running") == 0
    assert value(metrics, "navarch_claims_total") == 1
    assert value(metrics, "navarch_cycle_seconds_count", result="done") == 1


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
    metrics = WorkerMetrics()
    with pytest.raises(type(error)), metrics.cycle():
        raise error
    assert value(metrics, "navarch_cycle_seconds_count", result=word) == 1
    assert value(metrics, "navarch_cycle_seconds_count", result="done") == 0


def test_a_lease_that_could_not_be_lengthened_is_counted_with_its_reason() -> None:
    metrics = WorkerMetrics()
    with metrics.renewal():
        pass
    with pytest.raises(LeaseLost), metrics.renewal():
        raise LeaseLost("another has it")
    assert value(metrics, "navarch_lease_renewals_total", result="done") == 1
    assert value(metrics, "navarch_lease_renewals_total", result="lease-lost") == 1


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
    metrics = WorkerMetrics()
    metrics.step(Result(step, outcome, 0.3))
    assert value(metrics, "navarch_step_seconds_sum", step=labels[0], result=labels[1]) == 0.3


def test_a_request_without_an_answer_has_the_status_none() -> None:
    metrics = WorkerMetrics()
    metrics.cloud_request("Nova", "POST", 0, 30.0)
    metrics.cloud_request("Nova", "POST", 202, 0.2)
    for status in ("none", "202"):
        labels = {"service": "Nova", "method": "POST", "status": status}
        assert value(metrics, "navarch_cloud_request_seconds_count", **labels) == 1


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (Temporary("no answer"), "no-answer"),
        (Permanent("no", reason="Refused", responsible=Responsible.USER, remedy=""), "refused"),
        (KeyError("a fault of ours"), "failed"),
    ],
)
def test_calls_to_a_cluster_are_counted_by_how_they_ended(error: Exception, word: str) -> None:
    metrics = WorkerMetrics()
    with pytest.raises(type(error)), metrics.kubernetes_call("observe"):
        raise error
    assert value(metrics, "navarch_kubernetes_call_seconds_count", call="observe", result=word) == 1


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
