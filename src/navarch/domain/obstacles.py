"""What inside a cluster is in the way of another version of Kubernetes: webhooks and policies that deny what an upgrade
writes, definitions and clients of what goes. And what of it a stop would end for good.

Pure. It is asked for rarely, and remembered with the cluster's status: so everybody who reads the status knows it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from navarch.domain.kube import ClusterObstacle
from navarch.domain.machines import Machine, version_wanted
from navarch.domain.offer import version_order
from navarch.domain.spec import Cluster, Role

ASKED_EVERY = timedelta(minutes=10)
ASKED_EVERY_WHILE_UPGRADING = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Survey:
    """All that was found when it was last asked for, whatever version may come next, or a stop."""

    at: datetime
    obstacles: tuple[ClusterObstacle, ...] = ()


def upgrade_obstacles(survey: Survey | None, to_version: str) -> tuple[ClusterObstacle, ...]:
    """What an upgrade to this version meets, that which blocks it first. `survey`: as in the cluster's status; None
    (nobody has looked yet) says nothing."""
    found = survey.obstacles if survey is not None else ()
    there = [o for o in found if not o.of_stop and (not o.removed_in or _minor(o.removed_in) <= _minor(to_version))]
    return tuple(sorted(there, key=lambda o: (not o.blocks, o.reason, o.what, o.where)))


def stop_obstacles(survey: Survey | None) -> tuple[ClusterObstacle, ...]:
    """What would not come back by itself after a stop. `survey` as above."""
    found = survey.obstacles if survey is not None else ()
    return tuple(sorted((o for o in found if o.of_stop), key=lambda o: (o.reason, o.what)))


def in_the_way(cluster: Cluster, live: tuple[Machine, ...], survey: Survey | None) -> tuple[ClusterObstacle, ...]:
    """What keeps the machines of this cluster from becoming another version now; empty: nothing, or none is to."""
    versions = {wanted for machine in live if (wanted := version_wanted(cluster, machine)) != machine.version}
    found = (o for version in sorted(versions) for o in upgrade_obstacles(survey, version) if o.blocks)
    return tuple(dict.fromkeys(found))


def asks_for_survey(cluster: Cluster, live: tuple[Machine, ...], survey: Survey | None, now: datetime) -> bool:
    """Whether it is time to look: always before the first machine of another version is touched."""
    if not any(m.role is Role.CONTROL_PLANE and m.joined for m in live) or cluster.deleting:
        return False
    upgrading = any(version_wanted(cluster, machine) != machine.version for machine in live)
    every = ASKED_EVERY_WHILE_UPGRADING if upgrading else ASKED_EVERY
    return survey is None or now - survey.at >= every


def _minor(version: str) -> tuple[int, ...]:
    return version_order(version)[:2]
