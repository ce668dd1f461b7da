"""The one door for what OpenStack refuses: an answer or a foreign exception becomes Temporary, Conflict or Permanent.

answer                                   becomes
────────────────────────────────────     ─────────────────────────────────────────────────────────────
quota (Nova 403, Cinder 413, Neutron     QuotaExceeded (Permanent), responsible project-admin
  409 OverQuota, Octavia 403, or 500 for
  the port of a balancer)
401                                      Permanent CredentialsRefused, responsible navarch-operator
403                                      Permanent CredentialsRefused, responsible cloud-operator
                                         (a port or volume still held by a server: Conflict)
409, "is locked"                         Permanent ServerLocked, responsible user
409, "is immutable", "in use"            Conflict
404                                      Conflict: gone under us (an image, a flavor...: Permanent)
429, 503, 413 with Retry-After           Unanswered (Temporary) for as long as it says
5xx, no connection, time-out             Unanswered (Temporary) CloudNotAnswering
nonsense                                 Temporary CloudAnswerUnreadable
400, 406 and the rest                    Permanent, with the cloud's own words
"""

import json
import re
from dataclasses import dataclass

import requests
from keystoneauth1 import exceptions as keystone

from navarch.domain.errors import Conflict, NavarchError, Permanent, Responsible, Temporary

_LONGEST_WAIT = 120.0  # seconds; a cloud that asks for more is asked again nevertheless
_LOOKED_AT_AFTER = 1.0  # seconds after a lost answer; who meets one again and again waits longer and longer by itself
_BUSY_FOR = 5.0  # seconds, where a service that is asked too often does not say
_LONGEST_TEXT = 600


class QuotaExceeded(Permanent):
    """A quota is used up. `resources` in the words of `domain.offer.Quota`; `numbers` where the cloud told them, as
    "needed 4, free 2 of 20"."""

    def __init__(self, doing: str, resources: tuple[str, ...], numbers: str = "") -> None:
        what = " and ".join(resources) or "an unnamed resource"
        super().__init__(
            f"Cannot {doing}: the project's quota for {what} is used up" + (f" ({numbers})" if numbers else ""),
            reason="QuotaExceeded",
            responsible=Responsible.PROJECT_ADMIN,
            remedy=f"Raise the project's quota for {what}, or remove what the project no longer needs.",
        )
        self.doing, self.resources, self.numbers = doing, resources, numbers


class Unanswered(Temporary):
    """No answer came, or one that says no more than that there is none now; what was asked for may be done all the
    same. `retry_after`: seconds in which the service does not want to be asked, None where it does not say."""

    def __init__(self, message: str, *, reason: str = "CloudNotAnswering", retry_after: float | None = None) -> None:
        usual = _LOOKED_AT_AFTER if reason == "CloudNotAnswering" else _BUSY_FOR
        super().__init__(message, reason=reason, after=usual if retry_after is None else retry_after)
        self.retry_after = retry_after


class Vanished(Conflict):
    """The object that was asked for is gone."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer with a status of 400 or more. `kind` is the error's type where the service names one (Neutron),
    `retry_after` in seconds, `path` what was asked."""

    service: str
    method: str
    path: str
    status: int
    text: str
    kind: str = ""
    request_id: str = ""
    retry_after: float | None = None


def refusal(service: str, method: str, path: str, response: requests.Response, *, private: bool = False) -> Refusal:
    """Read a refusing answer: each service wraps its message in another way. Of one to a `private` request, what it
    quotes is left out: Nova says of a value that does not fit its schema what it is."""
    text, kind = _message(response)
    if private:
        text = _QUOTED.sub("Value: (not shown)", text)
    return Refusal(
        service=service,
        method=method,
        path=path,
        status=response.status_code,
        text=text[:_LONGEST_TEXT],
        kind=kind,
        request_id=response.headers.get("x-openstack-request-id", ""),
        retry_after=_seconds(response.headers.get("Retry-After")),
    )


