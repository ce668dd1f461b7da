"""`navarch cluster renew-credentials`."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.cli.cli_service import Answer, Ran, Service

Run = Callable[..., Ran]
Make = Callable[..., dict[str, Any]]
ID = "0d5a2f0e-0000-4000-8000-000000000001"
PATH = f"/clusters/{ID}/credentials"
RENEWING = {"state": "renewing", "requested_at": "2026-03-01T12:00:00Z", "renewed_at": None}
RENEWED = {"state": "current", "requested_at": None, "renewed_at": "2026-03-01T12:00:05Z"}


@pytest.fixture
def having(service: Service, cluster: Make) -> Service:
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    service.on("POST", PATH, Answer(202, RENEWING))
    return service


def test_it_waits_until_they_are_replaced(navarch: Run, having: Service) -> None:
    having.on("GET", PATH, Answer(200, RENEWING), Answer(200, RENEWED))
    ran = navarch("cluster", "renew-credentials", "shop")
    assert (ran.code, "were replaced" in ran.out) == (0, True)


def test_a_dry_run_asks_for_one(navarch: Run, having: Service) -> None:
    ran = navarch("cluster", "renew-credentials", "shop", "--dry-run")
    assert (ran.code, "would be replaced" in ran.out) == (0, True)
    assert [request.query for request in having.sent("POST")] == [[("dry_run", "true")]]


def test_what_is_not_replaced_in_time_is_told(navarch: Run, having: Service) -> None:
    having.on("GET", PATH, Answer(200, RENEWING))
    ran = navarch("cluster", "renew-credentials", "shop", "--timeout", "1s")
    assert (ran.code, "navarch cluster show" in ran.err) == (6, True)
