"""All services of a region behind one door: a request in, an answer out, never an exception."""

from collections.abc import Iterable, Mapping
from itertools import count
from urllib.parse import parse_qs, urlsplit

from navarch.simulator.openstack import cinder, errors, glance, keystone, neutron, nova, octavia, versions
from navarch.simulator.openstack.catalogue import SERVICES
from navarch.simulator.openstack.keystone import tokens
from navarch.simulator.openstack.messages import NOBODY, Answer, Refused, Request
from navarch.simulator.openstack.region import Region
from navarch.simulator.openstack.routing import Route, Routes

_TABLES: Mapping[str, Iterable[Route]] = {
    "identity": keystone.ROUTES,
    "compute": nova.ROUTES,
    "network": neutron.ROUTES,
    "block-storage": cinder.ROUTES,
    "load-balancer": octavia.ROUTES,
    "image": glance.ROUTES,
}
_BY_ROOT = {path.strip("/"): service for service, (path, _) in SERVICES.items()}


class Services:
    """Answers requests, each whole. Safe to call from threads."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self._open = {service: Routes(versions.routes(service)) for service in SERVICES}
        self._routes = {service: Routes(table) for service, table in _TABLES.items()}
        self._numbers = count(1)

    def request(self, method: str, url: str, body: object, headers: Mapping[str, str]) -> Request | None:
        """A request as it came over the wire; None: no service is at this address."""
        parts = urlsplit(url)
        root, _, path = parts.path.lstrip("/").partition("/")
        service = _BY_ROOT.get(root)
        if service is None:
            return None
        query = parse_qs(parts.query, keep_blank_values=True) if parts.query else {}
        return Request(method, service, f"/{path}", query, body, headers, f"{self.region.site.url}/{root}")

    def answer(self, request: Request) -> Answer:
        """Carry a request out, if its token allows that."""
        with self.region.lock:
            try:
                answer = self._admitted(request)
            except Refused as refused:
                answer = Answer(refused.status, errors.document(request.service, refused), refused.headers)
        number = next(self._numbers)
        answer.headers["x-openstack-request-id"] = f"req-{number >> 32:08x}-0000-4000-8000-{number & 0xFFFFFFFF:012x}"
        return answer

    def call(self, request: Request) -> Answer:
        """Carry a request out for the scope that it has: for programs of the region itself. Raises Refused."""
        with self.region.lock:
            return self._routes[request.service].answer(self.region, request)

    def _admitted(self, request: Request) -> Answer:
        if "/" not in request.path.strip("/"):
            return self._open[request.service].answer(self.region, request)
        if (request.method, request.path) == ("POST", "/v3/auth/tokens"):
            return tokens.issue(self.region, request)
        request.scope = tokens.scope_of(self.region, request.headers.get("X-Auth-Token", ""))
        if request.scope is NOBODY:
            raise tokens.unauthorized()
        if request.service != "identity":
            _check_roles(request)
        negotiated = versions.negotiated(request)
        answer = self._routes[request.service].answer(self.region, request)
        answer.headers.update(negotiated)
        return answer


def _check_roles(request: Request) -> None:
    """Raises Refused for a token without a project, or without a role that may do what is asked."""
    needed = "reader" if request.method in ("GET", "HEAD") else "member"
    if not request.scope.project_id or not {needed, "admin"} & request.scope.roles:
        raise Refused(403, "You are not authorized to perform the requested action.", "PolicyNotAuthorized")
