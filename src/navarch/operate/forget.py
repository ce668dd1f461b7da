"""`navarch-server forget CLUSTER`: drop what is written of a cluster that can never be deleted, and keep what stays.

The way out of the last dead end: its project is gone, or something in the cloud cannot be removed by anybody. Nothing
in the cloud is touched. What Navarch knew of the cluster is written to a file before its row goes.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from navarch.domain.codec import encode
from navarch.domain.errors import NavarchError
from navarch.domain.observed import KnownObject
from navarch.operate.explain import find
from navarch.operate.pause import who
from navarch.store.postgres import PostgresStore

_LEASE = 60.0  # seconds, which dropping a row does not take
_EVENTS_KEPT = 200
_REMOVING = {  # by OpenStack's own tool, where it is not `openstack KIND delete ID`
    "Keystone user": "user",
    "floating IP": "floating ip",
    "load balancer": "loadbalancer",
    "snapshot": "volume snapshot",
}
_OTHERS = (
    "What the cluster's own controllers made is not in Navarch's rows, and may stay, too: balancers, floating IPs and "
    "security groups of its Services, volumes of its claims. Look for it in the project."
)


class NotForgotten(NavarchError):
    """It stays, and the message says why."""


def forget(store: PostgresStore, reference: str, project_id: str | None, *, reason: str, proof: Path) -> str:
    """Drop it, and say what stays. Raises NotFound, Ambiguous, NotForgotten, and FileExistsError and other OSErrors for
    the proof: nothing was done then."""
    cluster = find(store, reference, project_id).cluster
    if not cluster.deleting:
        raise NotForgotten(
            f"nobody asked for {cluster.name} to be deleted: do that first (navarch --all-projects cluster delete "
            f"{cluster.id}), and look what is in the way with navarch-server explain"
        )
    claim = store.claim_cluster(cluster.id, f"forget-{os.getpid()}", lease=_LEASE)
    if claim is None:
        raise NotForgotten(f"a worker is busy with {cluster.name}: try again in a minute")
    machines = [m for m in store.machines(cluster.id) if not m.removed]
    document: dict[str, Any] = {
        "cluster": encode(claim.cluster),
        "forgotten_at": datetime.now(UTC).isoformat(),
        "forgotten_by": who(),
        "reason": reason,
        "beside_it": _OTHERS,
        "stays": [{**_shown(known), "remove_with": _command(known)} for known in claim.objects],
        "machines": [{"name": m.name, "zone": m.zone, "created_at": m.created_at.isoformat()} for m in machines],
        "conditions": [encode(condition) for condition in claim.status.conditions],
        "events": [encode(event) for event in store.latest_events(cluster.id, limit=_EVENTS_KEPT)],
    }
    _write(proof, json.dumps(document, indent=2) + "\n")
    store.forget(cluster.id, claim.token)
    stays = [f"  {known.kind} {known.name} ({known.id})\n    {_command(known)}" for known in claim.objects]
    ours = ["Of what Navarch made, these were last seen in its project, and stay:", *stays]
    told = "\n".join([*(ours if stays else ["Of what Navarch made, nothing was seen last."]), _OTHERS])
    return f"{cluster.name} ({cluster.id}) of project {cluster.project_id} is forgotten; {proof} says all.\n{told}"


def _shown(known: KnownObject) -> dict[str, str]:
    return {"kind": known.kind, "name": known.name, "id": known.id}


def _command(known: KnownObject) -> str:
    cascade = " --cascade" if known.kind == "load balancer" else ""
    return f"openstack {_REMOVING.get(known.kind, known.kind)} delete{cascade} {known.id}"


def _write(path: Path, text: str) -> None:
    """A new file, for its owner alone, on the disk when this returns."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
