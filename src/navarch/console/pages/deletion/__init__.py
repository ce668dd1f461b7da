"""Deleting a cluster: what goes and what stays, its name typed, and no way past its protection."""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import Response

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
    found = visit.navarch.cluster(cluster)
    if form.text("name") != found["name"]:
        return _page(visit, cluster, misspelt=True, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return done(
        visit,
        f"/clusters/{found['id']}",
        lambda: visit.navarch.delete_cluster(found["id"], keep_volumes=form.ticked("keep_volumes")),
        lambda wrong, status: _page(visit, cluster, wrong=wrong, status=status),
    )


def _page(
    visit: Visit, cluster: str, *, misspelt: bool = False, wrong: list[str] | None = None, status: int = HTTPStatus.OK
) -> Response:
    found = visit.navarch.cluster(cluster)
    machines = list(visit.navarch.machines(cluster))
    return visit.page(
        "deletion/delete.html", status, cluster=found, machines=machines, misspelt=misspelt, wrong=wrong or []
    )
