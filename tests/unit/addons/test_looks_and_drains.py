"""Reading workloads, nodes and pods as the API gives them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpcore
import pytest

from navarch.addons import errors, nodes
from navarch.addons.connection import Connection, _causes
from navarch.addons.contract import Draining
from navarch.addons.draining import drain, give_up, moves
from navarch.addons.observing import node, shortfall, shortfall_on_nodes
from navarch.domain.errors import Conflict, Permanent, Temporary
from navarch.domain.kube import NOT_BEHIND_SERVICES
from navarch.domain.spec import Taint
from navarch.domain.steps import MarkNode

NOW, MINUTE = datetime(2026, 11, 29, 12, 0, tzinfo=UTC), timedelta(minutes=1)


def deployment(generation: int = 1, **status: int) -> dict[str, Any]:
    return {"metadata": {"name": "d", "generation": generation}, "spec": {"replicas": 2}, "status": status}


def daemon_set(
    wanted: int,
    *,
    ready: int = 0,
    updated: int | None = None,
    looked_at: bool = True,
    on: str = "kubernetes.io/os",
    value: str = "linux",
) -> dict[str, Any]:
    """One for the nodes with a label that hold what it runs."""
    selector = {on: value, "component.navarch.io/d": "v1"}
    return {
        "metadata": {"name": "d-v1", "generation": 1},
        "spec": {"template": {"spec": {"nodeSelector": selector}}},
        "status": {
            "observedGeneration": int(looked_at),
            "desiredNumberScheduled": wanted,
            "numberReady": ready,
            "updatedNumberScheduled": ready if updated is None else updated,
        },
    }


@pytest.mark.parametrize(
    ("workload", "said"),
    [
        (deployment(observedGeneration=1, updatedReplicas=2, availableReplicas=2), ""),
        (deployment(observedGeneration=1, updatedReplicas=2), "d: 0 of 2 replicas available"),
        # Pods of the former version do not count.
        (deployment(observedGeneration=1, updatedReplicas=1, availableReplicas=2), "d: 1 of 2 replicas available"),
        (deployment(2, observedGeneration=1, updatedReplicas=2, availableReplicas=2), "d: not looked at yet"),
        (deployment(), "d: not looked at yet"),
    ],
)
def test_a_deployment_says_what_it_lacks(workload: dict[str, Any], said: str) -> None:
    assert shortfall(workload) == said


ON_3, ON_2_OF_3 = daemon_set(3, ready=3), daemon_set(3, ready=2)


@pytest.mark.parametrize(
    ("daemon_sets", "said"),
    [
        ((ON_3,), ""),
        ((ON_2_OF_3,), "d: ready on 2 of 3 nodes"),
        ((daemon_set(3, ready=3, updated=1),), "d: ready on 1 of 3 nodes"),
        ((daemon_set(0),), "d: no node yet"),
        # one for the machines of the release before, one for those that are to come
        ((ON_3, daemon_set(0)), ""),
        ((daemon_set(0), ON_2_OF_3), "d: ready on 2 of 3 nodes"),
        ((daemon_set(2, ready=2), daemon_set(1, ready=1)), ""),
        ((daemon_set(2, ready=2), daemon_set(1)), "d: ready on 2 of 3 nodes"),
        ((ON_3, daemon_set(1, ready=1, looked_at=False)), "d: not looked at yet"),
        # a node that neither is for, since it does not say what it holds
        ((daemon_set(1, ready=1), daemon_set(1, ready=1)), "d: ready on 2 of 3 nodes"),
    ],
)
def test_agents_say_on_how_many_nodes_they_lack(daemon_sets: tuple[dict[str, Any], ...], said: str) -> None:
    three = [node({"metadata": {"name": f"w{n}", "labels": {"kubernetes.io/os": "linux"}}}) for n in range(3)]
    nodes = [] if said == "d: no node yet" else three
    assert shortfall_on_nodes("d", daemon_sets, nodes) == said


def test_agents_of_the_control_plane_lack_nothing_on_other_nodes() -> None:
    role = "node-role.kubernetes.io/control-plane"
    nodes = [
        node({"metadata": {"name": name, "labels": labels}}) for name, labels in (("cp-0", {role: ""}), ("w1", {}))
    ]
    assert shortfall_on_nodes("d", [daemon_set(1, ready=1, on=role, value="")], nodes) == ""


def test_a_node_is_read() -> None:
    seen = {
        "metadata": {"name": "w1"},
        "spec": {"unschedulable": True},
        "status": {
            "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}],
            "addresses": [{"type": "Hostname", "address": "w1"}, {"type": "InternalIP", "address": "10.0.0.7"}],
            "nodeInfo": {"kubeletVersion": "v1.37.2"},
        },
    }
    read = node(seen)
    assert (read.name, read.ready, read.unschedulable, read.version, read.address) == (
        "w1",
        True,
        True,
        "1.37.2",
        "10.0.0.7",
    )


def test_a_node_that_has_said_nothing_yet_is_not_ready() -> None:
    assert not node({"metadata": {"name": "w1"}}).ready


def pod(phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", **metadata}, "spec": {}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("seen", "waited_for"),
    [
        (pod(), True),
        (pod(ownerReferences=[{"kind": "ReplicaSet", "controller": True}]), True),
        (pod(ownerReferences=[{"kind": "DaemonSet", "controller": True}]), False),
        (pod(annotations={"kubernetes.io/config.mirror": "x"}), False),
        (pod("Succeeded"), False),
        (pod("Failed"), False),
        (pod("Pending"), True),
    ],
)
def test_a_drain_waits_for_pods_that_can_move(seen: dict[str, Any], waited_for: bool) -> None:
    assert moves(seen) is waited_for


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (404, "NotFound", errors.Absent),
        (409, "AlreadyExists", errors.Exists),
        (409, "Conflict", Conflict),
        (429, "TooManyRequests", Temporary),
        (500, "InternalError", Temporary),
        (503, "ServiceUnavailable", Temporary),
        (504, "Timeout", Temporary),
        (401, "Unauthorized", Permanent),
        (403, "Forbidden", Permanent),
        (400, "BadRequest", Permanent),
        (422, "Invalid", Permanent),
    ],
)
def test_every_refusal_has_its_word(status: int, reason: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        errors.refused(status, reason, "because", "GET /x")
    assert type(raised.value) is kind
    assert "because" in str(raised.value)


@pytest.mark.parametrize(
    ("status", "message", "causes", "kind"),
    [
        (429, "Cannot evict", (("DisruptionBudget", "budget web needs 2", ""),), errors.Protected),
        (500, "applying PodDisruptionBudget calico: etcd is busy", (), Temporary),
        (429, "too many requests", (), Temporary),
        (403, "Cannot evict", (("DisruptionBudget", "budget web needs 2", ""),), Permanent),
    ],
)
def test_a_budget_is_told_from_a_server_that_is_busy(
    status: int, message: str, causes: tuple[tuple[str, str, str], ...], kind: type[Exception]
) -> None:
    with pytest.raises(kind) as raised:
        errors.refused(status, "TooManyRequests", message, "POST /eviction", causes)
    assert type(raised.value) is kind


@pytest.mark.parametrize(
    ("details", "causes"),
    [
        ({"causes": [{"reason": "DisruptionBudget", "message": "web"}]}, (("DisruptionBudget", "web", ""),)),
        ({"causes": [{"message": "web"}, "x", None]}, (("", "web", ""),)),
        ({"causes": "x"}, ()),
        ({}, ()),
        ("x", ()),
        (None, ()),
    ],
)
def test_causes_are_read_from_whatever_answers(details: object, causes: tuple[tuple[str, str, str], ...]) -> None:
    assert _causes({"details": details}) == causes


@pytest.mark.parametrize(
    "error", [httpcore.ConnectError("refused"), httpcore.ReadTimeout("slow"), ValueError("not JSON")]
)
def test_no_answer_is_temporary_and_says_why(error: Exception) -> None:
    said = errors.no_answer(error, "GET /version")
    assert said.reason == "KubernetesNotAnswering"
    assert "GET /version" in said.message


class Recorder:
    """Stands for a Connection: writes down what is asked, in order."""

    def __init__(self, *pods: str, node_is_there: bool = True, ending: Mapping[str, object] | None = None) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self._pods, self._node_is_there, self._ending = pods, node_is_there, ending or {}

    def get(self, path: str) -> Any:
        if not self._node_is_there:
            raise errors.Absent("no such node")
        return {}

    def merge(self, path: str, change: Any) -> None:
        self.asked.append(("merge", path, change))
        if not self._node_is_there:
            raise errors.Absent("no such node")

    def list(self, path: str, *, page: int, pages: int, **query: str) -> Any:
        assert (path, query) == ("/api/v1/pods", {"fieldSelector": "spec.nodeName=w1"})
        return [{"metadata": {"namespace": "shop", "name": p, "uid": f"uid-{p}", **self._ending}} for p in self._pods]

    def delete(self, path: str, *, uid: str | None = None, grace_seconds: int | None = None) -> None:
        self.asked.append(("delete", path, (uid, grace_seconds)))


def test_a_machine_that_is_gone_gives_its_pods_and_volumes_to_others_at_once() -> None:
    seen = Recorder("web-1")
    give_up(cast(Connection, seen), "w1")
    assert seen.asked == [
        ("merge", "/api/v1/nodes/w1", {"spec": {"unschedulable": True}}),  # or the pods' heirs would be put there
        ("merge", "/api/v1/nodes/w1/status", {"status": {"volumesInUse": None}}),
        ("delete", "/api/v1/namespaces/shop/pods/web-1", ("uid-web-1", 0)),
        ("delete", "/api/v1/nodes/w1", (None, None)),
    ]


def test_pods_that_a_gone_node_left_behind_go_as_well() -> None:
    seen = Recorder("web-1", node_is_there=False)
    give_up(cast(Connection, seen), "w1")
    assert "/api/v1/namespaces/shop/pods/web-1" in [path for deed, path, _ in seen.asked if deed == "delete"]


class Refusing(Recorder):
    """One that answers evictions so."""

    def __init__(self, status: int, message: str, *causes: tuple[str, str, str]) -> None:
        super().__init__("web-1")
        self._answer = status, message, causes

    def post(self, path: str, body: Any) -> None:
        status, message, causes = self._answer
        errors.refused(status, "", message, f"POST {path}", causes)


@pytest.mark.parametrize(
    ("seen", "held"),
    [
        (Refusing(429, "Cannot evict", ("DisruptionBudget", "budget b needs 2", "")), "shop/web-1: budget b needs 2"),
        (Refusing(500, "This pod has more than one PodDisruptionBudget"), "more than one PodDisruptionBudget"),
        (Refusing(403, "a policy forbids it"), "a policy forbids it"),
        (Refusing(429, "too many requests"), ""),
        (Refusing(503, "shutting down"), ""),
        (Refusing(409, "made anew"), ""),
        (Refusing(404, "gone"), ""),
    ],
)
def test_a_drain_names_the_pods_that_only_a_user_can_free(seen: Refusing, held: str) -> None:
    said = drain(cast(Connection, seen), "w1", evict=True)
    assert said is not None
    assert len(said.held) == bool(held)
    assert all(held in why for why in said.held)


@pytest.mark.parametrize(
    ("grace", "slow"),
    [(86400, ("shop/web-1 until 2026-12-01 09:00:00 UTC",)), (30, ()), (0, ()), (None, ()), ("86400", ())],
)
def test_pods_that_want_long_for_their_end_are_named_and_others_are_not(grace: object, slow: tuple[str, ...]) -> None:
    seen = Recorder("web-1", ending={"deletionTimestamp": "2026-12-01T09:00:00Z", "deletionGracePeriodSeconds": grace})
    assert drain(cast(Connection, seen), "w1", evict=True) == Draining(pods=1, slow=slow)
    assert not [deed for deed, _, _ in seen.asked if deed in ("post", "delete")], "it ends already"


def test_pods_whose_time_is_up_are_ended_whatever_protects_them() -> None:
    seen = Recorder("web-1")
    said = drain(cast(Connection, seen), "w1", evict=False)
    assert said == Draining(pods=1)
    cordon = {"metadata": {"annotations": {"navarch.io/cordoned": "true"}}, "spec": {"unschedulable": True}}
    assert seen.asked == [
        ("merge", "/api/v1/nodes/w1", cordon),
        (
            "delete",
            "/api/v1/namespaces/shop/pods/web-1",
            ("uid-web-1", None),
        ),  # in its own time
    ]


class Marked(Recorder):
    """A cluster whose node is as given."""

    def __init__(self, node: dict[str, Any]) -> None:
        super().__init__()
        self._node = {"metadata": {}, **node}

    def get(self, path: str) -> Any:
        return self._node


def test_what_a_person_cordoned_is_not_taken_for_navarchs() -> None:
    seen = Marked({"spec": {"unschedulable": True}})
    assert nodes.cordon(cast(Connection, seen), "w1")
    assert nodes.note_drained(cast(Connection, seen), "w1", NOW, withdraw=False) == NOW
    marks = {nodes.DRAINED: NOW.isoformat()}
    assert [change for _, _, change in seen.asked] == [{"metadata": {"annotations": marks, "labels": {}}}]
    read = node({"metadata": {"name": "w1", "annotations": marks}, "spec": {"unschedulable": True}})
    assert (read.cordoned, read.drained) == (False, True)


@pytest.mark.parametrize(
    ("noted", "since"),
    [
        ((NOW - MINUTE).isoformat(), NOW - MINUTE),
        ((NOW + MINUTE).isoformat(), NOW),  # whoever owns the cluster can write it
        ("true", NOW),
        ("\x1b[2J", NOW),
    ],
)
def test_since_when_a_node_is_drained_is_noted_once(noted: str, since: datetime) -> None:
    there = {"metadata": {"annotations": {nodes.DRAINED: noted}, "labels": {NOT_BEHIND_SERVICES: "drained"}}}
    seen = Marked(there)
    assert nodes.note_drained(cast(Connection, seen), "w1", NOW, withdraw=True) == since
    assert seen.asked == []


def test_a_drained_node_is_taken_out_of_the_balancers_of_services() -> None:
    seen = Marked({"metadata": {"annotations": {nodes.DRAINED: NOW.isoformat()}}})
    nodes.note_drained(cast(Connection, seen), "w1", NOW + MINUTE, withdraw=True)
    marks = {"annotations": {nodes.DRAINED: NOW.isoformat()}, "labels": {NOT_BEHIND_SERVICES: "drained"}}
    assert seen.asked == [("merge", "/api/v1/nodes/w1", {"metadata": marks})]


def test_what_was_drained_once_and_takes_pods_again_is_not_drained() -> None:
    marks = {nodes.DRAINED: NOW.isoformat(), nodes.CORDONED: "true"}
    read = node({"metadata": {"name": "w1", "annotations": marks}})
    assert (read.cordoned, read.drained) == (False, False)


def test_a_node_keeps_what_others_gave_it() -> None:
    taints = [{"key": "k", "effect": "NoSchedule", "value": "old"}, {"key": "theirs", "effect": "NoExecute"}]
    taints.append({"key": "lost", "effect": "NoSchedule"})
    seen = Marked({"metadata": {"resourceVersion": "7"}, "spec": {"taints": taints}})
    step = MarkNode("w1", (("tier", "web"),), (Taint("k", "NoSchedule", "new"),), ("gone",), (("lost", "NoSchedule"),))
    nodes.mark(cast(Connection, seen), step)
    ((_, path, change),) = seen.asked
    assert path == "/api/v1/nodes/w1"
    assert change["metadata"] == {"resourceVersion": "7", "labels": {"gone": None, "tier": "web"}}
    assert change["spec"]["taints"] == [
        {"key": "theirs", "effect": "NoExecute"},
        {"key": "k", "effect": "NoSchedule", "value": "new"},
    ]
