"""The machines' part of the service has a listener of its own."""

from typing import Any, cast

import pytest
from starlette.testclient import TestClient

from navarch.api.app import create_app, machines_app
from navarch.api.settings import ApiSettings

NOTHING = cast(Any, None)
PEOPLE = create_app(NOTHING, NOTHING, NOTHING, NOTHING, ApiSettings(), NOTHING, machines_too=False)


@pytest.mark.parametrize("path", ["/bootstrap/v1/join", "/bootstrap/v1/reports"])
def test_machines_do_not_join_where_people_ask(path: str) -> None:
    assert TestClient(PEOPLE).post(path).status_code == 404
    assert TestClient(machines_app(PEOPLE)).post(path, content="{").status_code in (400, 401)


def test_machines_reach_nothing_of_the_customers_api() -> None:
    machines = TestClient(machines_app(PEOPLE))
    assert [path for path in PEOPLE.openapi()["paths"] if path.startswith("/kaas/")]
    for path in PEOPLE.openapi()["paths"]:
        assert not path.startswith("/kaas/") or machines.get(path).status_code == 404, path


def test_both_are_counted_by_the_same_figures() -> None:
    machines = machines_app(PEOPLE)
    assert machines.state.metrics is PEOPLE.state.metrics
    assert machines.state.service is PEOPLE.state.service
