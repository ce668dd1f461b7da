"""Events on a cluster's pods: what autoscaling does for them, as `kubectl describe pod` shows it."""

from hashlib import sha256

from navarch.addons import errors
from navarch.addons.connection import Connection
from navarch.addons.contract import PodEvent
from navarch.addons.parallel import at_once
from navarch.domain.errors import Permanent, Temporary

_COMPONENT = "navarch"
_LONGEST = 1000  # characters; the API takes 1024


def tell(connection: Connection, events: tuple[PodEvent, ...]) -> None:
    """Write them down. A pod that is gone, or its namespace, needs none. Raises Temporary or Permanent."""
    for answer in at_once(lambda event: _written(connection, event), events):
        if answer is not None:
            raise answer


def _written(connection: Connection, event: PodEvent) -> Temporary | Permanent | None:
    namespace, _, name = event.pod.partition("/")
    at = event.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = sha256(f"{event.uid}{event.reason}{event.at.isoformat()}".encode()).hexdigest()[:16]
    made = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name[:200]}.{digest}", "namespace": namespace},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": name, "uid": event.uid},
        "reason": event.reason,
        "message": event.message[:_LONGEST],
        "type": "Normal",
        "count": 1,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "source": {"component": _COMPONENT},
        "reportingComponent": _COMPONENT,
    }
    try:
        connection.create(f"/api/v1/namespaces/{namespace}/events", made)
    except (errors.Exists, errors.Absent):
        return None
    except (Temporary, Permanent) as error:
        return error
    return None
