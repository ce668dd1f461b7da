"""What autoscaling has to remember of a cluster between two looks. It is written down with the status."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FIRST_BACKOFF, LONGEST_BACKOFF, FORGIVEN_AFTER = timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Backoff:
    """A node group whose machines did not come: until when it is not asked for more, and why."""

    group: str
    since: datetime
    until: datetime
    why: str

    def again(self, now: datetime, why: str) -> "Backoff":
        """The next one: twice as long, unless the last is long ago."""
        if now - self.until > FORGIVEN_AFTER:
            return first_backoff(self.group, now, why)
        length = min(2 * (self.until - self.since), LONGEST_BACKOFF)
        return Backoff(self.group, now, now + length, why)


def first_backoff(group: str, now: datetime, why: str) -> Backoff:
    """Of a group that did not fail before."""
    return Backoff(group, now, now + FIRST_BACKOFF, why)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a node group brings no machine for a pod."""

    group: str
    why: str


@dataclass(frozen=True, slots=True)
class Helpless:
    """Pods that wait and that no node group can help: one of them by name, how many are alike, and each group's
    reason."""

    pod: str
    count: int
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class Unneeded:
    """A machine that was hardly used, and not needed, since then."""

    machine: str
    group: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """A machine that is hardly used, and why it stays."""

    machine: str
    group: str
    why: str


@dataclass(frozen=True, slots=True)
class Memory:
    """`grown_at`: when machines were last asked for. `helpless` and `kept` are for people."""

    grown_at: datetime | None = None
    unneeded: tuple[Unneeded, ...] = ()
    backoffs: tuple[Backoff, ...] = ()
    helpless: tuple[Helpless, ...] = ()
    kept: tuple[Kept, ...] = ()

    def backoff(self, group: str, now: datetime) -> Backoff | None:
        """Of a group that is not asked for more now."""
        return next((b for b in self.backoffs if b.group == group and now < b.until), None)
