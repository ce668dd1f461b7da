"""Who objects to what an upgrade writes: the user's webhooks and admission policies.

Typical writes are made on trial (`dryRun`): the API server itself asks whoever may object, and says who did. A webhook
that no trial reaches, since it looks at changes and deletions alone, is judged by its configuration: does it match such
a write, and is there anybody behind its Service.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from navarch.addons import errors
from navarch.addons.connection import Connection
from navarch.addons.foreign import name, text
from navarch.addons.parallel import at_once
from navarch.domain.errors import Permanent, Temporary
from navarch.domain.kube import ClusterObstacle

_CONFIGURATIONS = (
    ("MutatingWebhookConfiguration", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"),
    ("ValidatingWebhookConfiguration", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"),
)
_TRIAL_SECONDS = 2.5  # of one write; leader election gives up after ten without a lease
_MOST_WEBHOOKS, _MOST_RULES = 200, 50
_MOST_WHERE = 6
_NAME = "navarch-rehearsal"
_SYSTEM = "kube-system"
_NAMESPACES = (_SYSTEM, "kube-node-lease", "default")
_WEBHOOK_DENIED = re.compile(r'admission webhook "([^"]+)" denied the request(?:: | )(.*)', re.DOTALL)
_WEBHOOK_FAILED = re.compile(r'failed calling webhook "([^"]+)"[:;] (.*)', re.DOTALL)
_WEBHOOK_UNTRIED = re.compile(r'admission webhook "([^"]+)" does not support dry run')
_POLICY_DENIED = re.compile(
    r"((?:Validating|Mutating)AdmissionPolicy) '([^']+)'(?: with binding '[^']+')? "
    r"(?:denied request|failed)[^:]*: (.*)",
    re.DOTALL,
)
_LET_THROUGH = (
    "have it leave out namespace kube-system and what nodes write (namespaceSelector on kubernetes.io/metadata.name, "
    "matchConditions), or let failures pass (failurePolicy: Ignore)"
)
_BRING_BACK = "bring what answers for it back, or remove the configuration if nobody needs it"
_DECLARE = "declare sideEffects: None if it has none; else make sure that it lets such writes pass"
_LEAVE_OUT = "leave out kube-system in its binding (matchResources), or have it only warn (validationActions: Warn)"
_MOST_SAID = 300  # characters


@dataclass(frozen=True, slots=True)
class Write:
    """Something that is written while machines are replaced. `change`: of an object that is there, at `path`.
    `labels`: of the namespace."""

    where: str
    group: str
    resource: str
    path: str
    made: Mapping[str, Any]
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    change: bool = False


@dataclass(frozen=True, slots=True)
class Webhook:
    """One of the user's, of a configuration of this kind and name."""

    kind: str
    configuration: str
    said: Mapping[str, Any] = field(repr=False)

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.kind} {self.configuration}"

    @property
    def name(self) -> str:
        """As the API server names it."""
        return text(self.said["name"], 253)

    @property
    def blocks(self) -> bool:
        """Whether nothing is written where it cannot be asked."""
        return bool(self.said.get("failurePolicy", "Fail") == "Fail")


def objections(connection: Connection) -> Iterator[ClusterObstacle]:
    """All of them, each once. Raises Temporary or Permanent where webhooks cannot be listed."""
    webhooks = [
        webhook for read in at_once(lambda kind: _webhooks(connection, *kind), _CONFIGURATIONS) for webhook in read
    ]
    labels = dict(zip(_NAMESPACES, at_once(lambda n: _labels(connection, n), _NAMESPACES), strict=True))
    writes = tuple(replace(write, labels=labels.get(write.namespace, {})) for write in _writes(connection))
    answers = at_once(lambda write: _objection(connection, write), writes)
    titles = _titles(webhooks)
    found: dict[tuple[str, str], list[ClusterObstacle]] = {}
    for webhook in _deserted(connection, webhooks, writes):
        told = _nobody_behind(webhook)
        found[told.what, told.reason] = [replace(told, where=w.where) for w in writes if meets(webhook.said, w)]
    for write, answer in zip(writes, answers, strict=True):
        asked = (webhook for webhook in webhooks if errors.LATE in answer and meets(webhook.said, write))
        understood = _understood(answer, titles)
        for told in (*(() if understood is None else (understood,)), *(_slow(webhook) for webhook in asked)):
            found.setdefault((told.what, told.reason), []).append(replace(told, where=write.where))
    for told_of in found.values():
        places = dict.fromkeys(told.where for told in told_of)
        yield replace(told_of[0], where=", ".join(islice(places, _MOST_WHERE)))


