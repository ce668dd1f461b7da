"""Keystone: tokens and the catalogue; domains, projects, users and their roles; trusts and application credentials."""

from navarch.simulator.openstack.keystone import delegation, projects, tokens, users
from navarch.simulator.openstack.routing import Route

ROUTES: tuple[Route, ...] = (*tokens.ROUTES, *projects.ROUTES, *users.ROUTES, *delegation.ROUTES)
