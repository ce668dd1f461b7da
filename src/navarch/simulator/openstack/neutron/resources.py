"""What all of Neutron's resources have in common: lists with filters, fields and pages; looking one up, changing it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Refused, Request, bad_request, conflict, not_found
from navarch.simulator.openstack.region import Region

_CONTROLS = {"fields", "limit", "marker", "page_reverse", "sort_key", "sort_dir"}
_COMMON = {"id", "name", "description", "project_id", "tenant_id", "tags", "created_at", "updated_at", "status",
           "revision_number", "shared", "admin_state_up"}  # fmt: skip
_LONGEST = 255
STANDARD = ("name", "description", "admin_state_up")  # what may be changed of nearly everything


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of Neutron's. `missing` is the message and the type of the error where one is not there; `changeable` what
    a PUT may name; `filters` beside the common ones; `visible` whether one of another project is shown."""

    kind: str
    key: str
    missing: tuple[str, str]
    changeable: tuple[str, ...] = STANDARD
    filters: frozenset[str] = frozenset()
    visible: Callable[[Region, Object, str], bool] | None = None

    @property
    def plural(self) -> str:
        """As answers and, with hyphens, paths name it."""
        return f"{self.key}s"


def list_them(region: Region, request: Request, resource: Resource) -> Answer:
    """The caller's, and what others let it see: filtered, of that the page and the fields that were asked for."""
    collection, project_id = region[resource.kind], request.scope.project_id
    if request.scope.is_admin:
        found = collection.listed(None, request.lag)
    else:
        found = collection.listed(project_id, request.lag)
        if resource.visible is not None:
            found += [o for o in collection if o.project_id != project_id and resource.visible(region, o, project_id)]
    for name, values in request.query.items():
        if name not in _CONTROLS:
            found = _filtered(resource, found, name, values)
    page, links = _page(region, request, resource, found)
    fields = request.query.get("fields")
    shown = [o.body for o in page] if not fields else [{f: o.body[f] for f in fields if f in o.body} for o in page]
    body: Json = {resource.plural: shown}
    if links:
        body[f"{resource.plural}_links"] = links
    return Answer(200, body)


def find(region: Region, request: Request, resource: Resource, id_: str) -> Object:
    """One that the caller may see. Raises Refused."""
    found = region[resource.kind].get(id_)
    if found is None or not sees(region, request, resource, found):
        message, kind = resource.missing
        raise not_found(message.format(id_), kind)
    return found


def sees(region: Region, request: Request, resource: Resource, found: Object) -> bool:
    """Whether the caller may see it."""
    mine = found.project_id == request.scope.project_id or request.scope.is_admin
    return mine or (resource.visible is not None and resource.visible(region, found, request.scope.project_id))


def show(region: Region, request: Request, resource: Resource, id_: str) -> Answer:
    """One of them."""
    return Answer(200, {resource.key: find(region, request, resource, id_).body})


def own(region: Region, request: Request, resource: Resource, id_: str, action: str) -> Object:
    """One that the caller may change. Raises Refused."""
    found = find(region, request, resource, id_)
    if found.project_id != request.scope.project_id and not request.scope.is_admin:
        raise disallowed(f"rule:{action}_{resource.key}")
    return found


def change(region: Region, found: Object, resource: Resource, wanted: Json) -> None:
    """Set what a PUT names. Raises Refused for what cannot be changed."""
    for name, value in wanted.items():
        if name not in resource.changeable:
            raise bad_request(f"Cannot update read-only attribute {name}", "HTTPBadRequest")
        if name in ("name", "description"):
            check_text(name, value)
        found[name] = value
    touch(region, found)


def touch(region: Region, found: Object) -> None:
    """Note that something was changed."""
    found["updated_at"], found["revision_number"] = region.stamp(), found["revision_number"] + 1


def standard(region: Region, request: Request, wanted: Json) -> Json:
    """The attributes that every resource has. Raises Refused for a name or description that is too long."""
    for name in ("name", "description"):
        check_text(name, wanted.get(name, ""))
    now, project_id = region.stamp(), str(wanted.get("project_id") or request.scope.project_id)
    if project_id != request.scope.project_id and not request.scope.is_admin:
        raise disallowed("rule:create_network:project_id")
    return {
        "id": region.new_id(),
        "name": wanted.get("name", ""),
        "description": wanted.get("description", ""),
        "project_id": project_id,
        "tenant_id": project_id,
        "tags": [],
        "created_at": now,
        "updated_at": now,
        "revision_number": 1,
    }


def within_quota(region: Region, project_id: str, resource: str, used: int, more: int = 1) -> None:
    """Raises Refused where the project's quota does not allow more."""
    limit = region.limit(project_id, resource)
    if 0 <= limit < used + more:
        raise conflict(f"Quota exceeded for resources: ['{resource}'].", "OverQuota")


def check_text(name: str, value: Any) -> None:
    """Raises Refused for a text that is none, or too long."""
    if not isinstance(value, str):
        raise bad_request(f"Invalid input for {name}. Reason: '{value}' is not a valid string.", "HTTPBadRequest")
    if len(value) > _LONGEST:
        reason = f"'{value}' exceeds maximum length of {_LONGEST}"
        raise bad_request(f"Invalid input for {name}. Reason: {reason}.", "HTTPBadRequest")


def disallowed(rule: str) -> Refused:
    """What the policy refuses."""
    return Refused(403, f"{rule} is disallowed by policy", "PolicyNotAuthorized")


def _filtered(resource: Resource, found: Sequence[Object], name: str, values: Sequence[str]) -> list[Object]:
    if name not in _COMMON and name not in resource.filters:
        raise bad_request(f"['{name}'] is invalid attribute for filtering", "HTTPBadRequest")
    if name == "tags":
        tags = {tag for value in values for tag in value.split(",")}
        return [o for o in found if tags <= set(o.body["tags"])]
    if name == "fixed_ips":
        pairs = [tuple(value.split("=", 1)) for value in values]
        return [o for o in found if all(any(ip.get(k) == v for ip in o.body["fixed_ips"]) for k, v in pairs)]
    wanted = set(values)
    return [o for o in found if _text(o.body.get(name)) & wanted]


def _text(value: Any) -> set[str]:
    """How a value may be written in a query."""
    if isinstance(value, bool):
        return {"true", "True", "1"} if value else {"false", "False", "0"}
    return {"" if value is None else str(value)}


def _page(
    region: Region, request: Request, resource: Resource, found: Iterable[Object]
) -> tuple[list[Object], list[dict[str, str]]]:
    """By id, as the database has them: what is made meanwhile may come before the marker, and is not shown then."""
    ordered = sorted(found, key=lambda o: o.id)
    limits = [n for n in (int(request.one("limit", "0")), region.site.limits.neutron_page) if n > 0]
    if not limits:
        return ordered, []
    marker = request.one("marker")
    if marker:
        find(region, request, resource, marker)
        ordered = [o for o in ordered if o.id > marker]
    page = ordered[: min(limits)]
    if len(page) < min(limits):
        return page, []
    query = {**request.query, "marker": [page[-1].id], "limit": [str(min(limits))]}
    href = f"{request.url}{request.path}?{urlencode(query, doseq=True)}"
    return page, [{"rel": "next", "href": href}]
