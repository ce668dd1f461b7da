"""What a cluster has in its cloud, as OpenAPI shows it. See `models.responses`."""

from datetime import datetime
from typing import Literal

from navarch.service.wish import Shown


class CloudObjectView(Shown):
    """An object in the cloud. `kind` is the cloud's word, as `load balancer`; `state`, too. `made_by` is navarch, or
    the cluster's own controller that made it: cloud-controller, csi. `purpose` and `of` (`namespace/name`): what in the
    cluster it is for, where its own controllers made it. `at_deletion`: what becomes of it when the cluster is deleted;
    `keepable`: a deletion can be asked to leave it (`keep=volumes`)."""

    kind: str
    id: str
    name: str
    made_by: str
    purpose: Literal["Service", "PersistentVolumeClaim"] | None
    of: str
    zone: str
    size_gib: int | None
    address: str
    state: str
    keepable: bool
    at_deletion: Literal["deleted", "kept"]


class CloudObjectPage(Shown):
    """All objects of a cluster: those of its Services and claims first. `seen_at`: when a worker saw them; null: none
    has looked yet. `unread`: kinds that could not be read then, which are shown as they were seen before. `left_out`:
    how many more there are; of a kind 500 are listed."""

    objects: list[CloudObjectView]
    seen_at: datetime | None
    unread: list[str]
    left_out: int
    next: str | None = None


class DeletionPlanView(CloudObjectPage):
    """What a deletion would take and leave. Nothing was done."""

    name: str
    keep_volumes: bool