def _titles(webhooks: list[Webhook]) -> Mapping[str, str]:
    """In which configuration a webhook of each name is. Several may have one of the same name."""
    found: dict[str, dict[str, None]] = {}
    for webhook in webhooks:
        found.setdefault(webhook.name, {})[webhook.title] = None
    return {named: " or ".join(titles) for named, titles in found.items()}


def _nobody_behind(webhook: Webhook) -> ClusterObstacle:
    service = webhook.said["clientConfig"]["service"]
    whose = f"{name(service['namespace'])}/{name(service['name'])}"
    return ClusterObstacle(
        webhook.title,
        "",
        "WebhookNotAnswering",
        f"no ready endpoint is behind its Service {whose}",
        f"bring the pods behind {whose} back, or remove the configuration if nobody needs it",
        blocks=True,
    )


def _slow(webhook: Webhook) -> ClusterObstacle:
    message = f"it is asked about what an upgrade writes, and such a write takes longer than {_TRIAL_SECONDS} s"
    return ClusterObstacle(webhook.title, "", "WebhookSlow", message, _BRING_BACK, blocks=webhook.blocks)


def _understood(answer: str, titles: Mapping[str, str]) -> ClusterObstacle | None:
    """Who objected, by what the API server said to a write; None: nobody. `titles` of webhooks by their names."""

    def webhook(said: str) -> str:
        return titles.get(said, f"webhook {text(said, 253)}")

    if denied := _WEBHOOK_DENIED.search(answer):
        message = f"it denies what an upgrade writes: {text(denied[2], _MOST_SAID)}"
        return ClusterObstacle(webhook(denied[1]), "", "WebhookDenies", message, _LET_THROUGH, blocks=True)
    if failed := _WEBHOOK_FAILED.search(answer):
        message = f"it does not answer: {text(failed[2], _MOST_SAID)}"
        return ClusterObstacle(webhook(failed[1]), "", "WebhookNotAnswering", message, _BRING_BACK, blocks=True)
    if untried := _WEBHOOK_UNTRIED.search(answer):
        message = "it is asked about what an upgrade writes, and cannot be asked on trial: it declares side effects"
        return ClusterObstacle(webhook(untried[1]), "", "WebhookNotTried", message, _DECLARE, blocks=False)
    if policy := _POLICY_DENIED.search(answer):
        message = f"it denies what an upgrade writes: {text(policy[3], _MOST_SAID)}"
        what = f"{policy[1]} {text(policy[2], 253)}"
        return ClusterObstacle(what, "", "PolicyDenies", message, _LEAVE_OUT, blocks=True)
    return None


def _objection(connection: Connection, write: Write) -> str:
    """What the API server says to a write on trial; empty: it would be made."""
    bounded = connection.within(_TRIAL_SECONDS)
    try:
        if write.change:
            bounded.rehearse_change(write.path, write.made)
        else:
            bounded.rehearse(write.path, write.made)
    except (Temporary, Permanent, errors.Absent, errors.Exists, errors.Protected) as error:
        return str(error)
    return ""


# -- what is written


