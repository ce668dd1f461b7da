"""What simulated clusters do with pods, nodes and members of etcd."""

from datetime import UTC, datetime

import pytest

from navarch.addons.contract import PodEvent
from navarch.domain.errors import Temporary
from navarch.domain.node_labels import CSI_ZONE
from navarch.domain.pods import NodeTerm, Requirement
from navarch.domain.spec import Taint
from navarch.domain.steps import MarkNode
from navarch.domain.terms import Complaint, EventsRule
from navarch.simulator import chosen
from navarch.simulator.etcd import Etcd
from navarch.simulator.nodes import NodeState, registered
from navarch.simulator.pods import OtherRequests, Pods, Workload

NODES = ("w1", "w2")


def running(workload: Workload) -> Pods:
    """A cluster of two nodes in which it has been up for a while."""
    pods = Pods()
    pods.wish(workload)
    pods.settle(0.0, NODES, NODES)
    return pods


def test_pods_are_spread_and_become_available() -> None:
    pods = running(Workload("web", 4))
    assert (pods.on("w1"), pods.on("w2")) == (2, 2)
    assert (pods.available("web", 1.0), pods.available("web", 10.0)) == (0, 4)


def test_a_budget_holds_pods_until_others_are_available() -> None:
    pods = running(Workload("web", 2, at_least=2))
    (held,) = pods.evict("w1", 10.0, forced=False)
    assert "disruption budget" in held
    pods.settle(60.0, NODES, ["w2"])
    assert pods.on("w1") == 1
    assert pods.evict("w1", 60.0, forced=True) == ()
    pods.settle(70.0, NODES, ["w2"])
    assert (pods.on("w1"), pods.on("w2")) == (0, 2)


def test_with_room_in_the_budget_a_drain_never_goes_below_it() -> None:
    pods, fewest = running(Workload("web", 4, at_least=3)), 4
    for tick in range(10, 60):
        pods.evict("w1", float(tick), forced=False)
        pods.settle(float(tick), NODES, ["w2"])
        fewest = min(fewest, pods.available("web", float(tick)))
    assert (pods.on("w1"), fewest) == (0, 3)


def test_pods_without_a_node_to_go_to_wait() -> None:
    pods = running(Workload("web", 1))
    assert pods.evict("w1", 10.0, forced=False) == ()
    pods.settle(20.0, NODES, [])
    assert (pods.on("w1"), pods.available("web", 20.0)) == (0, 0)
    pods.settle(30.0, NODES, ["w2"])
    assert pods.on("w2") == 1


def test_pods_of_a_node_that_is_gone_are_made_anew() -> None:
    pods = running(Workload("web", 2))
    pods.settle(10.0, ["w2"], ["w2"])
    assert pods.on("w2") == 2


def etcd(*volumes: str) -> Etcd:
    made = Etcd()
    for number, volume in enumerate(volumes):
        made.join(f"cp-{number}", volume, f"10.0.0.{number}")
    return made


def test_a_member_stays_until_it_is_removed() -> None:
    three = etcd("a", "b", "c")
    seen = three.members(frozenset("bc"))
    assert [(m.name, m.healthy, m.leader) for m in seen] == [
        ("cp-0", False, False), ("cp-1", True, True), ("cp-2", True, False),
    ]  # fmt: skip
    three.join("cp-0", "a", "10.9.9.9")
    assert three.members(frozenset("abc"))[0].address == "10.0.0.0", "it is the member that it was"
    three.remove(seen[0].id, frozenset("bc"))
    three.remove(seen[0].id, frozenset("bc"))
    assert [m.name for m in three.members(frozenset("bc"))] == ["cp-1", "cp-2"]
    assert three.removed == {"a"}


def test_etcd_refuses_to_lose_its_quorum() -> None:
    three = etcd("a", "b", "c")
    leaving = three.members(frozenset("ab"))[0]
    with pytest.raises(Temporary, match="not enough started members"):
        three.remove(leaving.id, frozenset("ab"))
    assert len(three.addresses) == 3


def test_a_node_has_what_its_kubelet_registers_it_with() -> None:
    flags = '"--node-labels=navarch.io/group=web,tier=a --register-with-taints=k=v:NoSchedule,l=:NoExecute"'
    labels, taints = registered({"files": [{"content": "x"}, {"content": f"KUBELET_KUBEADM_ARGS={flags}\n"}]})
    assert labels == {"navarch.io/group": "web", "tier": "a"}
    assert taints == (Taint("k", "NoSchedule", "v"), Taint("l", "NoExecute"))


