"""What the project may use, and what it uses."""

from fastapi import APIRouter
from fastapi.responses import Response

from navarch.console.visits import InProject

router = APIRouter()
_BAR = 100.0


@router.get("/quota")
def show(visit: InProject) -> Response:
    """Each quota as a bar, the fullest first."""
    found = visit.navarch.quota()
    rows = [
        {**its, "part": round(_BAR * its["used"] / max(its["limit"], its["used"], 1), 1) if its["limit"] >= 0 else 0.0}
        for its in found["quota"]
    ]
    rows.sort(key=lambda row: (row["limit"] < 0, -row["part"], row["name"]))
    return visit.page("quotas/quota.html", rows=rows, read_at=found.get("read_at"))
