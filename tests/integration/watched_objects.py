"""Objects of each kind that the add-on monitoring's exporter says something of, in the namespace `watched`."""

from typing import Any

from navarch.addons.connection import Connection

META = {"namespace": "watched"}
POD = {"containers": [{"name": "c", "image": "x/web:1"}]}
OWNED = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "1", "controller": True}
BEGAN, ENDED = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"


def made(api: Connection, path: str, body: dict[str, Any], status: dict[str, Any] | None = None) -> str:
    """Make an object, with what its controller would say of it; gives its path."""
    api.create(path, body)
    where = f"{path}/{body['metadata']['name']}"
    if status:
        api.merge(f"{where}/status", {"status": status})
    return where


def everything(api: Connection) -> list[str]:
    """An object of each kind, of whose series none is left out; gives their paths."""
    labels = {"metadata": {"labels": {"app": "web"}}}
    selector, template = {"matchLabels": {"app": "web"}}, {**labels, "spec": POD}
    finished = {"exitCode": 1, "reason": "Error", "startedAt": BEGAN, "finishedAt": ENDED}
    state = {"name": "c", "image": "x/web:1", "imageID": "sha256:1", "containerID": "c://1", "restartCount": 3}
    waiting = {**state, "ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    ran = {**state, "ready": True, "state": {"running": {"startedAt": BEGAN}}}
    amounts = {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    core, apps, batch = "/api/v1/namespaces/watched", "/apis/apps/v1/namespaces/watched", "/apis/batch/v1"
    job = {"template": {"spec": {**POD, "restartPolicy": "Never"}}}
    pod = {
        "automountServiceAccountToken": False,
        "nodeName": "n-1",
        "containers": [{"name": "c", "image": "x/web:1", "resources": amounts}],
        "initContainers": [{"name": "c-init", "image": "x/web:1", "resources": amounts}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}],
        "serviceAccountName": "exporter",
    }
    init = {**state, "name": "c-init"}
    return [
        made(
            api,
            "/api/v1/nodes",
            {
                "metadata": {"name": "n-1", "labels": {"node-role.kubernetes.io/control-plane": ""}},
                "spec": {"unschedulable": True, "taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]},
            },
            {
                "capacity": {"cpu": "4", "memory": "16Gi", "example.org/gpu": "2"},
                "allocatable": {"cpu": "3900m", "memory": "15Gi"},
                "conditions": [{"type": "Ready", "status": "Unknown"}],
                "addresses": [{"type": "InternalIP", "address": "10.0.0.5"}],
            },
        ),
        made(
            api,
            f"{core}/pods",
            {"metadata": {"name": "web-1-a", **META, "ownerReferences": [OWNED]}, "spec": pod},
            {
                "phase": "Running",
                "reason": "Evicted",
                "startTime": BEGAN,
                "conditions": [{"type": "Ready", "status": "False"}, {"type": "PodScheduled", "status": "False"}],
                "containerStatuses": [{**waiting, "lastState": {"terminated": finished}}],
                "initContainerStatuses": [
                    {**init, "ready": False, "state": {"waiting": {"reason": "ImagePullBackOff"}},
                     "lastState": {"terminated": finished}}
                ],
            },
        ),
        made(
            api,
            f"{core}/pods",
            {"metadata": {"name": "once", **META}, "spec": {**pod, "volumes": []}},
            {
                "phase": "Failed",
                "containerStatuses": [{**state, "ready": False, "state": {"terminated": finished}}],
                "initContainerStatuses": [{**init, "ready": False, "state": {"terminated": finished}}],
            },
        ),
        made(
            api,
            f"{core}/pods",
            {"metadata": {"name": "runs", **META}, "spec": {**pod, "volumes": []}},
            {"phase": "Running", "containerStatuses": [ran]},
        ),
        made(
            api,
            f"{apps}/deployments",
            {"metadata": {"name": "web", **META}, "spec": {"replicas": 3, "selector": selector, "template": template}},
            {
                "replicas": 3, "readyReplicas": 1, "availableReplicas": 1, "unavailableReplicas": 2,
                "conditions": [{"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"}],
            },
        ),
        made(
            api,
            f"{apps}/replicasets",
            {"metadata": {"name": "web-1", **META}, "spec": {"selector": selector, "template": template}},
        ),
        made(
            api,
            f"{apps}/statefulsets",
            {
                "metadata": {"name": "db", **META},
                "spec": {"serviceName": "db", "selector": selector, "template": template},
            },
            {"replicas": 1, "readyReplicas": 1, "currentRevision": "db-1", "updateRevision": "db-2"},
        ),
        made(
            api,
            f"{apps}/daemonsets",
            {"metadata": {"name": "agent", **META}, "spec": {"selector": selector, "template": template}},
            {"currentNumberScheduled": 1, "desiredNumberScheduled": 2, "numberMisscheduled": 0, "numberReady": 1},
        ),
        made(
            api,
            f"{batch}/namespaces/watched/jobs",
            {"metadata": {"name": "bad", **META}, "spec": {**job, "activeDeadlineSeconds": 60}},
            {
                "startTime": BEGAN,
                "failed": 1,
                "conditions": [
                    {"type": "FailureTarget", "status": "True", "reason": "BackoffLimitExceeded"},
                    {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"},
                ],
            },
        ),
        made(
            api,
            f"{batch}/namespaces/watched/jobs",
            {"metadata": {"name": "good", **META}, "spec": job},
            {
                "startTime": BEGAN,
                "completionTime": ENDED,
                "succeeded": 1,
                "conditions": [{"type": t, "status": "True"} for t in ("SuccessCriteriaMet", "Complete")],
            },
        ),
        made(
            api,
            f"{batch}/namespaces/watched/cronjobs",
            {"metadata": {"name": "nightly", **META}, "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": job}}},
            {"lastScheduleTime": BEGAN, "lastSuccessfulTime": ENDED},
        ),
        made(
            api,
            "/apis/autoscaling/v2/namespaces/watched/horizontalpodautoscalers",
            {
                "metadata": {"name": "web", **META},
                "spec": {
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                    "maxReplicas": 9,
                },
            },
            {
                "currentReplicas": 3,
                "desiredReplicas": 9,
                "conditions": [{"type": "ScalingLimited", "status": "True"}],
                "currentMetrics": None,
            },
        ),
        made(
            api,
            f"{core}/persistentvolumeclaims",
            {
                "metadata": {"name": "data", **META},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "storageClassName": "fast",
                    "resources": {"requests": {"storage": "20Gi"}},
                },
            },
            {"phase": "Pending", "conditions": [{"type": "Resizing", "status": "True"}]},
        ),
        made(
            api,
            "/api/v1/persistentvolumes",
            {
                "metadata": {"name": "pv-1"},
                "spec": {
                    "capacity": {"storage": "20Gi"},
                    "accessModes": ["ReadWriteOnce"],
                    "claimRef": {"namespace": "watched", "name": "data"},
                    "csi": {"driver": "cinder", "volumeHandle": "1"},
                },
            },
        ),
    ]  # fmt: skip
