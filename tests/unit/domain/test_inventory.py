"""What a cluster has in its cloud, as people are told: what each object is for, and what a deletion makes of it."""

from dataclasses import replace

from tests.unit.domain.clusters import NOW, WANTED, cluster
from tests.unit.domain.test_drift import STEM, settled

from navarch.domain.cloud import CloudState, Resource
from navarch.domain.inventory import CloudObject, Fate, Purpose
from navarch.domain.openstack.deletion import deletion
from navarch.domain.openstack.inventory import MOST_OF_A_KIND
from navarch.domain.openstack.resources import FloatingIP, Kind, LoadBalancer, Snapshot, Volume
from navarch.domain.openstack.steps import Remove
from navarch.domain.openstack.view import View
from navarch.domain.providers import KINDS, inventory

BALANCER = LoadBalancer("b", "kube_service_x_shop_web", "ACTIVE", "ONLINE", "10.0.0.9", "p", (), "cloud-controller", "",
                        "shop/web")  # fmt: skip
ADDRESS = FloatingIP("f", "shop/web", "198.51.100.9", "p", "cloud-controller")
VOLUME = Volume("v", "pvc-1", "in-use", "z1", "s", "csi", 8, "shop/data")
SNAPSHOT = Snapshot("n", "snap-1", "v", "available", "csi", 8)


def told(*more: Resource) -> dict[str, CloudObject]:
    """Every object by its id, of a cluster that is there, and `more`."""
    cloud = settled().cloud
    for one in more:
        cloud = cloud.having(one)
    return {o.id: o for o in inventory(replace(settled(), cloud=cloud), NOW).objects(KINDS)}


def test_balancers_are_their_services_and_volumes_their_claims() -> None:
    found = told(BALANCER, ADDRESS, VOLUME, SNAPSHOT)
    assert [(found[i].purpose, found[i].of) for i in "bfvn"] == [
        (Purpose.SERVICE, "shop/web"), (Purpose.SERVICE, "shop/web"), (Purpose.CLAIM, "shop/data"),
        (Purpose.CLAIM, "shop/data"),
    ]  # fmt: skip
    assert (found["f"].address, found["v"].size_gib, found["v"].zone) == ("198.51.100.9", 8, "z1")
    assert [o.id for o in found.values()][:4] == ["v", "n", "b", "f"], "what the cluster's users made comes first"


def test_what_navarch_made_is_for_the_cluster_itself() -> None:
    found = told()
    assert {(o.made_by, o.purpose) for o in found.values()} == {("navarch", None)}
    assert f"{STEM}-etcd-0" in {o.name for o in found.values()}


def test_a_volume_that_does_not_say_its_claim_is_told_by_its_name() -> None:
    found = told(replace(VOLUME, claim=""))
    assert (found["v"].purpose, found["v"].name, found["v"].keepable) == (None, "pvc-1", True)


def test_what_a_deletion_is_said_to_leave_is_what_it_leaves() -> None:
    """Told apart from the plan, and held against it."""
    cloud = settled().cloud
    for one in (VOLUME, SNAPSHOT):
        cloud = cloud.having(one)
    nothing_else = CloudState({kind: cloud.seen[kind] if kind in (Kind.VOLUME, Kind.SNAPSHOT) else () for kind in Kind})
    for keep in (True, False):
        gone = replace(cluster(), deletion_requested_at=NOW, keep_volumes=keep)
        seen, removed = replace(settled(), cloud=nothing_else), set()
        for _ in range(2):  # snapshots, then what they are of
            steps = deletion(View.of(gone, seen, WANTED, NOW))
            ids = {step.id for step in steps if isinstance(step, Remove)}
            removed |= ids
            for kind in (Kind.VOLUME, Kind.SNAPSHOT):
                for id_ in ids:
                    seen = replace(seen, cloud=seen.cloud.without(kind, id_))
        objects = inventory(replace(settled(), cloud=nothing_else), NOW).objects(KINDS)
        assert {o.id for o in objects if o.fate(keep_volumes=keep) is Fate.DELETED} == removed


def test_kinds_that_could_not_be_read_are_named_and_not_called_empty() -> None:
    cloud = settled().cloud
    known = CloudState({kind: seen for kind, seen in cloud.seen.items() if kind is not Kind.VOLUME})
    found = inventory(replace(settled(), cloud=known), NOW)
    assert found.unread == ("volume",)
    assert "volume" not in dict(found.found)
    assert dict(found.found)["snapshot"] == ()


def test_what_a_projects_owner_writes_is_one_harmless_line() -> None:
    found = told(replace(VOLUME, name="a\x00\nb\u202e" + "x" * 999, claim="shop/\x1b[31m"))
    assert (found["v"].name[:5], found["v"].of) == ("a\ufffd b\ufffd", "shop/\ufffd[31m")
    assert len(found["v"].name) <= 255


def test_more_than_can_be_noted_are_counted() -> None:
    cloud = settled().cloud
    many = tuple(replace(VOLUME, id=f"v{n}") for n in range(MOST_OF_A_KIND + 3))
    there = replace(cloud, seen={**cloud.seen, Kind.VOLUME: many})
    found = inventory(replace(settled(), cloud=there), NOW)
    assert (len(dict(found.found)["volume"]), found.left_out) == (MOST_OF_A_KIND, 3)