def judge(refused: Refusal, doing: str) -> NavarchError:
    """What a refusal means for whoever was `doing` it, such as "create the network web-net"."""
    quota = _quota(refused, doing)
    if quota is not None:
        return quota
    words = _words(refused, doing)
    if refused.retry_after is not None or refused.status in (429, 503):
        after = None if refused.retry_after is None else min(refused.retry_after, _LONGEST_WAIT)
        reason = "CloudBusy" if refused.status in (413, 429) else "CloudNotAnswering"
        return Unanswered(words, reason=reason, retry_after=after)
    if refused.status >= 500:
        return Unanswered(words)
    for pattern, reason, responsible, remedy in _MISSING:
        if refused.status in (400, 404) and pattern.search(refused.text):
            return Permanent(words, reason=reason, responsible=responsible, remedy=remedy)
    if refused.kind in _NO_ADDRESSES:
        return Permanent(
            words,
            reason="AddressesExhausted",
            responsible=Responsible.CLOUD_OPERATOR,
            remedy="Add an allocation pool to the subnet, or release addresses that nothing uses.",
        )
    if refused.status == 409 and _LOCKED.search(refused.text):
        return Permanent(
            words,
            reason="ServerLocked",
            responsible=Responsible.USER,
            remedy="Unlock it (openstack server unlock), or ask the administrator who locked it. Navarch does not do "
            "that, and goes on once it is unlocked.",
        )
    if refused.status == 409 or _BUSY.search(refused.text):
        return Conflict(words)
    if refused.status == 404:
        return Vanished(words, reason="Vanished")
    if refused.status == 401:
        return credentials_refused(words)
    if refused.status == 403:
        return Permanent(
            words,
            reason="CredentialsRefused",
            responsible=Responsible.CLOUD_OPERATOR,
            remedy="Give Navarch's service user the role member on the project (inherited from its domain), and "
            "load-balancer_member where Octavia asks for it.",
        )
    if refused.status == 406:
        return Permanent(
            words,
            reason="CloudTooOld",
            responsible=Responsible.CLOUD_OPERATOR,
            remedy="Upgrade the cloud: Navarch needs OpenStack Train or newer.",
        )
    return Permanent(
        words,
        reason="RequestRefused",
        responsible=Responsible.NAVARCH_OPERATOR,
        remedy="See what the cloud answered; if the request is right, look up its request id in the service's log.",
    )


def from_exception(service: str, doing: str, error: Exception) -> NavarchError:
    """What an exception of keystoneauth or requests means."""
    if isinstance(error, keystone.Unauthorized):
        return credentials_refused(f"Cannot {doing}: Keystone refused Navarch's service user: {error.message}")
    if isinstance(error, keystone.HttpError):
        if error.response is not None:
            return judge(refusal(service, error.method or "", error.url or "", error.response), doing)
        return Unanswered(f"Cannot {doing}: {service} answered {error.http_status}: {error.message}")
    if isinstance(error, keystone.SSLError | requests.exceptions.SSLError):
        return Permanent(
            f"Cannot {doing}: the certificate of {service} is not trusted: {error}",
            reason="CertificateNotTrusted",
            responsible=Responsible.NAVARCH_OPERATOR,
            remedy="Give Navarch the certificate authority that signs the cloud's endpoints (setting ca_file).",
        )
    if isinstance(error, keystone.EndpointNotFound | keystone.EmptyCatalog):
        return Permanent(
            f"Cannot {doing}: the cloud's catalogue has no {service} in this region",
            reason="ServiceMissing",
            responsible=Responsible.CLOUD_OPERATOR,
            remedy=f"Register an endpoint of {service} for the region, or set the region that has one.",
        )
    return Unanswered(f"Cannot {doing}: {service} does not answer: {_short(error)}")


def credentials_refused(words: str) -> Permanent:
    """Keystone does not let Navarch in at all."""
    return Permanent(
        words,
        reason="CredentialsRefused",
        responsible=Responsible.NAVARCH_OPERATOR,
        remedy="Set the right user name and password of Navarch's service user; see that Keystone has it enabled.",
    )


