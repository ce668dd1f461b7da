"""Nova: servers and what is attached to them, server groups, flavors, limits."""

from navarch.simulator.openstack.nova import actions, attachments, offer, server_groups, servers, tags
from navarch.simulator.openstack.routing import Route

ROUTES: tuple[Route, ...] = (
    *servers.ROUTES,
    *tags.ROUTES,
    *actions.ROUTES,
    *attachments.ROUTES,
    *server_groups.ROUTES,
    *offer.ROUTES,
)
