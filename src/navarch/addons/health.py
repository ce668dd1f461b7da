"""Whether an object has what it is to have, of any kind: as kstatus has it
(https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus), for the kinds that charts are made of."""

from collections.abc import Mapping
from typing import Any

from navarch.addons import foreign

Seen = Mapping[str, Any]


def waiting(seen: Seen) -> str:
    """What it lacks, in words; empty where it has all of it. Of kinds that say nothing of that, nothing is lacking."""
    metadata, status = seen["metadata"], seen.get("status") or {}
    if metadata.get("deletionTimestamp"):
        return "is being deleted"
    observed = status.get("observedGeneration")
    if isinstance(observed, int) and observed < int(metadata.get("generation") or 0):
        return "not looked at yet"
    rule = _RULES.get(str(seen.get("kind", "")))
    return foreign.text(rule(seen.get("spec") or {}, status), 200) if rule else ""


def _deployment(spec: Seen, status: Seen) -> str:
    if "observedGeneration" not in status:
        return "not looked at yet"
    wanted = spec.get("replicas", 1)
    have = min(status.get("availableReplicas", 0), status.get("updatedReplicas", 0))
    late = _condition(status, "Progressing")
    if late.get("reason") == "ProgressDeadlineExceeded":
        return f"{have} of {wanted} replicas available; gave up: {late.get('message', '')}"
    failure = _condition(status, "ReplicaFailure")
    if failure.get("status") == "True":
        return f"{have} of {wanted} replicas available: {failure.get('message', '')}"
    return "" if have >= wanted else f"{have} of {wanted} replicas available"


def _stateful_set(spec: Seen, status: Seen) -> str:
    wanted = spec.get("replicas", 1)
    if "observedGeneration" not in status:
        return "not looked at yet"
    have = status.get("readyReplicas", 0)
    if have < wanted:
        return f"{have} of {wanted} replicas ready"
    rolls = (spec.get("updateStrategy") or {}).get("type") == "RollingUpdate"
    return "being replaced" if rolls and status.get("updatedReplicas", 0) < wanted else ""


def _daemon_set(spec: Seen, status: Seen) -> str:
    if "observedGeneration" not in status:
        return "not looked at yet"
    wanted = status.get("desiredNumberScheduled", 0)
    have = min(status.get("numberReady", 0), status.get("updatedNumberScheduled", 0))
    return "" if have >= wanted else f"ready on {have} of {wanted} nodes"


def _job(spec: Seen, status: Seen) -> str:
    failed = _condition(status, "Failed")
    if failed.get("status") == "True":
        return f"failed: {failed.get('message', '')}"
    return "" if _condition(status, "Complete").get("status") == "True" else "not complete"


def _definition(spec: Seen, status: Seen) -> str:
    refused = _condition(status, "NamesAccepted")
    if refused.get("status") == "False":
        return f"its names are not accepted: {refused.get('message', '')}"
    return "" if _condition(status, "Established").get("status") == "True" else "not served yet"


def _api_service(spec: Seen, status: Seen) -> str:
    available = _condition(status, "Available")
    return "" if available.get("status") == "True" else f"not available: {available.get('message', '')}"


def _operated(spec: Seen, status: Seen) -> str:
    """What Prometheus Operator makes pods of."""
    available = _condition(status, "Available")
    if not available:
        return "not looked at yet"
    said = available.get("message") or available.get("reason") or ""
    return "" if available.get("status") == "True" else f"not available: {said}"


def _phase(*good: str) -> Any:
    return lambda spec, status: "" if status.get("phase", "") in good else f"is {status.get('phase') or 'new'}"


def _condition(status: Seen, type_: str) -> Seen:
    conditions = status.get("conditions") or ()
    return next((c for c in conditions if isinstance(c, Mapping) and c.get("type") == type_), {})


_RULES = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CustomResourceDefinition": _definition,
    "APIService": _api_service,
    "Prometheus": _operated,
    "Alertmanager": _operated,
    "Pod": _phase("Running", "Succeeded"),
    "Namespace": _phase("Active", ""),
}
TELLING = frozenset(_RULES)
"""Kinds that say something of their health. A claim is none: one that waits for its first pod is as it is to be."""
