"""The guide to a first cluster, docs/guide/first-cluster.md, by its own commands. Cluster `one` was made by its first
two sections, and goes by its last (test_deletion.py)."""

import pytest
from demo.steps import until
from tests.e2e.clusters import Cluster
from tests.e2e.guide import follow

pytestmark = pytest.mark.timeout(900)


def test_a_name_is_enough_and_the_cluster_is_ready(one: Cluster) -> None:
    cluster = one.shown()
    assert cluster["status"]["phase"] == "Ready"
    assert cluster["status"]["machines"] == {"desired": 3, "ready": 3}
    assert cluster["status"]["kubernetes_version"] == cluster["spec"]["kubernetes_version"]
    nodes = one.nodes().values()
    assert len(nodes) == 3
    assert all({c["type"]: c["status"] for c in n["status"]["conditions"]}["Ready"] == "True" for n in nodes)


def test_a_first_application_gets_a_public_address(one: Cluster) -> None:
    try:
        said = follow(one.customer, 3)
        assert all(worker in said for worker in one.workers())

        def address() -> bool:
            return bool(one.kubectl.get("service", "web")["status"]["loadBalancer"].get("ingress"))

        until("Service default/web has a public address", address, seconds=120)
    finally:
        one.kubectl.run("delete", "deployment,service", "web", "--ignore-not-found")


def test_groups_grow_come_and_go(one: Cluster) -> None:
    before = one.workers()
    follow(one.customer, 4)
    assert one.shown()["status"]["machines"] == {"desired": 6, "ready": 6}
    labels = [node["metadata"]["labels"] for node in one.nodes().values()]
    assert [each["tier"] for each in labels if "tier" in each] == ["big"]
    one.customer.must("nodegroup", "delete", "big", "-c", one.name, "--yes")
    one.customer.must("nodegroup", "scale", "default", "2", "-c", one.name)
    assert set(one.nodes()) == {f"{one.stem}-cp-0", *before}
    assert {server.name for server in one.servers()} == set(one.nodes())
    one.customer.must("cluster", "update", one.name, "--api-allowed-cidr", "any")


def test_nothing_is_in_the_way_and_the_timeline_shows_where_the_time_went(one: Cluster) -> None:
    assert "Ready" in follow(one.customer, 5)
    text = one.customer.must("cluster", "timeline", one.name).out
    for word in ("create server cp-0", "node ready cp-0", "apply addon calico"):
        assert word in text, text
