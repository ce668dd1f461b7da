"""What runs in a cluster: Deployments, StatefulSets, DaemonSets, Jobs and Services, and why pods wait."""

from fastapi import APIRouter
from fastapi.responses import Response

from navarch.client.errors import Problem
from navarch.console.visits import InProject

router = APIRouter()
_UNUSABLE = (400, 422)


@router.get("/clusters/{cluster}/workloads")
def show(visit: InProject, cluster: str, namespace: str = "") -> Response:
    """The whole page, of one namespace or of all."""
    found = visit.navarch.cluster(cluster)
    try:
        seen = visit.navarch.workloads(found["id"], namespace)
    except Problem as problem:
        if problem.status not in _UNUSABLE:  # an address that somebody typed: all namespaces then
            raise
        namespace = ""
        seen = visit.navarch.workloads(found["id"])
    groups: dict[str, list[object]] = {}
    for its in seen["workloads"]:
        groups.setdefault(its["namespace"], []).append(its)
    return visit.page(
        "workloads/workloads.html",
        cluster=found,
        seen=seen,
        chosen=namespace,
        groups=list(groups.items()),
        waiting=sum(1 for its in seen["workloads"] if its["waits"]),
        now=visit.navarch.now(),
    )
