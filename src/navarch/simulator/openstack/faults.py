"""What goes wrong on the way to a service and back, request by request."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from navarch.simulator.openstack import errors
from navarch.simulator.openstack.about import About
from navarch.simulator.openstack.messages import Answer, Refused, Request

_NO_FILTERS = {"limit", "marker", "offset", "fields"}
_PAGE = (
    "<html><body><h1>{status} {title}</h1>\nThe server is temporarily unable to service your request.\n</body></html>"
)


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that hits one request.

    `status`: this is answered, by the service itself (409, 429...) or by what stands before it (5xx); 0: nothing is.
    `done`: the request was carried out nevertheless. `closed`: where nothing is answered, the connection ends at once,
    and not after the caller's time-out. `wait`: seconds until the caller hears of it; nothing here waits, but a region
    in a process of its own answers so late.

    Three are no failures: `late`, the answer comes after `wait`; and two wrong answers to lists: with `lag`, what was
    there so many seconds ago; `unfiltered`, what was not asked for as well.
    """

    status: int = 0
    message: str = ""
    retry_after: float | None = None
    done: bool = False
    closed: bool = False
    lag: float = 0.0
    unfiltered: bool = False
    late: bool = False
    wait: float = 0.0

    @property
    def fails(self) -> bool:
        """Whether the caller does not get the answer."""
        return not self.lag and not self.unfiltered and not self.late

    def distort(self, request: Request) -> None:
        """Have the request answered wrongly, where that is the fault."""
        request.lag = self.lag
        if self.unfiltered:
            request.query = {name: values for name, values in request.query.items() if name in _NO_FILTERS}

    def answer(self, request: Request) -> Answer | None:
        """What is answered in place of the service's answer; None: nothing."""
        if not self.status:
            return None
        headers = {"Retry-After": f"{self.retry_after:g}"} if self.retry_after is not None else {}
        if self.status >= 500:
            return Answer(self.status, _PAGE.format(status=self.status, title=errors.TITLES[self.status]), headers)
        return Answer(self.status, errors.document(request.service, Refused(self.status, self.message)), headers)


Striker = Callable[[About], Strike | None]


def unreached(*, closed: bool = False, wait: float = 0.0) -> Strike:
    """It does not arrive."""
    return Strike(closed=closed, wait=wait)


def answer_lost(*, closed: bool = False, wait: float = 0.0) -> Strike:
    """It is carried out, and the answer does not arrive."""
    return Strike(done=True, closed=closed, wait=wait)


def failing(status: int) -> Strike:
    """A 5xx of what stands before the service."""
    return Strike(status)


def busy(retry_after: float) -> Strike:
    """Too many requests."""
    return Strike(429, "This request was rate-limited.", retry_after)


def in_use() -> Strike:
    """The object is being changed by another request."""
    return Strike(409, "Another request for this object is being served; it is in use.")


def lagging(seconds: float) -> Strike:
    """A list of some time ago."""
    return Strike(lag=seconds)


def unfiltered() -> Strike:
    """A list of all that the caller may see."""
    return Strike(unfiltered=True)


def late(seconds: float) -> Strike:
    """The right answer, some time later."""
    return Strike(late=True, wait=seconds)


@dataclass
class Misfortunes:
    """A striker that hits a share (0 to 1) of all requests, with each of the usual faults as often as with the others:
    500, 503, 429 with Retry-After, no answer to what was not done, no answer to what was done. `timeout` is how many
    seconds the caller of an unanswered request waits. `struck` counts them. Beside that every answer of the service
    `slow` comes `slow_seconds` late, and none of `away` comes at all; both are the catalogue's words."""

    share: float
    slow: str = ""
    slow_seconds: float = 0.0
    away: str = ""
    seed: int = 0
    timeout: float = 5.0
    struck: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def __call__(self, about: About) -> Strike | None:
        if about.service == self.away:
            self.struck["away"] += 1
            return unreached(closed=True, wait=self.timeout)
        if self._random.random() >= self.share:
            return late(self.slow_seconds) if about.service == self.slow else None
        kind = self._random.choice(("500", "503", "429", "not reached", "answer lost"))
        self.struck[kind] += 1
        match kind:
            case "429":
                return busy(self._random.choice((1.0, 2.0, 5.0)))
            case "not reached":
                return unreached(closed=True, wait=self.timeout)
            case "answer lost":
                return answer_lost(closed=True, wait=self.timeout)
            case status:
                return failing(int(status))
