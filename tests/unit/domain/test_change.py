"""What may be changed of a cluster that exists."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.unit.domain.clusters import NOW, OFFER, cluster

from navarch.domain.admission import LIMITS, Refusal
from navarch.domain.calendar import Schedule
from navarch.domain.change import admit_change, admit_node_group, admit_node_group_change
from navarch.domain.codec import encode
from navarch.domain.drafts import changed_cluster, changed_node_group, merge, new_node_group, said_to_run
from navarch.domain.offer import Allowance, ExternalNetwork, Flavor, Offer, Quota, Release
from navarch.domain.spec import Cluster, NodeGroup, NodeGroupSpec, Taint, VolumeSpec
from navarch.domain.status import Phase, Status
from navarch.domain.upgrades import Circumstances

SHOP = cluster()
WEB = SHOP.node_groups[0]
SEEN = Circumstances(Status(Phase.READY), ())


def as_json(value: object) -> dict[str, Any]:
    """A dataclass as JSON has it."""
    encoded = encode(value)
    assert isinstance(encoded, dict)
    return encoded


def fields(result: object) -> dict[str, str]:
    assert isinstance(result, Refusal), result
    return {e.field: e.detail for e in result.errors}


def admitted(patch: dict[str, Any], of: Cluster = SHOP, offer: Offer = OFFER) -> Cluster | Refusal:
    """What becomes of a cluster by a merge patch."""
    document = {"name": of.name, "labels": dict(of.labels), "spec": encode(of.spec)}
    return admit_change(of, changed_cluster(of, merge(document, patch)), offer, seen=SEEN)


def test_nothing_asked_changes_nothing() -> None:
    assert admitted({}) == SHOP


def test_what_may_change_changes() -> None:
    after = admitted(
        {
            "name": "shop",
            "labels": {"b": "2", "a": "1"},
            "spec": {"paused": True, "network": {"api_allowed_cidrs": ["10.0.0.0/8"]}},
        }
    )
    assert isinstance(after, Cluster)
    assert (after.labels, after.spec.paused) == ((("a", "1"), ("b", "2")), True)
    assert after.spec.network.api_allowed_cidrs == ("10.0.0.0/8",)
    assert admitted({"labels": None, "spec": {"paused": None, "network": None}}, of=after) == SHOP


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"kubernetes_version": "1.36.0"}, "kubernetes_version"),
        ({"ssh_keys": ["k"]}, "ssh_keys"),
        ({"network": {"external_network": "x"}}, "network.external_network"),
        ({"network": {"node_cidr": "10.9.0.0/24"}}, "network.node_cidr"),
        ({"network": {"pod_cidr": "10.9.0.0/16"}}, "network.pod_cidr"),
        ({"network": {"service_cidr": "10.9.0.0/16"}}, "network.service_cidr"),
        ({"network": {"dns_servers": ["9.9.9.9"]}}, "network.dns_servers"),
        ({"network": {"public_api": False}}, "network.public_api"),
        ({"network": {"subnet_id": "x"}}, "network.subnet_id"),
        ({"network": {"api_allowed_cidrs": ["x"]}}, "network.api_allowed_cidrs[0]"),
        ({"control_plane": {"replicas": 2}}, "control_plane.replicas"),
        ({"control_plane": {"flavor": "x"}}, "control_plane.flavor"),
        ({"control_plane": {"zones": ["z2"]}}, "control_plane.zones"),
        ({"control_plane": {"etcd_volume": {"type": "hdd"}}}, "control_plane.etcd_volume.type"),
        ({"control_plane": {"etcd_volume": {"size_gib": 99}}}, "control_plane.etcd_volume.size_gib"),
    ],
)
def test_what_may_not_change_is_refused_by_name(spec: dict[str, Any], field: str) -> None:
    assert set(fields(admitted({"spec": spec}))) == {f"spec.{field}"}


def test_a_cluster_keeps_its_name_and_gets_no_bad_labels() -> None:
    assert set(fields(admitted({"name": "x"}))) == {"name"}
    assert set(fields(admitted({"labels": {"a b": "c"}}))) == {"labels"}


CHOSEN = {
    "kubernetes_version": None,
    "network": {"external_network": None},
    "control_plane": {"flavor": None, "zones": None, "etcd_volume": None},
}


def test_null_leaves_what_navarch_chose_as_it_is_whatever_would_be_chosen_today() -> None:
    assert admitted({"spec": CHOSEN}, offer=Offer()) == SHOP
    assert admitted({"spec": {"control_plane": None}}) == SHOP


def test_null_asks_for_the_default_of_what_has_one_and_is_refused_where_that_cannot_be() -> None:
    own = cluster(spec=replace(SHOP.spec, network=replace(SHOP.spec.network, node_cidr="10.9.0.0/24")))
    assert admitted({"spec": {"network": {"pod_cidr": None}}}, of=own) == own
    assert set(fields(admitted({"spec": {"network": {"node_cidr": None}}}, of=own))) == {"spec.network.node_cidr"}


def test_what_has_another_name_today_is_not_changed_by_that() -> None:
    twice = replace(OFFER, external_networks=(*OFFER.external_networks, ExternalNetwork("other", "public", ())))
    after = admitted({"spec": {"paused": True}}, offer=twice)
    assert isinstance(after, Cluster)
    assert after.spec.network == SHOP.spec.network
    posing = replace(OFFER, flavors=(Flavor("m1.small", "x.large", 8, 8192, 80), *OFFER.flavors))
    assert change(posing, replicas=1).spec.flavor == "m1.small"


def test_what_was_wrong_before_does_not_stand_in_the_way() -> None:
    labelled = cluster(labels=(("a b", "c"),))
    assert isinstance(admitted({"spec": {"paused": True}}, of=labelled, offer=Offer()), Cluster)
    assert set(fields(admitted({"labels": {"x": "y z"}}, of=labelled))) == {"labels"}


def change(offer: Offer = OFFER, quota: Quota | None = None, of: Cluster = SHOP, **asked: Any) -> Any:
    """What becomes of a cluster's first node group by a merge patch."""
    group, name = of.node_groups[0], asked.pop("name", None)
    document = {"name": group.name, "spec": encode(group.spec)}
    patch = {"spec": asked} | ({"name": name} if name else {})
    return admit_node_group_change(of, group, changed_node_group(group, merge(document, patch)), offer, quota)


