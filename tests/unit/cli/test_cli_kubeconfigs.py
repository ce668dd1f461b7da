"""`navarch kubeconfig`."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.cli.cli_service import Answer, Ran, Service

Run = Callable[..., Ran]
Make = Callable[..., dict[str, Any]]
ID = "0d5a2f0e-0000-4000-8000-000000000001"


def issued(its: str, state: str = "active", user: str = "ann") -> dict[str, Any]:
    return {
        "id": its,
        "user_id": f"{user}-id",
        "user_name": user,
        "groups": ["navarch:admins"],
        "issued_at": "2026-03-01T12:00:00Z",
        "expires_at": "2026-03-01T20:00:00Z",
        "state": state,
        "revoked_at": None,
        "revoked_by": None,
    }


@pytest.fixture
def having(service: Service, cluster: Make) -> Service:
    """A cluster with three of them, of two people."""
    service.on("GET", "/clusters/shop", Answer(200, cluster()))
    there = {"kubeconfigs": [issued("aa"), issued("bb", user="bea"), issued("cc")]}
    for reference in ("shop", ID):
        service.on("GET", f"/clusters/{reference}/kubeconfigs", Answer(200, there))
    for its, user in (("aa", "ann"), ("bb", "bea"), ("cc", "ann")):
        service.on("DELETE", f"/clusters/{ID}/kubeconfigs/{its}", Answer(202, issued(its, "revoking", user)))
    return service


def revoked(service: Service) -> list[str]:
    return [request.path.rpartition("/")[2] for request in service.sent("DELETE")]


def test_they_are_listed_with_who_has_them(navarch: Run, having: Service) -> None:
    ran = navarch("kubeconfig", "list", "-c", "shop")
    assert ran.code == 0
    assert [line.split()[:2] for line in ran.out.splitlines()[1:]] == [["aa", "ann"], ["bb", "bea"], ["cc", "ann"]]


@pytest.mark.parametrize(
    ("words", "gone"),
    [("bb", ["bb"]), ("--user ann", ["aa", "cc"]), ("--user bea-id", ["bb"]), ("--all", ["aa", "bb", "cc"])],
)
def test_which_are_revoked_is_said_by_id_user_or_all(
    navarch: Run, having: Service, words: str, gone: list[str]
) -> None:
    ran = navarch("kubeconfig", "revoke", *words.split(), "-c", "shop", "--no-wait")
    assert (ran.code, revoked(having)) == (0, gone)
    assert "is being revoked" in ran.out


@pytest.mark.parametrize("words", ["", "aa --all", "--user ann --all"])
def test_what_is_not_said_or_said_twice_revokes_nothing(navarch: Run, having: Service, words: str) -> None:
    assert navarch("kubeconfig", "revoke", *words.split(), "-c", "shop").code == 2
    assert revoked(having) == []


def test_a_dry_run_asks_for_one(navarch: Run, having: Service) -> None:
    ran = navarch("kubeconfig", "revoke", "aa", "-c", "shop", "--dry-run")
    assert "would be revoked" in ran.out
    assert [request.query for request in having.sent("DELETE")] == [[("dry_run", "true")]]


def test_it_waits_until_the_cluster_refuses_it(navarch: Run, having: Service) -> None:
    states = ("revoking", "revoking", "revoked")
    answers = [Answer(200, {"kubeconfigs": [issued("aa", state)]}) for state in states]
    having.on("GET", f"/clusters/{ID}/kubeconfigs", *answers)
    ran = navarch("kubeconfig", "revoke", "aa", "-c", "shop")
    assert ran.code == 0
    assert "is revoked: the cluster refuses it" in ran.out


def test_a_cluster_that_does_not_refuse_it_is_told(navarch: Run, having: Service) -> None:
    having.on("GET", f"/clusters/{ID}/kubeconfigs", Answer(200, {"kubeconfigs": [issued("aa", "revoking")]}))
    ran = navarch("kubeconfig", "revoke", "aa", "-c", "shop", "--timeout", "1s")
    assert ran.code == 6
    assert "navarch cluster show" in ran.err
