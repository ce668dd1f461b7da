"""What may be changed of a cluster that exists."""

from typing import Any

import pytest
from clusters import OFFER, cluster

from navarch.domain.admission import LIMITS, Refusal
from navarch.domain.change import admit_change, admit_node_group, admit_node_group_change
from navarch.domain.offer import Allowance, Offer, Quota
from navarch.domain.request import (
    ClusterRequest,
    ControlPlaneRequest,
    NetworkRequest,
    NodeGroupRequest,
    TaintRequest,
    VolumeRequest,
)
from navarch.domain.spec import Cluster, NodeGroup, NodeGroupSpec, Taint

SHOP = cluster()
WEB = SHOP.node_groups[0]


def fields(result: object) -> dict[str, str]:
    assert isinstance(result, Refusal), result
    return {e.field: e.detail for e in result.errors}


def test_nothing_asked_changes_nothing() -> None:
    assert admit_change(SHOP, ClusterRequest()) == SHOP


def test_what_may_change_changes() -> None:
    request = ClusterRequest(
        name="shop",
        labels=(("b", "2"), ("a", "1")),
        paused=True,
        network=NetworkRequest(api_allowed_cidrs=("10.0.0.0/8",)),
    )
    after = admit_change(SHOP, request)
    assert isinstance(after, Cluster)
    assert (after.labels, after.spec.paused) == ((("a", "1"), ("b", "2")), True)
    assert after.spec.network.api_allowed_cidrs == ("10.0.0.0/8",)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (ClusterRequest(name="x"), "name"),
        (ClusterRequest(running=False), "spec.running"),
        (ClusterRequest(kubernetes_version="1.36.0"), "spec.kubernetes_version"),
        (ClusterRequest(ssh_keys=("k",)), "spec.ssh_keys"),
        (ClusterRequest(network=NetworkRequest(external_network="x")), "spec.network.external_network"),
        (ClusterRequest(network=NetworkRequest(node_cidr="10.9.0.0/24")), "spec.network.node_cidr"),
        (ClusterRequest(network=NetworkRequest(pod_cidr="10.9.0.0/16")), "spec.network.pod_cidr"),
        (ClusterRequest(network=NetworkRequest(service_cidr="10.9.0.0/16")), "spec.network.service_cidr"),
        (ClusterRequest(network=NetworkRequest(dns_servers=("9.9.9.9",))), "spec.network.dns_servers"),
        (ClusterRequest(network=NetworkRequest(public_api=False)), "spec.network.public_api"),
        (ClusterRequest(network=NetworkRequest(subnet_id="x")), "spec.network.subnet_id"),
        (ClusterRequest(network=NetworkRequest(api_allowed_cidrs=("x",))), "spec.network.api_allowed_cidrs[0]"),
        (ClusterRequest(control_plane=ControlPlaneRequest(replicas=3)), "spec.control_plane.replicas"),
        (ClusterRequest(control_plane=ControlPlaneRequest(flavor="x")), "spec.control_plane.flavor"),
        (ClusterRequest(control_plane=ControlPlaneRequest(zones=("z2",))), "spec.control_plane.zones"),
        (
            ClusterRequest(control_plane=ControlPlaneRequest(etcd_volume=VolumeRequest("hdd"))),
            "spec.control_plane.etcd_volume.type",
        ),
        (
            ClusterRequest(control_plane=ControlPlaneRequest(etcd_volume=VolumeRequest(None, 99))),
            "spec.control_plane.etcd_volume.size_gib",
        ),
        (ClusterRequest(labels=(("a b", "c"),)), "labels"),
    ],
)
def test_what_may_not_change_is_refused_by_name(request_: ClusterRequest, field: str) -> None:
    assert set(fields(admit_change(SHOP, request_))) == {field}


def change(offer: Offer = OFFER, quota: Quota | None = None, of: Cluster = SHOP, **asked: Any) -> Any:
    return admit_node_group_change(of, of.node_groups[0], NodeGroupRequest(**asked), offer, quota)


def test_a_node_group_is_scaled_and_keeps_the_rest() -> None:
    assert change(replicas=5) == NodeGroup("web", NodeGroupSpec("m1.small", 5, ("z1",)))
    assert change(name="web", flavor="f1", zones=("z1",)) == WEB
    labelled = change(labels=(("a", "1"),), taints=(TaintRequest("k", "NoSchedule"),))
    assert (labelled.spec.labels, labelled.spec.taints) == ((("a", "1"),), (Taint("k", "NoSchedule"),))


def test_a_node_group_keeps_its_name_flavor_and_zones() -> None:
    found = fields(change(name="x", flavor="m1.medium", zones=("z2",)))
    assert set(found) == {"name", "spec.flavor", "spec.zones"}
    assert "add a node group" in found["spec.flavor"]


def test_a_flavor_that_is_no_longer_offered_does_not_stand_in_the_way() -> None:
    assert change(Offer(), flavor="m1.small", replicas=1).spec.replicas == 1


def test_growing_is_held_against_quota_but_shrinking_never() -> None:
    full = Quota((Allowance("instances", 3, 3),))
    found = fields(change(quota=full, replicas=3))
    assert set(found) == {"quota.instances"}
    assert found["quota.instances"].startswith("1 needed, 0 free (limit 3, used 3)")
    assert change(quota=full, replicas=1).spec.replicas == 1


def test_growing_is_held_against_the_networks() -> None:
    two = cluster(node_groups=(WEB, NodeGroup("big", NodeGroupSpec("m1.small", 99, ("z1",)))))
    assert "most is 100" in fields(change(of=two, replicas=3))["spec.replicas"]


def test_a_new_node_group_is_judged_like_one_of_a_new_cluster() -> None:
    group = admit_node_group(SHOP, NodeGroupRequest(name="gpu"), OFFER)
    assert group == NodeGroup("gpu", NodeGroupSpec("m1.small", 2, ("z1",)))
    found = fields(admit_node_group(SHOP, NodeGroupRequest(name="cp", flavor="no", zones=("no",)), OFFER))
    assert set(found) == {"name", "spec.flavor", "spec.zones[0]"}
    crowded = cluster(node_groups=tuple(NodeGroup(f"g{n}", WEB.spec) for n in range(LIMITS.node_groups)))
    assert "name" in fields(admit_node_group(crowded, NodeGroupRequest(name="one-more"), OFFER))
    full = Quota((Allowance("server_groups", 2, 2), Allowance("cores", 9, 9)))
    found = fields(admit_node_group(SHOP, NodeGroupRequest(name="gpu"), OFFER, full))
    assert set(found) == {"quota.server_groups", "quota.cores"}
