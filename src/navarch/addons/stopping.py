"""What in a cluster would not come back by itself, were it stopped and started: to be told before a stop.

pods          without a controller, which ends with its machine and which nobody makes anew
webhooks      that let no pod be made while they do not answer, and answer from a pod
"""

from collections.abc import Iterator, Mapping
from typing import Any

from navarch.addons.connection import Connection
from navarch.addons.foreign import name
from navarch.domain.kube import ClusterObstacle

WHERE = "a stop"
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1"
_PODS_A_PAGE, _PAGES_OF_PODS, _MOST_PODS, _MOST_WEBHOOKS = 500, 4, 20, 20
_UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed"

Seen = Mapping[str, Any]


def pods(connection: Connection) -> Iterator[ClusterObstacle]:
    """The first of those without a controller; of very many pods not all are looked at."""
    listed = connection.list(
        "/api/v1/pods",
        page=_PODS_A_PAGE,
        pages=_PAGES_OF_PODS,
        whole=False,
        metadata_only=True,
        fieldSelector=_UNFINISHED,
    )
    told = 0
    for metadata in (pod["metadata"] for pod in listed):
        if told < _MOST_PODS and not any(owner.get("controller") for owner in metadata.get("ownerReferences") or ()):
            told += 1
            yield _told(
                f"Pod {name(metadata['namespace'])}/{name(metadata['name'])}",
                "PodWithoutController",
                "has no controller that would make it anew after a start",
                "make it by a Deployment, a StatefulSet or a Job, or make it again once the cluster runs",
            )


def webhooks(connection: Connection) -> Iterator[ClusterObstacle]:
    """Those that all pods wait for, their own too: without a selector by which some are left out."""
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        listed = connection.list(f"{_WEBHOOKS}/{kind.lower()}s", page=_MOST_WEBHOOKS, pages=_PAGES_OF_PODS, whole=False)
        for made in listed:
            if any(_keeps_pods(webhook) for webhook in made.get("webhooks") or ()):
                yield _told(
                    f"{kind} {name(made['metadata']['name'])}",
                    "PodsWaitForWebhook",
                    "after a start no pod is made until it answers, and it answers from a pod",
                    "have it leave out its own namespace (namespaceSelector), or let pods pass (failurePolicy: Ignore)",
                )


def _keeps_pods(webhook: Seen) -> bool:
    open_to_all = not webhook.get("namespaceSelector") and not webhook.get("objectSelector")
    fails, within = webhook.get("failurePolicy", "Fail") == "Fail", "service" in webhook["clientConfig"]
    return bool(within and fails and open_to_all and any(_is_of_pods(rule) for rule in webhook.get("rules") or ()))


def _is_of_pods(rule: Seen) -> bool:
    groups, resources, operations = (set(rule.get(key) or ()) for key in ("apiGroups", "resources", "operations"))
    return bool(groups & {"", "*"} and resources & {"pods", "*", "*/*", "pods/*"} and operations & {"CREATE", "*"})


def _told(what: str, reason: str, message: str, remedy: str) -> ClusterObstacle:
    return ClusterObstacle(what, WHERE, reason, message, remedy, blocks=False, of_stop=True)
