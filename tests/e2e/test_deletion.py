"""The end of both clusters: nothing of them is left, whatever the stories before did to them."""

import pytest
from tests.e2e.clusters import Cluster
from tests.e2e.guide import follow

pytestmark = [pytest.mark.destructive, pytest.mark.timeout(900)]


def test_deletion_leaves_nothing(one: Cluster, three: Cluster) -> None:
    before = one.shown()["id"]
    three.customer.must("cluster", "delete", three.name, "--yes", "--no-wait")
    follow(one.customer, 6)
    assert one.customer.navarch("cluster", "show", before).code == 3
    three.customer.navarch("cluster", "wait", three.name)
    assert three.customer.navarch("cluster", "show", three.name).code == 3
    assert one.customer.left() == []
    assert three.customer.left() == []
