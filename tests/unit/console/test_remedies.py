"""Buttons beside remedies: of reasons that there are, to pages that there are."""

import re

import pytest

from navarch.console import codes
from navarch.console.app import PAGES
from navarch.console.remedies import WAYS, way

CLUSTER = {"id": "c1", "deletion_requested_at": None}
ROUTES = {route.path for page in PAGES for route in page.router.routes}


@pytest.mark.parametrize("reason", WAYS)
def test_a_button_is_of_a_reason_that_there_is_and_leads_to_a_page_that_there_is(reason: str) -> None:
    assert reason in {*codes.REASONS, "Paused"}
    found = way(reason, CLUSTER)
    assert found is not None
    path = found[1].partition("#")[0]
    known = [re.sub(r"{[^}]+}", "[^/]+", route) for route in ROUTES]
    assert any(re.fullmatch(pattern, path) for pattern in known), path


def test_what_navarch_cannot_do_has_no_button() -> None:
    assert way("CloudNotAnswering", CLUSTER) is None


def test_of_a_cluster_that_goes_nothing_is_offered() -> None:
    assert way("QuotaExceeded", CLUSTER | {"deletion_requested_at": "2026-11-30T00:00:00Z"}) is None
