"""What each machine that stays lacks, and which of those that never became a node is made anew."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from navarch.domain.health import Checkup, State, kept_long_enough
from navarch.domain.infrastructure import Existence, Infrastructure, MachineView
from navarch.domain.machines import BOOT_DEADLINE, MAKES_A_MEMBER, Machine
from navarch.domain.steps import Step

REPORT_DEADLINE = timedelta(minutes=4)  # a machine that runs must have reported in by then
LATE_SERVER_IS_KEPT = timedelta(minutes=5)  # after it failed or was due: long enough to look at its console


def machines(checkups: Iterable[Checkup], cloud: Infrastructure, *, running: bool, now: datetime) -> Iterator[Step]:
    """What each of them lacks. `running`: whether they are to run."""
    for checkup in checkups:
        if checkup.state not in (State.LEAVING, State.KEPT):
            yield from cloud.keep(
                checkup.machine, running=running, rebuild=_rebuild(checkup.machine, checkup.view, now)
            )


def _rebuild(machine: Machine, view: MachineView, now: datetime) -> str:
    """Why the server of a machine that never became a node is removed for another one; empty: it is not."""
    if machine.joined:
        return ""
    if view.existence is Existence.FAILED and kept_long_enough(machine, view, now):
        return "it could not be built"
    if view.existence in (Existence.RUNNING, Existence.STOPPED) and _never_joins(machine, view, now):
        return "it did not become a node; another is made"
    return ""


def _never_joins(machine: Machine, view: MachineView, now: datetime) -> bool:
    """Whether a machine had its time, and its data can be of no use to anybody: one that may run an etcd member is left
    to people, however late it is."""
    reports = machine.reports_since(view.created_at)
    if any(report.step in MAKES_A_MEMBER for report in reports) or view.created_at is None:
        return False
    failed = machine.failed_since(view.created_at)
    since = failed.at if failed is not None else view.created_at + BOOT_DEADLINE
    return now - since >= LATE_SERVER_IS_KEPT
