"""Pages of lists as Nova and Cinder give them: the newest first, from a marker on, with a link to the next page."""

from collections.abc import Iterable
from urllib.parse import urlencode

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Json, Refused, Request, bad_request


def newest_first(found: Iterable[Object], created: str) -> list[Object]:
    """By time of creation, which is the document's `created`, and id."""
    return sorted(found, key=lambda o: (o.body[created], o.id), reverse=True)


def page(request: Request, ordered: list[Object], most: int, missing: Refused) -> tuple[list[Object], str]:
    """The page that was asked for, and the address of the next one; empty where there is none. Raises `missing` where
    the marker is not there (any more)."""
    try:
        wanted = int(request.one("limit", str(most)))
    except ValueError:
        raise bad_request("limit param must be an integer") from None
    size = min(wanted, most)
    marker = request.one("marker")
    if marker:
        at = next((n for n, o in enumerate(ordered) if o.id == marker), None)
        if at is None:
            raise missing
        ordered = ordered[at + 1 :]
    found = ordered[:size]
    if not found or len(found) < size:
        return found, ""
    query = {**request.query, "marker": [found[-1].id]}
    return found, f"{request.url}{request.path}?{urlencode(query, doseq=True)}"


def linked(body: Json, key: str, following: str) -> Json:
    """A list with the link to its next page."""
    if following:
        body[f"{key}_links"] = [{"rel": "next", "href": following}]
    return body
