"""`/kaas/v1/clusters/{cluster}/figures` and `/workloads`: what goes on inside a cluster."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from navarch.api import policy
from navarch.api.access import allowed
from navarch.api.models.insights import AlertView, FiguresView, LabelView, WorkloadsView
from navarch.api.problems import documented
from navarch.domain.insight import Alert, Figures, Insight, Span, Workloads
from navarch.service import insights
from navarch.service.access import Access

router = APIRouter(prefix="/kaas/v1/clusters/{cluster}", tags=["clusters"])
MaySeeFigures = Annotated[Access, Depends(allowed(policy.FIGURES))]
MaySeeWorkloads = Annotated[Access, Depends(allowed(policy.WORKLOADS))]
Range = Annotated[Span, Query(alias="range", description="How far back they go.")]
Namespace = Annotated[str, Query(max_length=63, description="Only what is in this namespace.")]


@router.get("/figures", response_model=FiguresView, responses=documented(400, 401, 403, 404, 503))
def show_figures(access: MaySeeFigures, cluster: str, span: Range = Span.HOUR) -> Any:
    """What the cluster's add-on `monitoring` or `prometheus` has measured, and the alerts that are raised. A worker
    reads it when somebody asks and the last answer is older than half a minute; it is waited for up to three
    seconds."""
    return _figures(span, insights.figures(access, cluster, span))


@router.get("/workloads", response_model=WorkloadsView, responses=documented(400, 401, 403, 404, 422, 503))
def show_workloads(access: MaySeeWorkloads, cluster: str, namespace: Namespace = "") -> Any:
    """Deployments, StatefulSets, DaemonSets, Jobs and Services of the cluster, and why pods wait. It is read as figures
    are. Of Secrets, environments and logs nothing is read."""
    return _workloads(namespace, insights.workloads(access, cluster, namespace))


def _figures(span: Span, seen: Insight) -> FiguresView:
    its = seen.content if isinstance(seen.content, Figures) else None
    raised = None if its is None or its.alerts is None else [_alert(alert) for alert in its.alerts]
    return FiguresView.model_validate(
        {
            "range": span.value,
            "source": its and its.source,
            "start": its and its.start,
            "step": span.step,
            "charts": its.charts if its else (),
            "tops": its.tops if its else (),
            "alerts": raised,
            "alerts_left_out": its.alerts_left_out if its else 0,
            "unanswered": its.unanswered if its else (),
            "seen_at": seen.seen_at,
            "trouble": seen.trouble,
        }
    )


def _workloads(namespace: str, seen: Insight) -> WorkloadsView:
    its = seen.content if isinstance(seen.content, Workloads) else Workloads()
    return WorkloadsView.model_validate(
        {
            "namespace": namespace or None,
            "namespaces": its.namespaces,
            "workloads": its.workloads,
            "services": its.services,
            "left_out": its.left_out,
            "seen_at": seen.seen_at,
            "trouble": seen.trouble,
        }
    )


def _alert(alert: Alert) -> AlertView:
    return AlertView(
        name=alert.name,
        severity=alert.severity,
        since=alert.since,
        about=[LabelView(name=name, value=value) for name, value in alert.about],
        summary=alert.summary,
    )
