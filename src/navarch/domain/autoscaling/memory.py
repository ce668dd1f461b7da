"""What autoscaling has to remember of a cluster between two looks. It is written down with the status."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from navarch.domain.spec import Spare

FIRST_BACKOFF, LONGEST_BACKOFF, FORGIVEN_AFTER = timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Backoff:
    """A node group whose machines did not come: until when it is not asked for more, and why. `responsible` and
    `remedy`: who can have them come before, and how; empty: it is not known."""

    group: str
    since: datetime
    until: datetime
    why: str
    responsible: str = ""
    remedy: str = ""

    def again(self, now: datetime, failure: "Failure") -> "Backoff":
        """The next one: twice as long, unless the last is long ago."""
        if now - self.until > FORGIVEN_AFTER:
            return first_backoff(self.group, now, failure)
        length = min(2 * (self.until - self.since), LONGEST_BACKOFF)
        return Backoff(self.group, now, now + length, failure.why, failure.responsible, failure.remedy)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a machine did not come, who can change that, and how."""

    why: str
    responsible: str = ""
    remedy: str = ""


def first_backoff(group: str, now: datetime, failure: Failure) -> Backoff:
    """Of a group that did not fail before."""
    return Backoff(group, now, now + FIRST_BACKOFF, failure.why, failure.responsible, failure.remedy)


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
class SpareRoom:
    """What there is of the room that a node group keeps free: for how many pods of `spare` on machines that are Ready,
    and on those on their way. `why`: why the group grows for no more; empty: nothing is lacking."""

    group: str
    spare: Spare
    ready: int = 0
    coming: int = 0
    why: str = ""

    @property
    def missing(self) -> int:
        """For how many pods there is no room, and none on its way."""
        return self.spare.replicas - self.ready - self.coming


@dataclass(frozen=True, slots=True)
class SilentDevice:
    """An extended resource that a group's machines were to have, and that none of them showed in time. For pods that
    ask for it the group is asked for no machine `until` then; None: such a machine is still there. `machine`: one of
    them; `amount` and `made_from`: what was promised, of machines made from what: of others nothing is known. `times`:
    how often it was tried."""

    group: str
    resource: str
    amount: int
    made_from: str
    machine: str
    times: int = 1
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether the group is not asked for it now."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Memory:
    """`grown_at`: when machines were last asked for. `helpless`, `kept` and `spare` are for people."""

    grown_at: datetime | None = None
    unneeded: tuple[Unneeded, ...] = ()
    backoffs: tuple[Backoff, ...] = ()
    helpless: tuple[Helpless, ...] = ()
    kept: tuple[Kept, ...] = ()
    spare: tuple[SpareRoom, ...] = ()
    devices: tuple[SilentDevice, ...] = ()

    def backoff(self, group: str, now: datetime) -> Backoff | None:
        """Of a group that is not asked for more now."""
        return next((b for b in self.backoffs if b.group == group and now < b.until), None)