def no_role(project_id: str, username: str) -> Permanent:
    """Keystone knows the service user, but not in this project."""
    return Permanent(
        f"Navarch's service user {username} has no role in project {project_id}, or the project does not exist",
        reason="NoAccessToProject",
        responsible=Responsible.CLOUD_OPERATOR,
        remedy=f"Give {username} the role member, inherited, on the project's domain (or on the project). Of a project "
        "that was disabled, enable it; of one that was deleted, clusters that are to go have to be forgotten "
        "(navarch-server forget).",
    )


def list_changed(refused: Refusal, doing: str) -> Temporary:
    """The last object of a page was gone when the next page was asked for: what was read is not the whole list."""
    return Temporary(
        f"{_words(refused, doing)}. The list changed while it was read", reason="CloudAnswerUnreadable", after=1.0
    )


def unreadable(service: str, doing: str, error: Exception) -> Temporary:
    """The service answered something that is not what its API promises."""
    return Temporary(
        f"Cannot {doing}: {service} answered something unexpected: {type(error).__name__} {error}",
        reason="CloudAnswerUnreadable",
    )


def filter_not_kept(service: str, doing: str, stranger: str) -> Temporary:
    """The service answered with objects that were not asked for."""
    return Temporary(
        f"Cannot {doing}: {service} does not keep the filter it was asked with: it also answered with {stranger}. "
        "Nothing is done with what it says",
        reason="CloudAnswerUnreadable",
    )


_MISSING: tuple[tuple[re.Pattern[str], str, Responsible, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), reason, responsible, remedy)
    for pattern, reason, responsible, remedy in (
        (
            r"can not find requested image|image \S+ could not be found|invalid imageref|image \S+ is not active",
            "ImageNotFound",
            Responsible.NAVARCH_OPERATOR,
            "Upload the node image again and make it visible to every project, or choose another Kubernetes version.",
        ),
        (
            r"flavor\S* \S+ could not be found|invalid flavorref",
            "FlavorNotFound",
            Responsible.USER,
            "Choose another flavor.",
        ),
        (
            r"zero disk|disk is too small|larger than|minram|memory is too small|too small for requested image",
            "FlavorTooSmall",
            Responsible.USER,
            "Choose a flavor with enough disk and memory for the node image.",
        ),
        (
            r"availability zone.*(not available|invalid|not found)",
            "ZoneNotFound",
            Responsible.USER,
            "Choose another zone.",
        ),
        (r"volume type .*could not be found", "VolumeTypeNotFound", Responsible.USER, "Choose another volume type."),
        (
            r"not a valid external network|external network \S+ (is not reachable|could not be found)",
            "ExternalNetworkNotFound",
            Responsible.USER,
            "Choose another external network.",
        ),
        (
            r"provider '\S+' (is not enabled|was not found)",
            "ServiceMissing",
            Responsible.CLOUD_OPERATOR,
            "Enable the Octavia provider that Navarch is set to use, or set another one (load_balancer_provider).",
        ),
    )
)
_NO_ADDRESSES = {"IpAddressGenerationFailure", "ExternalIpAddressExhausted"}
_LOCKED = re.compile(r"instance \S+ is locked", re.IGNORECASE)
_BUSY = re.compile(  # each is said with a 400 or 403 by some service
    r"is immutable|in[ -]use|still attached|must be (available|in)|status must be|has dependent|"
    r"task_state|port cannot be deleted|cannot be deleted directly|disassociate|being (deleted|attached|detached)|"
    r"delete_port.* is disallowed by policy|"
    r"overlaps with another subnet|already has a port on subnet",  # a second one, which a list did not show
    re.IGNORECASE,
)
_QUOTED = re.compile(r"Value: .*", re.DOTALL)
_LIST = r"\d+(?:, \d+)*"
_NOVA_NUMBERS = re.compile(
    rf"Quota exceeded for (?P<what>.+?): Requested (?P<asked>{_LIST}), "
    rf"but already used (?P<used>{_LIST}) of (?P<limit>{_LIST})"
)
_CINDER_GIGABYTES = re.compile(
    r"Requested (?P<asked>\d+)G.*?quota is (?P<limit>\d+)G.*?(?P<used>\d+)G has been consumed", re.DOTALL
)
_QUOTA = re.compile(
    r"quota exceeded|exceeds? (the )?allowed|QuotaError|LimitExceeded|exceeds.*quota|quota has been met|"
    r"maximum number of (ports|volumes|snapshots|fixed|floating|security groups)",
    re.IGNORECASE,
)
_WORDS: tuple[tuple[str, str], ...] = (  # as the services spell them, the longer one first
    ("security_group_rule", "security_group_rules"),
    ("security group rule", "security_group_rules"),
    ("security_group", "security_groups"),
    ("security group", "security_groups"),
    ("servers in group", "server_group_members"),
    ("server group", "server_groups"),
    ("server_group", "server_groups"),
    ("load balancer", "load_balancers"),
    ("load_balancer", "load_balancers"),
    ("loadbalancer", "load_balancers"),
    ("floating", "floating_ips"),
    ("gigabytes", "gigabytes"),
    ("snapshot", "snapshots"),
    ("volume", "volumes"),
    ("instances", "instances"),
    ("cores", "cores"),
    ("ram", "ram"),
    ("subnet", "subnets"),
    ("network", "networks"),
    ("router", "routers"),
    ("port", "ports"),
    ("listener", "listeners"),
    ("pool", "pools"),
    ("member", "members"),
)


