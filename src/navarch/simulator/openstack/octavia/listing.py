"""Lists of Octavia's: the oldest first. Like Octavia's own, the link to the next page names no filter and no fields."""

from collections.abc import Callable

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Answer, Json, Request, bad_request
from navarch.simulator.openstack.region import Region

_CONTROLS = {"limit", "marker", "page_reverse", "fields", "sort", "sort_key", "sort_dir"}


def listed(
    region: Region, request: Request, kind: str, key: str, shown: Callable[[Object], Json] = lambda found: found.body
) -> Answer:
    """The caller's objects of a kind: what the query names, from the marker on."""
    scope = request.scope
    found = region[kind].listed(None if scope.is_admin else scope.project_id, request.lag)
    for name in request.query:
        if name not in _CONTROLS:
            found = _filtered(found, name, request.one(name))
    ordered = sorted(found, key=lambda o: (o["created_at"], o.id))
    limits = [n for n in (int(request.one("limit", "0")), region.site.limits.octavia_page) if n > 0]
    if marker := request.one("marker"):
        at = region[kind].get(marker)
        if at is None:
            raise bad_request(f"Supplied pagination marker '{marker}' is not valid.")
        ordered = [o for o in ordered if (o["created_at"], o.id) > (at["created_at"], at.id)]
    page = ordered[: min(limits)] if limits else ordered
    fields = request.query.get("fields")
    bodies = [shown(o) for o in page]
    body: Json = {key: bodies if not fields else [{f: b[f] for f in fields if f in b} for b in bodies]}
    if limits and len(page) == min(limits):
        href = f"{request.url}{request.path}?limit={min(limits)}&marker={page[-1].id}"
        body[f"{key}_links"] = [{"rel": "next", "href": href}]
    return Answer(200, body)


def _filtered(found: list[Object], name: str, value: str) -> list[Object]:
    if name == "tags":
        wanted = set(value.split(","))
        return [o for o in found if wanted <= set(o.body.get("tags") or ())]
    if any(name not in o.body for o in found):
        raise bad_request("One or more arguments are either duplicate or invalid")
    return [o for o in found if str(o.body[name]) == value]
