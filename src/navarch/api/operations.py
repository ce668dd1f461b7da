"""For operators: health, readiness, figures. No token is needed, and nothing of a customer is told."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from navarch.api.problems import documented
from navarch.api.scope import Figures
from navarch.api.service import service_of
from navarch.api.shapes import HealthView

router = APIRouter(tags=["operations"])


@router.get("/healthz", response_model=HealthView)
def healthz() -> Any:
    """The process answers."""
    return HealthView(status="ok")


@router.get("/readyz", response_model=HealthView, responses=documented(503))
def readyz(request: Request) -> Any:
    """The database answers, too."""
    service = service_of(request)
    service.store.ping()
    offer = "read" if service.store.catalogue() is not None else "not read yet: no worker has run"
    checks = {"database": "answers", "offer": offer}
    if pauses := service.store.pauses():
        everything = any(pause.project_id is None for pause in pauses)
        checks["paused"] = "everything" if everything else f"projects: {len(pauses)}"
    return HealthView(status="ready", checks=checks)


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> Response:
    """Prometheus metrics."""
    figures: Figures = request.app.state.figures
    return Response(generate_latest(figures.registry), media_type=CONTENT_TYPE_LATEST)