def _writes(connection: Connection) -> tuple[Write, ...]:
    """A machine's Node, lease and event; what the add-ons are made of; a change of a Node that is there."""
    containers = [
        {
            "name": "agent",
            "image": "registry.navarch.internal/pause:1",
            "securityContext": {"privileged": True},
            "volumeMounts": [{"name": "host", "mountPath": "/host"}],
        }
    ]
    labels = {"k8s-app": _NAME}
    pod = {
        "hostNetwork": True,
        "priorityClassName": "system-node-critical",
        "automountServiceAccountToken": False,
        "tolerations": [{"operator": "Exists"}],
        "containers": containers,
        "volumes": [{"name": "host", "hostPath": {"path": "/"}}],
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    workload = {"selector": {"matchLabels": labels}, "template": template}
    lease = {"spec": {"holderIdentity": _NAME}}
    event = {
        "involvedObject": {"apiVersion": "v1", "kind": "Node", "name": _NAME},
        "reason": "Rehearsal",
        "type": "Normal",
        "source": {"component": _NAME},
    }
    nodes = "/api/v1/nodes"
    there = [
        name(n["metadata"]["name"]) for n in connection.list(nodes, page=1, pages=1, whole=False, metadata_only=True)
    ]
    changed = {"metadata": {"annotations": {"navarch.io/rehearsal": "true"}}}
    return (
        Write("nodes", "", "nodes", nodes, _object("v1", "Node")),
        *(Write("changes of nodes", "", "nodes", f"{nodes}/{n}", changed, change=True) for n in there if n),
        _in("kube-node-lease", "coordination.k8s.io/v1", "Lease", "leases", lease),
        _in(_SYSTEM, "coordination.k8s.io/v1", "Lease", "leases", lease),
        _in("default", "v1", "Event", "events", event),
        _in(_SYSTEM, "v1", "ConfigMap", "configmaps", {"data": {}}),
        _in(_SYSTEM, "v1", "Pod", "pods", {"spec": pod}, labels),
        _in(_SYSTEM, "apps/v1", "DaemonSet", "daemonsets", {"spec": workload}, labels),
        _in(_SYSTEM, "apps/v1", "Deployment", "deployments", {"spec": workload}, labels),
        Write(
            "clusterroles",
            "rbac.authorization.k8s.io",
            "clusterroles",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            {**_object("rbac.authorization.k8s.io/v1", "ClusterRole"), "rules": []},
        ),
    )


def _labels(connection: Connection, namespace: str) -> Mapping[str, str]:
    try:
        labels: Mapping[str, str] = connection.get(f"/api/v1/namespaces/{namespace}")["metadata"].get("labels") or {}
    except errors.Absent:
        return {}
    return labels


def _object(version: str, kind: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": _NAME, **metadata}}


def _in(
    namespace: str,
    version: str,
    kind: str,
    plural: str,
    rest: Mapping[str, Any],
    labels: Mapping[str, str] | None = None,
) -> Write:
    group = version.rpartition("/")[0]
    root = f"/apis/{version}" if group else f"/api/{version}"
    made = {**_object(version, kind, namespace=namespace, labels=dict(labels or {})), **rest}
    return Write(
        f"{plural} in {namespace}", group, plural, f"{root}/namespaces/{namespace}/{plural}", made, namespace=namespace
    )


# -- webhooks by their configuration


def _webhooks(connection: Connection, kind: str, path: str) -> list[Webhook]:
    listed = connection.list(path, page=100, pages=5, whole=False)
    made = ((name(c["metadata"]["name"]), webhook) for c in listed for webhook in c.get("webhooks") or ())
    return [Webhook(kind, configuration, webhook) for configuration, webhook in islice(made, _MOST_WEBHOOKS)]


def _deserted(connection: Connection, webhooks: list[Webhook], writes: tuple[Write, ...]) -> Iterator[Webhook]:
    """Those that keep something from being written because nobody is behind their Service. Of one that says by
    conditions what it is asked about, the trials tell."""
    asked: dict[tuple[str, str], bool] = {}
    for webhook in webhooks:
        service = webhook.said.get("clientConfig", {}).get("service")
        if not webhook.blocks or not service or webhook.said.get("matchConditions"):
            continue
        if not any(meets(webhook.said, write) for write in writes):
            continue
        place = name(service["namespace"]), name(service["name"])
        if place not in asked:
            asked[place] = _is_answered(connection, *place)
        if not asked[place]:
            yield webhook


def _is_answered(connection: Connection, namespace: str, service: str) -> bool:
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    slices = connection.list(path, page=20, pages=1, whole=False, labelSelector=f"kubernetes.io/service-name={service}")
    return any(
        endpoint.get("conditions", {}).get("ready", True) is not False
        for made in slices
        for endpoint in made.get("endpoints") or ()
    )


def meets(webhook: Mapping[str, Any], write: Write) -> bool:
    """Whether a webhook is asked about such a write, or about a later change of what is written."""
    metadata = write.made.get("metadata", {})
    return (
        any(_rules(rule, write) for rule in (webhook.get("rules") or ())[:_MOST_RULES])
        and (not write.namespace or selects(webhook.get("namespaceSelector") or {}, write.labels))
        and selects(webhook.get("objectSelector") or {}, metadata.get("labels") or {})
    )


def _rules(rule: Mapping[str, Any], write: Write) -> bool:
    groups, resources, scope = rule.get("apiGroups") or (), rule.get("resources") or (), rule.get("scope", "*")
    operations = {"*", "CREATE", "UPDATE", "DELETE"} & set(rule.get("operations") or ())
    return bool(
        operations
        and {"*", write.group} & set(groups)
        and {"*", "*/*", write.resource} & set(resources)
        and scope in ("*", "Namespaced" if write.namespace else "Cluster")
    )


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a selector of labels takes these; one that is empty takes everything."""
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return True
