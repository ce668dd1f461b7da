"""What in a cluster would not come back by itself, were it stopped and started: to be told before a stop.

pods          without a controller, which ends with its machine and which nobody makes anew
webhooks      that let no pod be made while they do not answer, and answer from a pod
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from navarch.addons.connection import Connection
from navarch.addons.foreign import name
from navarch.domain.kube import ClusterObstacle

_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1"
_PODS_A_PAGE, _PAGES_OF_PODS, _MOST_TOLD = 500, 4, 20
_WEBHOOKS_A_PAGE, _PAGES_OF_WEBHOOKS = 20, 4
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
    bare = (pod["metadata"] for pod in listed if not _has_controller(pod["metadata"]))
    for metadata in islice(bare, _MOST_TOLD):
        yield _told(
            f"Pod {name(metadata['namespace'])}/{name(metadata['name'])}",
            "PodWithoutController",
            "has no controller that would make it anew after a start",
            "make it by a Deployment, a StatefulSet or a Job, or make it again once the cluster runs",
        )


def webhooks(connection: Connection) -> Iterator[ClusterObstacle]:
    """Those that all pods wait for, their own too: without a selector by which some are left out."""
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        listed = connection.list(
            f"{_WEBHOOKS}/{kind.lower()}s", page=_WEBHOOKS_A_PAGE, pages=_PAGES_OF_WEBHOOKS, whole=False
        )
        for made in listed:
            if any(_keeps_pods(webhook) for webhook in made.get("webhooks") or ()):
                yield _told(
                    f"{kind} {name(made['metadata']['name'])}",
                    "PodsWaitForWebhook",
                    "after a start no pod is made until it answers, and it answers from a pod",
                    "have it leave out its own namespace (namespaceSelector), or let pods pass (failurePolicy: Ignore)",
                )


def _has_controller(metadata: Seen) -> bool:
    return any(owner.get("controller") for owner in metadata.get("ownerReferences") or ())


def _keeps_pods(webhook: Seen) -> bool:
    open_to_all = not webhook.get("namespaceSelector") and not webhook.get("objectSelector")
    fails, within = webhook.get("failurePolicy", "Fail") == "Fail", "service" in webhook["clientConfig"]
    return bool(within and fails and open_to_all and any(_is_of_pods(rule) for rule in webhook.get("rules") or ()))


def _is_of_pods(rule: Seen) -> bool:
    groups, resources, operations = (set(rule.get(key) or ()) for key in ("apiGroups", "resources", "operations"))
    return bool(groups & {"", "*"} and resources & {"pods", "*", "*/*", "pods/*"} and operations & {"CREATE", "*"})


def _told(what: str, reason: str, message: str, remedy: str) -> ClusterObstacle:
    return ClusterObstacle(what, "a stop", reason, message, remedy, blocks=False, of_stop=True)
