"""Octavia: load balancers with listeners, pools, members and health monitors. Both its names of version 2 serve."""

from navarch.simulator.openstack.octavia import balancers, offer, parts
from navarch.simulator.openstack.routing import Route

_BELOW: tuple[Route, ...] = (*balancers.ROUTES, *parts.ROUTES, *offer.ROUTES)
ROUTES: tuple[Route, ...] = tuple(
    (method, f"/{version}{path}", handler) for version in ("v2", "v2.0") for method, path, handler in _BELOW
)
