"""What balancers and their parts go through, and what a project may have of them."""

from collections.abc import Iterator

from navarch.simulator.openstack.inventory import Object
from navarch.simulator.openstack.messages import Refused
from navarch.simulator.openstack.region import Region

PARTS = ("listener", "pool", "member", "health monitor")


def parts_of(region: Region, balancer: Object) -> Iterator[Object]:
    """Everything that a balancer consists of."""
    for kind in PARTS:
        for part in region[kind].of(balancer.project_id):
            if part.hidden["balancer_id"] == balancer.id:
                yield part


def change(region: Region, balancer: Object) -> None:
    """Something of it changes: PENDING_UPDATE, then ACTIVE."""
    balancer.body |= {"provisioning_status": "PENDING_UPDATE", "updated_at": moment(region)}
    seconds = region.fates.balancer_seconds / 2
    region.timeline.after(seconds, lambda: settle(region, balancer, "PENDING_UPDATE", "ACTIVE"))


def settle(region: Region, balancer: Object, since: str, status: str) -> None:
    """What was begun ends, unless something else was begun meanwhile."""
    if balancer["provisioning_status"] == since:
        operating = "ONLINE" if status == "ACTIVE" else "OFFLINE"
        for one in (balancer, *parts_of(region, balancer)):
            one.body |= {"provisioning_status": status, "operating_status": operating}


def within_quota(region: Region, project_id: str, kind: str, resource: str, word: str, more: int = 1) -> None:
    """Raises Refused where the project may have no more."""
    limit = region.limit(project_id, resource)
    if 0 <= limit < region[kind].count(project_id) + more:
        raise Refused(403, f"Quota has been met for resources: {word}")


def moment(region: Region) -> str:
    """Now, as Octavia writes it."""
    return region.now().strftime("%Y-%m-%dT%H:%M:%S")