def test_a_node_group_is_scaled_and_keeps_the_rest() -> None:
    assert change(replicas=5) == NodeGroup("web", NodeGroupSpec("m1.small", 5, ("z1",)))
    assert change(name="web", flavor="f1", zones=["z1"]) == WEB
    labelled = change(labels={"a": "1"}, taints=[{"key": "k", "effect": "NoSchedule"}])
    assert (labelled.spec.labels, labelled.spec.taints) == ((("a", "1"),), (Taint("k", "NoSchedule"),))


def test_null_means_the_same_for_a_node_group() -> None:
    odd = NodeGroupSpec("m1.medium", 5, ("z2",), (("a", "1"),), (Taint("k", "NoSchedule"),), max_surge=3)
    nothing: dict[str, Any] = dict.fromkeys(as_json(odd))
    group = change(OFFER, of=cluster(node_groups=(NodeGroup("web", odd),)), **nothing)
    assert group.spec == NodeGroupSpec("m1.medium", 2, ("z2",))


def test_machines_must_be_replaceable_after_a_change() -> None:
    tight = cluster(node_groups=(NodeGroup("web", replace(WEB.spec, max_surge=0, max_unavailable=1)),))
    assert set(fields(change(of=tight, max_unavailable=0))) == {"spec.max_surge"}


def test_a_node_group_keeps_its_name_and_may_become_all_else() -> None:
    assert set(fields(change(name="x"))) == {"name"}
    after = change(flavor="m1.medium", zones=["z2"], root_volume={"size_gib": 30}, max_surge="50%", force_drain=True)
    assert after.spec == replace(
        WEB.spec,
        flavor="m1.medium",
        zones=("z2",),
        root_volume=VolumeSpec("ssd", 30),
        max_surge="50%",
        force_drain=True,
    )
    own = cluster(node_groups=(after,))
    assert change(of=own, root_volume={"type": None, "size_gib": 40}).spec.root_volume == VolumeSpec("ssd", 40)
    assert change(of=own, root_volume=None).spec.root_volume is None


def test_a_control_plane_may_grow_and_change() -> None:
    after = admitted({"spec": {"control_plane": {"replicas": 3, "flavor": "f2", "root_volume": {}}}})
    assert isinstance(after, Cluster)
    plane = after.spec.control_plane
    assert (plane.replicas, plane.flavor, plane.root_volume) == (3, "m1.medium", VolumeSpec("ssd", 20))
    assert plane.zones == SHOP.spec.control_plane.zones
    document = {"name": "shop", "spec": encode(after.spec)}
    full = Quota((Allowance("volumes", 2, 2),))
    refused = admit_change(SHOP, changed_cluster(SHOP, document), OFFER, full, seen=SEEN)
    assert set(fields(refused)) == {"quota.volumes"}


MIDDLE = Release("1.36.3", "image-1363", "navarch-1.36.3", "bundle", (), 4)
BOTH = replace(OFFER, releases=(*OFFER.releases, MIDDLE))


