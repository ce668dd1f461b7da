"""For operators: health and readiness. No token is needed, and nothing of a customer is told."""

from typing import Any

from fastapi import APIRouter, Request

from navarch.api.access import service_of
from navarch.api.models.responses import HealthView
from navarch.api.problems import documented

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
    offer = "read" if service.store.offer() is not None else "not read yet: no worker has run"
    checks = {"database": "answers", "offer": offer}
    if pauses := service.store.pauses():
        everything = any(pause.project_id is None for pause in pauses)
        checks["paused"] = "everything" if everything else f"projects: {len(pauses)}"
    return HealthView(status="ready", checks=checks)