def test_a_node_is_marked_and_keeps_what_others_gave_it() -> None:
    node = NodeState("w1", "10.0.0.1", "s", "s", 0.0, {"theirs": "x", "old": "y"}, (Taint("k", "NoSchedule"),))
    assert not node.takes_pods
    node.mark(MarkNode("w1", (("tier", "a"),), (Taint("k", "PreferNoSchedule"),), ("old",), (("k", "NoSchedule"),)))
    assert node.labels == {"theirs": "x", "tier": "a"}
    assert node.taints == (Taint("k", "PreferNoSchedule"),)
    assert node.takes_pods


def test_a_node_that_is_uncordoned_takes_pods_again() -> None:
    node = NodeState("w1", "10.0.0.1", "s", "s", 0.0, {}, (), cordoned=5.0)
    moment = datetime(2026, 11, 29, tzinfo=UTC)
    assert (
        node.note_drained(moment, withdraw=True) == node.note_drained(moment.replace(day=30), withdraw=True) == moment
    )
    assert (node.takes_pods, node.seen("1.37.2", None, None).drained) == (False, True)
    node.uncordon()
    assert (node.takes_pods, node.cordoned, node.drained) == (True, None, None)


def test_a_claims_volume_is_where_its_first_pod_runs_and_holds_the_next_there() -> None:
    has = (("pods", 110),)
    machines = {"bare": ({}, has), "w1": ({CSI_ZONE: "z1"}, has), "w2": ({CSI_ZONE: "z2", "tier": "data"}, has)}
    pods = Pods()
    pods.wish(Workload("db", 1, claim="data", node_selector=(("tier", "data"),)))
    (waiting,) = pods.seen(0.0).waiting
    assert [place.why_not for place in waiting.shape.places] == [
        "node(s) didn't find available persistent volumes to bind"
    ]
    pods.settle(0.0, machines, ["bare", "w1"], machines)
    assert pods.seen(0.0).waiting and not pods.claims
    pods.settle(1.0, machines, machines, machines)
    assert [pod.node for pod in pods.shown()] == ["w2"] and pods.claims == {"data": "z2"}

    pods.deploy(Workload("db", 0))
    pods.deploy(Workload("db", 1, claim="data"))
    pods.settle(2.0, machines, ["bare", "w1"], machines)
    (waiting,) = pods.seen(2.0).waiting
    (place,) = waiting.shape.places
    assert place.terms == (NodeTerm((Requirement(CSI_ZONE, "In", ("z2",)),)),)
    pods.settle(3.0, machines, machines, machines)
    assert [pod.node for pod in pods.shown()] == ["w2"]


def test_a_deployment_is_made_scaled_and_gone() -> None:
    pods = Pods()
    pods.deploy(Workload("web", 3, requests=(("cpu", 500),)))
    pods.deploy(Workload("web", 1))  # the number alone
    pods.settle(0.0, ["w1"], ["w1"])
    assert [pod.node for pod in pods.shown()] == ["w1"]
    pods.deploy(Workload("web", 2, requests=(("cpu", 500),)))
    with pytest.raises(OtherRequests):
        pods.deploy(Workload("web", 2, requests=(("cpu", 900),)))
    last = pods.shown()[-1]
    assert (last.node, last.told) == ("", "")
    pods.told.append(PodEvent(last.name, "", "TriggeredScaleUp", "more", datetime.now(UTC)))
    assert pods.shown()[-1].told == "TriggeredScaleUp: more"
    pods.deploy(Workload("web", 0))
    assert not pods.shown() and not pods.workloads


def test_an_add_on_complains_by_its_entrys_rule_once_it_runs() -> None:
    rule = EventsRule(("RecordError",), "dns", "NamesNotWritten", "user", "Give it the key.")
    assert chosen.seen("dns", None, "refused", (rule,), 9.0).lost
    assert chosen.seen("dns", 8.0, "refused", (rule,), 9.0).waiting
    told = chosen.seen("dns", 1.0, "refused", (rule,), 9.0).complaint
    assert told == Complaint("NamesNotWritten", "refused", "user", "Give it the key.")
    assert chosen.seen("dns", 1.0, "", (rule,), 9.0).complaint is None
    assert chosen.seen("dns", 1.0, "refused", (), 9.0).complaint is None