def test_a_node_group_may_be_of_an_older_version_and_keeps_its_image() -> None:
    pinned = change(BOTH, kubernetes_version="1.36.3")
    assert (pinned.spec.kubernetes_version, pinned.spec.release) == ("1.36.3", MIDDLE)
    own = cluster(node_groups=(pinned,))
    newer = replace(BOTH, releases=(*OFFER.releases, replace(MIDDLE, image_id="newer")))
    assert change(newer, of=own, replicas=3).spec.release == MIDDLE
    assert change(OFFER, of=own, replicas=3).spec.release == MIDDLE, "it is hidden now"
    assert change(BOTH, of=own, kubernetes_version=None).spec == WEB.spec


NEWER = replace(SHOP.spec.release, image_id="image-new", image_name="navarch-1.37.2-new", min_disk_gib=0)
TWO = replace(OFFER, releases=(NEWER, *OFFER.releases))


def test_another_image_of_the_version_may_take_the_place_of_the_one_there_is() -> None:
    document = {"name": "shop", "spec": as_json(SHOP.spec) | {"release": None, "node_image": "navarch-1.37.2"}}
    for same in (None, "navarch-1.37.2", "image-1372"):
        patch = {"spec": {"node_image": same}}
        for offer in (TWO, replace(OFFER, releases=(NEWER,)), Offer()):
            assert admit_change(SHOP, changed_cluster(SHOP, merge(document, patch)), offer, seen=SEEN) == SHOP
    newer = merge(document, {"spec": {"node_image": "navarch-1.37.2-new"}})
    after = admit_change(SHOP, changed_cluster(SHOP, newer), TWO, seen=SEEN)
    assert after == replace(SHOP, spec=replace(SHOP.spec, release=NEWER))
    assert set(fields(admit_change(SHOP, changed_cluster(SHOP, newer), OFFER, seen=SEEN))) == {"spec.node_image"}


def test_other_machines_need_room_beside_the_old_ones() -> None:
    tight = Quota((Allowance("instances", 3, 3), Allowance("cores", 4, 4)))
    found = fields(change(quota=tight, flavor="m1.medium"))
    assert found["quota.instances"].startswith("1 needed, 0 free")
    # Two machines of 2 cores in place of two of 1, and in the end one of the old ones beside them.
    assert found["quota.cores"].startswith("3 needed, 0 free")
    assert change(quota=tight, flavor="m1.medium", max_surge=0, max_unavailable=1, replicas=1).spec.replicas == 1
    assert change(quota=tight, labels={"a": "b"}).spec.labels == (("a", "b"),)
    assert isinstance(change(quota=tight, zones=["z1", "z2"]), NodeGroup), "no machine has to go"
    assert set(fields(change(quota=tight, zones=["z2"]))) == {"quota.instances", "quota.cores"}


NOON = NOW + timedelta(hours=12)
OFFICE = Schedule("08:00", "20:00")


@pytest.mark.parametrize(
    ("schedule", "was", "said", "since"),
    [
        (None, True, False, NOON),
        (None, True, True, NOW),
        (OFFICE, True, True, NOON),  # its schedule may have stopped it
        (OFFICE, False, False, NOON),
    ],
)
def test_what_a_person_says_of_running_is_of_that_moment(
    schedule: Schedule | None, was: bool, said: bool, since: datetime
) -> None:
    shop = cluster(spec=replace(SHOP.spec, running=was, running_since=NOW, schedule=schedule))
    draft = changed_cluster(shop, {"name": "shop", "spec": encode(replace(shop.spec, running=said))})
    assert draft.spec.running_since == NOW
    after = admit_change(shop, said_to_run(shop, draft, NOON), OFFER, seen=SEEN)
    assert isinstance(after, Cluster)
    assert (after.spec.running, after.spec.running_since) == (said, since)


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
    gpu = new_node_group({"name": "gpu"})
    assert admit_node_group(SHOP, gpu, OFFER) == NodeGroup("gpu", NodeGroupSpec("m1.small", 2, ("z1",)))
    wrong = new_node_group({"name": "cp", "spec": {"flavor": "no", "zones": ["no"]}})
    assert set(fields(admit_node_group(SHOP, wrong, OFFER))) == {"name", "spec.flavor", "spec.zones[0]"}
    crowded = cluster(node_groups=tuple(NodeGroup(f"g{n}", WEB.spec) for n in range(LIMITS.node_groups)))
    assert "name" in fields(admit_node_group(crowded, gpu, OFFER))
    full = Quota((Allowance("server_groups", 2, 2), Allowance("cores", 9, 9)))
    assert set(fields(admit_node_group(SHOP, gpu, OFFER, full))) == {"quota.server_groups", "quota.cores"}


@pytest.mark.parametrize(
    ("document", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merging_is_as_in_the_examples_of_rfc_7396(document: Any, patch: Any, merged: Any) -> None:
    assert merge(document, patch) == merged
