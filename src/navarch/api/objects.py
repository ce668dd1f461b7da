"""`/kaas/v1/clusters/{cluster}/objects`: what a cluster has in its cloud."""

from typing import Any

from fastapi import APIRouter, Response

from navarch.api.access import MayRead, answer
from navarch.api.models.objects import CloudObjectPage, CloudObjectView, DeletionPlanView
from navarch.api.problems import documented
from navarch.domain.inventory import CloudObject
from navarch.service import inventory
from navarch.service.inventory import Belongings

router = APIRouter(prefix="/kaas/v1/clusters/{cluster}/objects", tags=["clusters"])


@router.get("", response_model=CloudObjectPage, responses=documented(400, 401, 403, 404, 503))
def list_objects(access: MayRead, cluster: str) -> Any:
    """What a cluster has in its cloud, and what would become of each object, were the cluster deleted. Workers look
    every two or three minutes at a cluster that is Ready, and more often at others."""
    found = inventory.belongings(access, cluster)
    return CloudObjectPage(
        objects=_views(found), seen_at=found.seen_at, unread=list(found.unread), left_out=found.left_out
    )


def deletion_plan(found: Belongings) -> Response:
    """The answer to a dry run of a deletion."""
    plan = DeletionPlanView(
        name=found.cluster.name,
        keep_volumes=found.cluster.keep_volumes,
        objects=_views(found),
        seen_at=found.seen_at,
        unread=list(found.unread),
        left_out=found.left_out,
    )
    return answer(plan.model_dump_json().encode())


def _views(found: Belongings) -> list[CloudObjectView]:
    return [_view(one, keep_volumes=found.cluster.keep_volumes) for one in found.objects]


def _view(one: CloudObject, *, keep_volumes: bool) -> CloudObjectView:
    return CloudObjectView(
        kind=one.kind,
        id=one.id,
        name=one.name,
        made_by=one.made_by,
        purpose=one.purpose.value if one.purpose is not None else None,
        of=one.of,
        zone=one.zone,
        size_gib=one.size_gib or None,
        address=one.address,
        state=one.state,
        keepable=one.keepable,
        at_deletion=one.fate(keep_volumes=keep_volumes).value,
    )
