"""Kubernetes objects that the chapters make. Pure."""

from typing import Any

_IMAGE = "registry.navarch.internal/sample-web:1"


def deployment(
    name: str,
    cpu: str,
    *,
    replicas: int = 1,
    claim: str = "",
    where: dict[str, str] | None = None,
    devices: dict[str, str] | None = None,
) -> Any:
    """A Deployment of the sample application. `where`: labels of the nodes that it goes to; `devices`: extended
    resources that each pod asks for."""
    resources: dict[str, Any] = {"requests": {"cpu": cpu, "memory": "32Mi"}}
    if devices:
        resources["limits"] = devices
    container: dict[str, Any] = {"name": "web", "image": _IMAGE, "resources": resources}
    container["env"] = [{"name": "POD_NAME", "value": name}, {"name": "NODE_NAME", "value": "any"}]
    spec: dict[str, Any] = {"containers": [container], "terminationGracePeriodSeconds": 1}
    if claim:
        container["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    if where:
        spec["nodeSelector"] = where
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def claim(name: str) -> Any:
    """A claim of the default class."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


def horizontal(name: str, *, most: int) -> Any:
    """More pods where each takes six thousandths of a CPU: with all on two cores, who asks takes more than who
    answers."""
    target = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "6m"}},
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": 1,
            "maxReplicas": most,
            "metrics": [target],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
        },
    }
