"""What a request is about, in a person's words: for stories, for faults that hit certain requests, for counting."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.kinds import PATHS
from navarch.simulator.openstack.messages import Request
from navarch.simulator.openstack.region import Region

_VERBS = {"GET": "look up", "POST": "create", "PUT": "change", "DELETE": "delete"}
_BEFORE = {"identity": 1, "compute": 1, "network": 1, "block-storage": 2, "load-balancer": 2, "image": 1}


@dataclass(frozen=True, slots=True)
class About:
    """`verb` is GET, POST (make), PUT (change) or DELETE, whatever the service's own method is. `kind` is a word of
    `kinds.KINDS`, or token, version, other. `name` is the object's, empty for lists. `service` is the catalogue's."""

    verb: str
    kind: str
    project_id: str = ""
    name: str = ""
    service: str = ""

    @property
    def words(self) -> str:
        """What a sentence says that is asked for."""
        return f"{_VERBS[self.verb]} the {self.kind} {self.name}" if self.name else f"{_VERBS[self.verb]} {self.kind}s"


def about(region: Region, request: Request) -> About:
    """What a request is about, as long as what it names is there."""
    return replace(_about(region, request), service=request.service)


def _about(region: Region, request: Request) -> About:
    parts = request.path.strip("/").split("/")
    if request.path.endswith("/auth/tokens"):
        return About("POST" if request.method == "POST" else "GET", "token")
    words = parts[_BEFORE[request.service] :]
    if not words:
        return About("GET", "version")
    kind = PATHS.get((request.service, words[0]), "other")
    if kind == "trust":
        words = words[1:]
    verb = "PUT" if request.method == "PATCH" else "GET" if request.method == "HEAD" else request.method
    if len(words) == 1 or words[1] == "detail":
        found = _subject(kind)(region, request)
        made = kind if kind not in ("security group rule", "pool") else found.kind if found is not None else kind
        name = _named(found) if found is not None else _name_in(request)
        return About("PUT" if found is not None and verb == "POST" else verb, made, *_project(region, request, name))
    return _about_one(region, request, verb, kind, words)


def _about_one(region: Region, request: Request, verb: str, kind: str, words: list[str]) -> About:
    """A request about what is there: a part of it counts as itself."""
    found = region[kind].get(words[1]) if kind != "other" else None
    below = words[2] if len(words) > 2 else ""
    if below == "action" and isinstance(request.body, dict) and "os-getConsoleOutput" in request.body:
        verb = "GET"
    elif below and verb != "GET":
        verb = "PUT"
    if below == "os-interface":
        kind, found = "port", region["port"].get((request.body or {}).get("interfaceAttachment", {}).get("port_id"))
    elif below == "os-volume_attachments":
        kind, found = "volume", region["volume"].get((request.body or {}).get("volumeAttachment", {}).get("volumeId"))
    elif kind == "pool":
        kind, found = "load balancer", region["load balancer"].get(found.hidden["balancer_id"] if found else None)
    elif kind == "security group rule":
        verb, kind = ("PUT" if verb == "DELETE" else verb), "security group"
        found = region["security group"].get(found["security_group_id"] if found else None)
    elif kind == "trust":
        found = region["user"].get(found["trustee_user_id"] if found else None)
    return About(verb, kind, *_project(region, request, _named(found) if found is not None else words[1]))


def _subject(kind: str) -> Callable[[Region, Request], Object | None]:
    """For what a new object of the kind is: rules are for their group, trusts for their user."""
    if kind == "security group rule":
        return _group_of_rules
    if kind == "trust":
        return lambda region, request: region["user"].get((request.body or {}).get("trust", {}).get("trustee_user_id"))
    return lambda region, request: None


def _group_of_rules(region: Region, request: Request) -> Object | None:
    rules = (request.body or {}).get("security_group_rules") or [(request.body or {}).get("security_group_rule") or {}]
    return region["security group"].get(rules[0].get("security_group_id"))


def _named(found: Object) -> str:
    """Its name; floating IPs have none but their description."""
    return str(found.name or found.body.get("description") or found.id)


def _name_in(request: Request) -> str:
    for inner in (request.body or {}).values() if isinstance(request.body, dict) else ():
        if isinstance(inner, dict):
            return str(inner.get("name") or inner.get("description") or "")
    return ""


def _project(region: Region, request: Request, name: str) -> tuple[str, str]:
    token = region.tokens.get(request.headers.get("X-Auth-Token", ""))
    return (token.scope.project_id if token is not None else ""), name
