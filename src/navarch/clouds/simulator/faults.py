"""How a cloud misbehaves, request by request, and in which words it refuses.

The words and reasons are those that `clouds.openstack.errors` makes of OpenStack's answers.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from navarch.domain.errors import Conflict, NavarchError, Permanent, Responsible, Temporary
from navarch.domain.openstack.resources import Kind

SERVICE = {
    Kind.SERVER: "Nova",
    Kind.SERVER_GROUP: "Nova",
    Kind.VOLUME: "Cinder",
    Kind.SNAPSHOT: "Cinder",
    Kind.LOAD_BALANCER: "Octavia",
    Kind.IDENTITY: "Keystone",
}  # the others are Neutron's


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the cloud. `kind` is None for those about the cloud's offer."""

    verb: str
    kind: Kind | None
    project_id: str
    name: str = ""

    @property
    def service(self) -> str:
        """Who is asked."""
        return SERVICE.get(self.kind, "Neutron") if self.kind is not None else "Keystone"

    @property
    def words(self) -> str:
        """What a sentence says that cannot be done."""
        verbs = {"GET": "look up", "POST": "create", "PUT": "change", "DELETE": "delete"}
        what = f"the {self.kind} {self.name}" if self.name else f"{self.kind or 'the offer'}s"
        return f"{verbs[self.verb]} {what}"


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that hits one request. `error` is what the caller sees; with `done` the request was carried out
    nevertheless, and only its answer was lost. `lag`: a list shows what was there so many seconds ago. `wait`: seconds
    until the caller hears of it; nothing here waits, but a simulator in a process of its own answers so late."""

    error: NavarchError | None = None
    done: bool = False
    lag: float = 0.0
    wait: float = 0.0


Striker = Callable[[Request], Strike | None]


def not_answering(request: Request, how: str = "does not answer: timed out") -> Temporary:
    """No answer, or one that means: later."""
    return Temporary(f"Cannot {request.words}: {request.service} {how}")


def busy(request: Request, after: float) -> Temporary:
    """Too many requests."""
    words = f"Cannot {request.words}: {request.service} answered 429: too many requests"
    return Temporary(words, reason="CloudBusy", after=after)


def in_use(request: Request, why: str) -> Conflict:
    """The object is busy."""
    return Conflict(f"Cannot {request.words}: {request.service} answered 409: {why}")


def vanished(request: Request) -> Conflict:
    """What a request refers to is gone."""
    words = f"Cannot {request.words}: {request.service} answered 404: not found"
    return Conflict(words, reason="Vanished")


def refused(request: Request, why: str) -> Permanent:
    """Not in this way."""
    words = f"Cannot {request.words}: {request.service} answered 400: {why}"
    remedy = "See what the cloud answered; if the request is right, look up its request id in the service's log."
    return Permanent(words, reason="RequestRefused", responsible=Responsible.NAVARCH_OPERATOR, remedy=remedy)


def quota_exceeded(request: Request, resource: str, numbers: str) -> Permanent:
    """A quota is used up."""
    return Permanent(
        f"Cannot {request.words}: the project's quota for {resource} is used up ({numbers})",
        reason="QuotaExceeded",
        responsible=Responsible.PROJECT_ADMIN,
        remedy=f"Raise the project's quota for {resource}, or remove what the project no longer needs.",
    )


def not_offered(
    what: str, name: str, reason: str, seen: tuple[str, ...], responsible: Responsible = Responsible.USER
) -> Permanent:
    """A name that the cloud does not have."""
    return Permanent(
        f"No {what} is named {name}; the project sees: {', '.join(sorted(seen)) or 'none'}",
        reason=reason,
        responsible=responsible,
        remedy=f"Choose another {what}.",
    )


def no_role(project_id: str) -> Permanent:
    """The service user may not work in the project."""
    return Permanent(
        f"Navarch's service user has no role in project {project_id}, or the project does not exist",
        reason="NoAccessToProject",
        responsible=Responsible.CLOUD_OPERATOR,
        remedy="Give it the role member, inherited, on the project's domain (or on the project).",
    )


def credentials_refused(request: Request) -> Permanent:
    """Keystone does not let the service user in."""
    return Permanent(
        f"Cannot {request.words}: Keystone refused Navarch's service user",
        reason="CredentialsRefused",
        responsible=Responsible.NAVARCH_OPERATOR,
        remedy="Set the right user name and password of Navarch's service user; see that Keystone has it enabled.",
    )


class Misfortunes:
    """A striker that hits a share (0 to 1) of all requests, with each of the usual faults as often as with the others:
    500, 503, 429 with Retry-After, no answer to what was not done, no answer to what was done. `timeout` is how many
    seconds the caller of an unanswered request waits. `struck` counts them."""

    def __init__(self, share: float, *, seed: int = 0, timeout: float = 5.0) -> None:
        self._share, self._timeout, self._random = share, timeout, Random(seed)
        self.struck: Counter[str] = Counter()

    def __call__(self, request: Request) -> Strike | None:
        if self._random.random() >= self._share:
            return None
        kind = self._random.choice(("500", "503", "429", "not reached", "answer lost"))
        self.struck[kind] += 1
        match kind:
            case "429":
                return Strike(busy(request, self._random.choice((1.0, 2.0, 5.0))))
            case "not reached":
                return Strike(not_answering(request), wait=self._timeout)
            case "answer lost":
                return Strike(not_answering(request), done=True, wait=self._timeout)
            case status:
                return Strike(not_answering(request, f"answered {status}"))
