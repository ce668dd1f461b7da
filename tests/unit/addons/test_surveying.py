"""What an upgrade would meet, read off what an API server says; the servers of tests/integration say it for real."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.addons.hostile_server import Visit, hostile

from navarch.addons import admission, surveying
from navarch.addons.admission import Write
from navarch.addons.client import KubernetesClusters
from navarch.addons.connection import Connection
from navarch.addons.contract import Asks
from navarch.domain.errors import Permanent, Responsible, Temporary
from navarch.domain.kube import ClusterObstacle
from navarch.domain.obstacles import Survey, stop_obstacles, upgrade_obstacles

NODE = Write("nodes", "", "nodes", "/api/v1/nodes", {"metadata": {"name": "n"}})
POD = Write(
    "pods in kube-system",
    "",
    "pods",
    "/api/v1/namespaces/kube-system/pods",
    {"metadata": {"name": "p", "labels": {"k8s-app": "agent"}}},
    namespace="kube-system",
    labels={"kubernetes.io/metadata.name": "kube-system", "team": "platform"},
)
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}


class Cluster:
    """A cluster whose lists and refusals are given."""

    def __init__(
        self, lists: Mapping[str, list[dict[str, Any]]], refusals: Mapping[str, str] | None = None, metrics: bytes = b""
    ) -> None:
        self._lists, self._refusals, self._metrics = lists, refusals or {}, metrics

    def within(self, seconds: float) -> "Cluster":
        return self

    def get(self, path: str) -> Mapping[str, Any]:
        return {"metadata": {}}

    def list(self, path: str, **options: Any) -> Iterator[Mapping[str, Any]]:
        yield from self._lists.get(path.rpartition("/")[2], ())

    def rehearse(self, path: str, made: Mapping[str, Any]) -> None:
        said = self._refusals.get(path.rpartition("/")[2])
        if said is not None:
            raise Permanent(said, reason="X", responsible=Responsible.USER, remedy="")

    def lines(self, path: str, start: bytes, *, most: int) -> tuple[bytes, ...]:
        return tuple(line for line in self._metrics.splitlines() if line.startswith(start))[:most]


def found(
    lists: Mapping[str, list[dict[str, Any]]] | None = None,
    refusals: Mapping[str, str] | None = None,
    metrics: bytes = b"",
) -> tuple[ClusterObstacle, ...]:
    """Of an upgrade."""
    return tuple(o for o in everything(lists, refusals, metrics) if not o.of_stop)


def found_of_a_stop(lists: Mapping[str, list[dict[str, Any]]]) -> tuple[ClusterObstacle, ...]:
    return tuple(o for o in everything(lists) if o.of_stop)


def everything(
    lists: Mapping[str, list[dict[str, Any]]] | None = None,
    refusals: Mapping[str, str] | None = None,
    metrics: bytes = b"",
) -> tuple[ClusterObstacle, ...]:
    return surveying.survey(Cluster(lists or {}, refusals, metrics))  # type: ignore[arg-type]  # what it needs of it


# -- what the API server says of a write on trial


@pytest.mark.parametrize(
    ("said", "what", "reason", "blocks"),
    [
        (
            'admission webhook "pods.policy.example.org" denied the request: no privileged pods',
            "ValidatingWebhookConfiguration policy",
            "WebhookDenies",
            True,
        ),
        (
            'admission webhook "pods.policy.example.org" denied the request without explanation',
            "ValidatingWebhookConfiguration policy",
            "WebhookDenies",
            True,
        ),
        (
            'Internal error occurred: failed calling webhook "elsewhere.example.org": context deadline exceeded',
            "webhook elsewhere.example.org",
            "WebhookNotAnswering",
            True,
        ),
        (
            'admission webhook "pods.policy.example.org" does not support dry run',
            "ValidatingWebhookConfiguration policy",
            "WebhookNotTried",
            False,
        ),
        (
            "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no such pods",
            "ValidatingAdmissionPolicy p",
            "PolicyDenies",
            True,
        ),
    ],
)
def test_who_objects_is_read_off_what_is_said(said: str, what: str, reason: str, blocks: bool) -> None:
    configured = {
        "metadata": {"name": "policy"},
        "webhooks": [
            {"name": "pods.policy.example.org", "rules": [RULE], "clientConfig": {"url": "https://policy.example.org"}}
        ],
    }
    (one,) = found({"validatingwebhookconfigurations": [configured]}, {"pods": said, "daemonsets": said})
    assert (one.what, one.reason, one.blocks) == (what, reason, blocks)
    assert one.where == "pods in kube-system, daemonsets in kube-system"
    assert one.message and one.remedy


@pytest.mark.parametrize(
    "said",
    [
        'error looking up service account kube-system/default: serviceaccount "default" not found',
        "no answer in time",
        "",
    ],
)
def test_a_write_that_fails_for_another_reason_blames_nobody(said: str) -> None:
    assert found(refusals={"pods": said}) == ()


def test_a_write_that_takes_too_long_is_put_down_to_the_webhooks_that_are_asked_about_it() -> None:
    def configured(name: str, **changes: Any) -> dict[str, Any]:
        hook = {"name": name, "rules": [RULE], "clientConfig": {"url": "https://policy.example.org"}, **changes}
        return {"metadata": {"name": name}, "webhooks": [hook]}

    nodes = RULE | {"resources": ["nodes"]}
    hooks = [configured("pods"), configured("lets-pass", failurePolicy="Ignore"), configured("nodes", rules=[nodes])]
    late = "The Kubernetes API did not answer POST /api/v1/namespaces/kube-system/pods: no answer in time."
    found_ = found({"validatingwebhookconfigurations": hooks}, {"pods": late})
    assert [(one.what.rpartition(" ")[2], one.reason, one.where, one.blocks) for one in found_] == [
        ("pods", "WebhookSlow", "pods in kube-system", True),
        ("lets-pass", "WebhookSlow", "pods in kube-system", False),
    ]


# -- which webhooks are asked


@pytest.mark.parametrize(
    ("changes", "node", "pod"),
    [
        ({}, False, True),
        ({"rules": [RULE | {"resources": ["*"]}]}, True, True),
        ({"rules": [RULE | {"resources": ["*/*"], "apiGroups": ["*"]}]}, True, True),
        ({"rules": [RULE | {"resources": ["nodes/status", "nodes"]}]}, True, False),
        ({"rules": [RULE | {"resources": ["*"], "scope": "Cluster"}]}, True, False),
        ({"rules": [RULE | {"operations": ["CONNECT"]}]}, False, False),
        ({"rules": [RULE | {"apiGroups": ["apps"]}]}, False, False),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}, False, True),
        ({"namespaceSelector": {"matchExpressions": [{"key": "policy", "operator": "Exists"}]}}, False, False),
        ({"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}}, False, False),
        ({"rules": [RULE | {"resources": ["pods/*"]}]}, False, False),
        ({"namespaceSelector": {"matchExpressions": [{"key": "policy", "operator": "DoesNotExist"}]}}, False, True),
        (
            {"objectSelector": {"matchExpressions": [{"key": "k8s-app", "operator": "In", "values": ["agent"]}]}},
            False,
            True,
        ),
        ({"objectSelector": {"matchLabels": {"k8s-app": "other"}}}, False, False),
    ],
)
def test_a_webhook_is_asked_about_what_its_rules_and_selectors_take(
    changes: dict[str, Any], node: bool, pod: bool
) -> None:
    webhook = {"name": "w", "rules": [RULE], **changes}
    assert (admission.meets(webhook, NODE), admission.meets(webhook, POD)) == (node, pod)


def test_a_service_without_ready_endpoints_is_in_the_way_once_whatever_it_keeps_out() -> None:
    hook: dict[str, Any] = {
        "name": "w",
        "rules": [RULE | {"resources": ["*"], "apiGroups": ["*"]}],
        "clientConfig": {"service": {"namespace": "policy", "name": "hook"}},
    }
    configured: list[dict[str, Any]] = [{"metadata": {"name": "policy"}, "webhooks": [hook]}]
    there: list[dict[str, Any]] = [{"endpoints": [{"conditions": {"ready": False}}]}, {"endpoints": None}]
    lists: dict[str, list[dict[str, Any]]] = {
        "mutatingwebhookconfigurations": configured,
        "endpointslices": there,
    }
    (one,) = found(lists, {"pods": 'failed calling webhook "w": no endpoints available'})
    assert (one.what, one.reason) == ("MutatingWebhookConfiguration policy", "WebhookNotAnswering")
    assert one.where.startswith("nodes, leases in kube-node-lease")
    assert found({**lists, "endpointslices": [{"endpoints": [{"conditions": {}}]}]}) == ()
    conditional = [{"metadata": {"name": "policy"}, "webhooks": [{**hook, "matchConditions": [{"name": "c"}]}]}]
    assert found({**lists, "mutatingwebhookconfigurations": conditional}) == ()


# -- deprecated APIs

LINES = b"""apiserver_requested_deprecated_apis{group="",removed_release="",resource="endpoints",version="v1"} 1
apiserver_requested_deprecated_apis{group="resource.k8s.io",removed_release="1.38",resource="x",version="v1beta1"} 1
apiserver_requested_deprecated_apis{group="a.k8s.io",removed_release="1.38",resource="../secrets",version="v1"} 1
apiserver_requested_deprecated_apis{group="a.k8s.io",removed_release="soon",resource="x",version="v1"} 1
apiserver_request_total 5
"""


def test_deprecated_apis_are_told_with_who_writes_them() -> None:
    fields = [
        {"manager": "old-operator", "apiVersion": "resource.k8s.io/v1beta1"},
        {"manager": "new-operator", "apiVersion": "resource.k8s.io/v1"},
    ]
    (one,) = found({"x": [{"metadata": {"name": "a", "managedFields": fields}}]}, metrics=LINES)
    assert (one.what, one.reason, one.removed_in, one.blocks) == (
        "API resource.k8s.io/v1beta1 x",
        "DeprecatedAPIRequested",
        "1.38",
        False,
    )
    assert one.message.endswith("it is written by old-operator")
    assert "only reads" in found(metrics=LINES)[0].message


def test_what_cannot_be_read_is_said_and_hides_nothing_else() -> None:
    broken = {"metadata": {"name": "policy"}, "webhooks": 5}
    unknown, told = found({"validatingwebhookconfigurations": [broken]}, metrics=LINES)
    assert (unknown.what, unknown.reason, unknown.blocks) == ("webhooks and policies", "NotKnown", False)
    assert told.reason == "DeprecatedAPIRequested"


# -- servers that mean no good


def test_metrics_without_end_are_not_kept(tmp_path: Path) -> None:
    def answer(visit: Visit) -> None:
        visit.connection.sendall(b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n")
        visit.pour(b"4000\r\n" + b"a" * 0x4000 + b"\r\n")

    with hostile(answer, tmp_path) as server:
        connection = Connection(server.access, connections=1)
        with pytest.raises(Temporary) as trouble:
            connection.lines("/metrics", b"apiserver_", most=5)
        connection.close()
    assert trouble.value.reason == "KubernetesAnswersTooMuch"


def test_a_look_that_asks_for_nothing_more_reads_no_metrics(tmp_path: Path) -> None:
    paths: list[str] = []

    def answer(visit: Visit) -> None:
        paths.append(visit.path)
        visit.say(b'{"gitVersion": "v1.37.2"}' if visit.path == "/version" else b'{"items": []}')

    with hostile(answer, tmp_path) as server, KubernetesClusters() as clusters:
        assert clusters.observe(server.access, Asks()).obstacles is None
    assert "/metrics" not in paths and not [path for path in paths if "admission" in path]


# -- what a stop would end for good


def _pod(name: str, *owners: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop", "ownerReferences": list(owners)}}


def test_pods_that_nobody_makes_anew_are_told_before_a_stop() -> None:
    replica_set, other = {"kind": "ReplicaSet", "controller": True}, {"kind": "ConfigMap"}
    obstacles = found_of_a_stop({"pods": [_pod("web-1", replica_set), _pod("by-hand"), _pod("owned-by-a-file", other)]})
    assert [(o.what, o.reason, o.blocks) for o in obstacles] == [
        ("Pod shop/by-hand", "PodWithoutController", False),
        ("Pod shop/owned-by-a-file", "PodWithoutController", False),
    ]
    assert len(found_of_a_stop({"pods": [_pod(f"p{n}") for n in range(1000)]})) == 20


WITHIN = {"service": {"namespace": "policy", "name": "hook"}}


@pytest.mark.parametrize(
    ("changes", "keeps"),
    [
        ({}, True),
        ({"rules": [RULE | {"resources": ["*"]}]}, True),
        ({"rules": [RULE | {"resources": ["nodes"]}]}, False),
        ({"rules": [RULE | {"operations": ["DELETE"]}]}, False),
        ({"rules": None}, False),
        ({"failurePolicy": "Ignore"}, False),
        ({"clientConfig": {"url": "https://policy.example.org"}}, False),
        ({"namespaceSelector": {"matchLabels": {"policy": "on"}}}, False),
        ({"namespaceSelector": {}}, True),
        ({"objectSelector": {"matchLabels": {"policy": "on"}}}, False),
    ],
)
def test_webhooks_that_their_own_pods_wait_for_are_told_before_a_stop(changes: dict[str, Any], keeps: bool) -> None:
    hook = {"name": "h", "rules": [RULE], "clientConfig": WITHIN, **changes}
    obstacles = found_of_a_stop({"mutatingwebhookconfigurations": [{"metadata": {"name": "m"}, "webhooks": [hook]}]})
    assert [(o.what, o.reason) for o in obstacles] == (
        [("MutatingWebhookConfiguration m", "PodsWaitForWebhook")] if keeps else []
    )


def test_an_upgrade_meets_nothing_of_that() -> None:
    survey = Survey(datetime(2026, 1, 1, tzinfo=UTC), everything({"pods": [_pod("by-hand")]}))
    assert upgrade_obstacles(survey, "1.38.0") == ()
    assert [o.what for o in stop_obstacles(survey)] == ["Pod shop/by-hand"]
