"""Deleting a cluster: what goes and what stays one by one, its name typed, and no way past its protection."""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import Response

from navarch.console.belongings import shown
from navarch.console.changes import done
from navarch.console.visits import InProject, Posted, Visit

router = APIRouter()
_PATH = "/clusters/{cluster}/delete"


@router.get(_PATH)
def show(visit: InProject, cluster: str) -> Response:
    """What would go."""
    return _page(visit, cluster)


@router.post(_PATH)
def delete(visit: InProject, form: Posted, cluster: str) -> Response:
    """Ask it to go. The cluster's id is in the address: one that was made anew under the same name is another."""
    found, keep = visit.navarch.cluster(cluster), form.ticked("keep_volumes")
    if form.text("name") != found["name"]:
        return _page(visit, cluster, misspelt=True, keep=keep, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return done(
        visit,
        f"/clusters/{found['id']}",
        lambda: visit.navarch.delete_cluster(found["id"], keep_volumes=keep),
        lambda wrong, status: _page(visit, cluster, wrong=wrong, keep=keep, status=status),
    )


def _page(
    visit: Visit,
    cluster: str,
    *,
    misspelt: bool = False,
    keep: bool = False,
    wrong: list[str] | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    found = visit.navarch.cluster(cluster)
    machines = list(visit.navarch.machines(cluster))
    # One that may not be deleted has no plan of it.
    plan = None if found["spec"].get("protected") else shown(visit.navarch.plan_deletion(found["id"]))
    return visit.page(
        "deletion/delete.html",
        status,
        cluster=found,
        machines=machines,
        plan=plan,
        misspelt=misspelt,
        keep=keep,
        wrong=wrong or [],
        now=visit.navarch.now(),
    )