def _quota(refused: Refusal, doing: str) -> QuotaExceeded | None:
    if refused.status not in (403, 409, 413, 500) or not (refused.kind == "OverQuota" or _QUOTA.search(refused.text)):
        return None
    nova = _NOVA_NUMBERS.search(refused.text)
    if nova:
        names = [name.strip() for name in nova["what"].split(",")]
        columns = zip(names, _figures(nova["asked"]), _figures(nova["used"]), _figures(nova["limit"]), strict=False)
        rows = [(_resource(name) or name, asked, limit - used, limit) for name, asked, used, limit in columns]
        return QuotaExceeded(doing, tuple(row[0] for row in rows), "; ".join(_numbers(*row) for row in rows))
    cinder = _CINDER_GIGABYTES.search(refused.text)
    if cinder:
        asked, limit, used = int(cinder["asked"]), int(cinder["limit"]), int(cinder["used"])
        return QuotaExceeded(doing, ("gigabytes",), _numbers("gigabytes", asked, limit - used, limit))
    resource = _resource(refused.text)
    return QuotaExceeded(doing, (resource,) if resource else ())


def _numbers(resource: str, needed: int, free: int, limit: int) -> str:
    return f"{resource}: needed {needed}, free {max(0, free)} of {limit}"


def _resource(text: str) -> str:
    lowered = text.lower()
    return next((ours for theirs, ours in _WORDS if theirs in lowered), "")


def _figures(text: str) -> list[int]:
    return [int(figure) for figure in re.findall(r"\d+", text)]


def _words(refused: Refusal, doing: str) -> str:
    request = f" (request {refused.request_id})" if refused.request_id else ""
    return f"Cannot {doing}: {refused.service} answered {refused.status}: {refused.text or 'without a word'}{request}"


def _message(response: requests.Response) -> tuple[str, str]:
    """Text and type: `{"NeutronError": {"type", "message"}}`, `{"faultstring"}`, `{"error": {"message"}}`,
    `{"forbidden": {"message"}}`, or anything."""
    try:
        body = json.loads(response.content)
    except ValueError:
        return re.sub(r"<[^>]*>|\s+", " ", response.text).strip(), ""
    if not isinstance(body, dict):
        return str(body), ""
    if "faultstring" in body:
        return str(body["faultstring"]), ""
    inner = next(iter(body.values()), "")
    if isinstance(inner, dict):
        return str(inner.get("message", inner)), str(inner.get("type", ""))
    return str(body.get("message", inner)), ""


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds. Its other form, a date, is not used by OpenStack; nor is 0 a wait (Cinder sends it)."""
    try:
        return float(header or 0) or None
    except ValueError:
        return None


def _short(error: Exception) -> str:
    return str(error)[:_LONGEST_TEXT]
