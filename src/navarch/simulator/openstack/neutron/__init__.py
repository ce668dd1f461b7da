"""Neutron: networks, subnets, routers, ports, security groups, floating IPs."""

from navarch.simulator.openstack.neutron import (
    floating_ips,
    networks,
    operator,
    ports,
    quotas,
    routers,
    security_groups,
    subnets,
)
from navarch.simulator.openstack.routing import Route

ROUTES: tuple[Route, ...] = (
    *networks.ROUTES,
    *subnets.ROUTES,
    *routers.ROUTES,
    *ports.ROUTES,
    *security_groups.ROUTES,
    *floating_ips.ROUTES,
    *quotas.ROUTES,
    *operator.ROUTES,
)
