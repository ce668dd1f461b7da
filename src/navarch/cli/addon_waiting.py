"""Waiting for add-ons: those of a cluster that is there, and those that a new one begins with."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from navarch.cli.exits import Exit, Failure
from navarch.cli.output import note, span
from navarch.cli.waiting import comes_true

if TYPE_CHECKING:
    from navarch.client.clusters import Navarch

_LOOK_EVERY = 2.0  # seconds


def until_installed(navarch: "Navarch", cluster: str, addon: dict[str, Any], limit: float) -> dict[str, Any]:
    """Until it is as wanted. Raises Failure where somebody has to act first, or where it takes too long."""
    found, told = addon, ""

    def settled() -> bool:
        nonlocal found, told
        found = navarch.addon(cluster, addon["name"])
        status = found["status"]
        current = [c for c in status["conditions"] if c["observed_generation"] >= addon["generation"]]
        current = [c for c in current if c["type"] in ("Applied", "Healthy")]  # what others say holds nothing up
        held = next((c for c in current if c["status"] != "True"), None)
        if held is not None and held["message"] != told:
            told = held["message"]
            note(f"{found['name']}: {told}")
        if held is not None and held.get("responsible"):
            remedy = held.get("remedy") or ""
            raise Failure(f"{found['name']}: {told}\n{held['responsible']} must act: {remedy}", Exit.FAILED)
        return bool(current) and status["phase"] == "Ready"

    until_so(settled, limit, addon["name"])
    return found


def until_tested(navarch: "Navarch", cluster: str, addon: dict[str, Any], limit: float) -> dict[str, Any]:
    """Until the tests that were just asked for have ended. Raises Failure for those that failed."""
    found, told = addon, ""

    def ended() -> bool:
        nonlocal found, told
        found = navarch.addon(cluster, addon["name"])
        run = found["status"]["test"]
        if run is None or run["asked_at"] != addon["test_requested_at"]:
            return False
        if run["said"] and run["said"] != told:
            told = run["said"]
            note(f"{found['name']}: {told}")
        return run["passed"] is not None

    until_so(ended, limit, addon["name"])
    if not found["status"]["test"]["passed"]:
        raise Failure(f"{found['name']}: {told}", Exit.FAILED)
    return found


def until_so(reached: Callable[[], bool], limit: float, name: str) -> None:
    """Raises Failure where it takes longer than so many seconds."""
    if not comes_true(reached, limit, _LOOK_EVERY):
        raise Failure(f"{name} is not done after {span(limit)}; it goes on without us", Exit.TIMED_OUT)
