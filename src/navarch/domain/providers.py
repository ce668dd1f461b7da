"""Who provides a cluster's infrastructure. One today: OpenStack."""

from datetime import datetime
from typing import get_args

from navarch.domain.cloud import CloudState
from navarch.domain.infrastructure import Infrastructure
from navarch.domain.inventory import Inventory
from navarch.domain.observed import KnownObject, Observed, Wanted
from navarch.domain.openstack import inventory as told
from navarch.domain.openstack import tidy
from navarch.domain.openstack.infrastructure import OpenStack
from navarch.domain.openstack.resources import RESOURCES
from navarch.domain.openstack.steps import AnyCloudStep
from navarch.domain.spec import Cluster
from navarch.domain.steps import Step

KINDS: tuple[str, ...] = tuple(type_.kind.value for type_ in RESOURCES)  # of objects, in the order of their making
CLOUD_STEPS: tuple[type[Step], ...] = get_args(AnyCloudStep)


def nothing_there() -> CloudState:
    """What a look shows where nothing of a cluster exists: every kind was read, and is empty."""
    return CloudState.showing(RESOURCES)


def recognised(cloud: CloudState, known: tuple[KnownObject, ...]) -> CloudState:
    """What was read, with every object that is known by its id under the name that it was given."""
    return tidy.recognised(cloud, known)


def known_objects(cluster: Cluster, observed: Observed, now: datetime) -> tuple[KnownObject, ...]:
    """What is written down of the cluster's objects after a cycle."""
    return tidy.known_objects(infrastructure(cluster, observed, now).cloud, observed.record.objects)


def inventory(observed: Observed, seen_at: datetime) -> Inventory:
    """What there is in the cloud, for people. `seen_at`: when it was last looked at in full."""
    return told.inventory(observed.cloud, seen_at)


def infrastructure(cluster: Cluster, observed: Observed, now: datetime, wanted: Wanted | None = None) -> Infrastructure:
    """The cluster's infrastructure as it was seen. `wanted` None: for whoever only looks."""
    return OpenStack(cluster, observed, wanted or Wanted(), now)
