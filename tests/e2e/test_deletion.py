"""The end of a cluster: nothing of it is left, whatever the stories before did to it."""

import pytest
from tests.e2e.clusters import Cluster
from tests.e2e.guide import follow

pytestmark = [pytest.mark.destructive, pytest.mark.timeout(900)]


def test_a_cluster_deleted_by_the_guide_leaves_nothing(one: Cluster) -> None:
    before = one.shown()["id"]
    follow(one.customer, 6)
    assert one.customer.navarch("cluster", "show", before).code == 3
    assert one.customer.left(before) == []


def test_a_cluster_of_three_leaves_nothing(three: Cluster) -> None:
    before = three.shown()["id"]
    three.customer.must("cluster", "delete", three.name, "--yes")
    assert three.customer.left(before) == []
