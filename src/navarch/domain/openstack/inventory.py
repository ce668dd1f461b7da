"""What was seen of a cluster in OpenStack, as `domain.inventory` tells it."""

from datetime import datetime

from navarch.domain.cloud import CloudState
from navarch.domain.inventory import CloudObject, Inventory, Purpose
from navarch.domain.openstack.resources import (
    CLOUD_CONTROLLER,
    CSI,
    RESOURCES,
    AnyResource,
    FloatingIP,
    LoadBalancer,
    Port,
    Server,
    Snapshot,
    Volume,
    made_by,
)
from navarch.domain.texts import harmless

MOST_OF_A_KIND = 500  # a project may have as many volumes as its cloud lets it
_LONGEST = 255  # characters of a name


def inventory(cloud: CloudState, seen_at: datetime) -> Inventory:
    """What there is, kind by kind in the order of their making."""
    known = [type_ for type_ in RESOURCES if cloud.knows(type_)]
    found = tuple((t.kind.value, tuple(_told(cloud, r) for r in cloud.of(t)[:MOST_OF_A_KIND])) for t in known)
    unread = tuple(type_.kind.value for type_ in RESOURCES if type_ not in known)
    return Inventory(seen_at, found, unread, sum(max(0, len(cloud.of(t)) - MOST_OF_A_KIND) for t in known))


def _told(cloud: CloudState, resource: AnyResource) -> CloudObject:
    purpose, of = _purpose(cloud, resource)
    return CloudObject(
        kind=resource.kind.value,
        id=resource.id,
        name=_line(resource.name),
        made_by=made_by(resource),
        purpose=purpose,
        of=_line(of),
        zone=getattr(resource, "zone", ""),
        size_gib=getattr(resource, "size_gib", 0),
        address=_address(resource),
        state=_state(resource),
        keepable=made_by(resource) == CSI,  # `deletion` leaves what this driver made
    )


def _line(text: str) -> str:
    """What whoever owns the project may have written, as one short line."""
    return harmless(" ".join(text[:_LONGEST].split()))


def _purpose(cloud: CloudState, resource: AnyResource) -> tuple[Purpose | None, str]:
    match resource:
        case LoadBalancer(service=service) if service:
            return Purpose.SERVICE, service
        case FloatingIP(made_by=maker, name=service) if maker == CLOUD_CONTROLLER:
            return Purpose.SERVICE, service
        case Volume(claim=claim) if claim:
            return Purpose.CLAIM, claim
        case Snapshot(made_by=maker, volume_id=volume) if maker == CSI:
            taken_of = cloud.with_id(Volume, volume)
            return _purpose(cloud, taken_of) if taken_of is not None else (None, "")
        case _:
            return None, ""


def _address(resource: AnyResource) -> str:
    match resource:
        case LoadBalancer(vip_address=address) | FloatingIP(address=address) | Port(address=address):
            return address
        case _:
            return ""


def _state(resource: AnyResource) -> str:
    match resource:
        case LoadBalancer(provisioning_status=state):
            return state
        case Server(status=state) | Volume(status=state) | Snapshot(status=state):
            return state
        case _:
            return ""
