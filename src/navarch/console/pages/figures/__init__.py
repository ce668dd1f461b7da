"""What a cluster uses, drawn: CPU and memory, its nodes, its API server, its pods, and the alerts that are raised."""

from fastapi import APIRouter
from fastapi.responses import Response

from navarch.console.pages.figures.charts import drawn
from navarch.console.visits import InProject

router = APIRouter()
RANGES = ("1h", "6h", "24h", "7d")


@router.get("/clusters/{cluster}/figures")
def show(visit: InProject, cluster: str, range: str = RANGES[0]) -> Response:  # noqa: A002 - its name in the address
    """The whole page, of one range."""
    asked = range if range in RANGES else RANGES[0]
    found = visit.navarch.cluster(cluster)
    seen = visit.navarch.figures(found["id"], asked)
    return visit.page(
        "figures/figures.html",
        cluster=found,
        seen=seen,
        ranges=RANGES,
        asked=asked,
        charts=[drawn(chart, seen["start"] or "", seen["step"]) for chart in seen["charts"]],
        now=visit.navarch.now(),
    )
