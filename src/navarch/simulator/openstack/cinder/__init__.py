"""Cinder: volumes, snapshots, volume types. Every path names the project."""

from navarch.simulator.openstack.cinder import offer, snapshots, volumes
from navarch.simulator.openstack.routing import Route

ROUTES: tuple[Route, ...] = (*volumes.ROUTES, *snapshots.ROUTES, *offer.ROUTES)
