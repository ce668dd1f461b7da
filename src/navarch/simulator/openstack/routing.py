"""Which function answers which path: a tree of path segments, made once from the services' tables."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from navarch.simulator.openstack.messages import Answer, Refused, Request

if TYPE_CHECKING:
    from navarch.simulator.openstack.region import Region

Handler = Callable[..., Answer]
"""Given the region, the request, and the path's variable segments in their order."""
Route = tuple[str, str, Handler]
"""Method, path (`/v2.0/networks/{id}`), handler."""
_ANY, _HERE = "{}", "."  # no segment of a path is either


class Routes:
    """The routes of one service."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root: dict[str, Any] = {}
        for method, path, handler in routes:
            node = self._root
            for segment in path.strip("/").split("/"):
                node = node.setdefault(_ANY if segment.startswith("{") else segment, {})
            node.setdefault(_HERE, {})[method] = handler

    def answer(self, region: "Region", request: Request) -> Answer:
        """The answer of the function that the path leads to. Raises Refused: 404, 405, or what the function raises."""
        node, variables = self._root, []
        for segment in request.path.strip("/").split("/"):
            following = node.get(segment)
            if following is None:
                following = node.get(_ANY, {}) if segment else {}
                variables.append(unquote(segment))
            node = following
        handlers = node.get(_HERE)
        if handlers is None:
            raise Refused(404, "The resource could not be found.", "HTTPNotFound")
        handler = handlers.get(request.method)
        if handler is None:
            raise Refused(405, "The method specified is not allowed for this resource.", "HTTPMethodNotAllowed")
        answer: Answer = handler(region, request, *variables)
        return answer
