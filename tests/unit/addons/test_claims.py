"""What claims mean for where pods may go."""

from typing import Any

import pytest

from navarch.addons import pods
from navarch.domain.pods import NodeTerm, NodeVolumes, PodsSeen, Requirement, Volume

Document = dict[str, Any]
ZONE = "topology.cinder.csi.openstack.org/zone"
IN_Z1 = NodeTerm((Requirement(ZONE, "In", ("z1",)),))
UNSCHEDULABLE = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}


def pod(name: str, *claims: str, node: str = "", **volume: Any) -> Document:
    volumes = [{"name": c, "persistentVolumeClaim": {"claimName": c}} for c in claims]
    volumes += [{"name": "scratch", **volume}] if volume else []
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}"},
        "spec": {"schedulerName": "default-scheduler", "containers": [], "volumes": volumes, "nodeName": node},
        "status": UNSCHEDULABLE if not node else {},
    }


def claim(name: str = "data", storage_class: str = "fast", volume: str = "", **more: Any) -> Document:
    metadata: Document = {"name": name, "namespace": "shop", "uid": f"uid-{name}", **more.pop("metadata", {})}
    spec = {"storageClassName": storage_class, "accessModes": ["ReadWriteOnce"], **more.pop("spec", {})}
    if volume:
        spec["volumeName"] = volume
        metadata["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
    return {"metadata": metadata, "spec": spec, **more}


def volume(name: str = "pv", zone: str = "z1", **spec: Any) -> Document:
    terms = [{"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}]
    csi = {"driver": "cinder.csi.openstack.org", "volumeHandle": f"id-{name}"}
    affinity = {"required": {"nodeSelectorTerms": terms}}
    return {"metadata": {"name": name}, "spec": {"csi": csi, "nodeAffinity": affinity, **spec}}


FAST: Document = {
    "metadata": {"name": "fast"},
    "provisioner": "cinder.csi.openstack.org",
    "volumeBindingMode": "WaitForFirstConsumer",
}


class Cluster:
    """Answers lists."""

    def __init__(self, *waiting: Document, placed: tuple[Document, ...] = (), **lists: list[Document]) -> None:
        self.asked: list[str] = []
        self._waiting, self._placed, self._lists = waiting, placed, {"storageclasses": [FAST], **lists}

    def count(self, path: str) -> int | None:
        return None

    def list(self, path: str, **query: Any) -> Any:
        kind = path.rpartition("/")[2]
        self.asked.append(kind)
        if kind == "pods":
            return iter(self._waiting if "Pending" in query["fieldSelector"] else self._placed)
        return iter(self._lists.get(kind, []))


def seen(cluster: Cluster) -> PodsSeen:
    return pods.seen(cluster, all_of_them=True)  # type: ignore[arg-type]


def test_where_no_pod_has_claims_nothing_is_read_of_volumes() -> None:
    cluster = Cluster(pod("web"), placed=(pod("db", node="a"),))
    assert seen(cluster).volumes == ()
    assert set(cluster.asked) == {"pods", "poddisruptionbudgets", "daemonsets"}


def test_a_pod_goes_where_its_volume_is() -> None:
    found = seen(Cluster(pod("db", "data"), persistentvolumeclaims=[claim(volume="pv")], persistentvolumes=[volume()]))
    shape = found.waiting[0].shape
    assert [place.terms for place in shape.places] == [(IN_Z1,)]
    assert shape.volumes == (Volume("cinder.csi.openstack.org", "id-pv"),)
    assert not shape.blocked and not shape.unsimulated


def test_a_volume_that_is_to_be_made_may_be_made_where_its_class_says() -> None:
    slow: Document = {**FAST, "metadata": {"name": "slow"}}
    slow["allowedTopologies"] = [{"matchLabelExpressions": [{"key": ZONE, "values": ["z1"]}]}]
    claims = [claim(), claim("logs", "slow")]
    found = seen(
        Cluster(pod("db", "data"), pod("log", "logs"), persistentvolumeclaims=claims, storageclasses=[FAST, slow])
    )
    anywhere, in_z1 = (p.shape for p in found.waiting)
    assert anywhere.places == () and [p.terms for p in in_z1.places] == [(IN_Z1,)]
    assert anywhere.volumes == (Volume("cinder.csi.openstack.org"),)


def test_pods_with_a_volume_each_that_is_to_be_made_are_alike_unless_they_share_it() -> None:
    claims = [claim("a"), claim("b")]
    one, other = seen(Cluster(pod("x", "a"), pod("y", "b"), persistentvolumeclaims=claims)).waiting
    assert one.shape == other.shape
    one, other = seen(Cluster(pod("x", "a"), pod("y", "a"), persistentvolumeclaims=claims)).waiting
    assert one.shape.volumes == other.shape.volumes == (Volume("cinder.csi.openstack.org", "claim shop/a"),)


def test_a_claim_whose_node_is_chosen_waits_for_that_node() -> None:
    chosen = claim(metadata={"annotations": {"volume.kubernetes.io/selected-node": "n1"}})
    (place,) = seen(Cluster(pod("db", "data"), persistentvolumeclaims=[chosen])).waiting[0].shape.places
    assert place.terms == (NodeTerm(names=(Requirement("metadata.name", "In", ("n1",)),)),)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ([], 'persistentvolumeclaim "data" not found'),
        (
            [claim(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})],
            'persistentvolumeclaim "data" is being deleted',
        ),
        ([claim(storage_class="at-once")], "pod has unbound immediate PersistentVolumeClaims"),
        ([claim(spec={"volumeName": "pv"})], "pod has unbound immediate PersistentVolumeClaims"),
        ([claim(volume="gone")], "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"),
        (
            [claim(volume="pv", status={"phase": "Lost"})],
            'persistentvolumeclaim "data" bound to non-existent persistentvolume "pv"',
        ),
    ],
)
def test_a_claim_that_no_machine_helps_says_so(claims: list[Document], why: str) -> None:
    found = seen(Cluster(pod("db", "data"), persistentvolumeclaims=claims, persistentvolumes=[volume()]))
    assert found.waiting[0].shape.blocked == why


def test_a_claim_for_one_pod_alone_is_taken_while_another_runs_and_the_other_may_move() -> None:
    alone = claim(volume="pv", spec={"accessModes": ["ReadWriteOncePod"]})
    found = seen(
        Cluster(
            pod("new", "data"),
            placed=(pod("old", "data", node="a"),),
            persistentvolumeclaims=[alone],
            persistentvolumes=[volume()],
        )
    )
    assert "ReadWriteOncePod" in found.waiting[0].shape.blocked
    assert not found.placed[0].shape.blocked


def test_an_ephemeral_volume_has_a_claim_that_its_pod_owns() -> None:
    scratch = claim("web-scratch", metadata={"ownerReferences": [{"uid": "uid-web", "controller": True}]})
    wanted = pod("web", ephemeral={})
    assert not seen(Cluster(wanted, persistentvolumeclaims=[scratch])).waiting[0].shape.blocked
    assert "not owner" in seen(Cluster(wanted, persistentvolumeclaims=[claim("web-scratch")])).waiting[0].shape.blocked
    assert "waiting for ephemeral volume controller" in seen(Cluster(wanted)).waiting[0].shape.blocked


def test_a_volume_that_is_there_already_is_a_place_too() -> None:
    by_hand: Document = {"metadata": {"name": "hand"}, "provisioner": "kubernetes.io/no-provisioner"}
    by_hand["volumeBindingMode"] = "WaitForFirstConsumer"
    free = volume(storageClassName="hand", accessModes=["ReadWriteOnce"], capacity={"storage": "5Gi"})
    free["status"] = {"phase": "Available"}

    def places(size: str) -> list[tuple[NodeTerm, ...]]:
        asked = claim(storage_class="hand", spec={"resources": {"requests": {"storage": size}}})
        found = Cluster(
            pod("db", "data"), persistentvolumeclaims=[asked], persistentvolumes=[free], storageclasses=[by_hand]
        )
        return [place.terms for place in seen(found).waiting[0].shape.places]

    assert places("5Gi") == [(IN_Z1,)] and places("6Gi") == [()]


@pytest.mark.parametrize("attacher", ["cinder.csi.openstack.org", "other.example.com"])
def test_what_nodes_may_have_of_volumes(attacher: str) -> None:
    driver = {"name": "cinder.csi.openstack.org", "nodeID": "a", "allocatable": {"count": 256}}
    attachment = {"spec": {"attacher": attacher, "nodeName": "a", "source": {"persistentVolumeName": "pv"}}}
    found = seen(
        Cluster(
            pod("db", "data"),
            persistentvolumes=[volume()],
            csinodes=[{"metadata": {"name": "a"}, "spec": {"drivers": [driver]}}],
            volumeattachments=[{"metadata": {"name": "x"}, **attachment}],
        )
    )
    name = driver["name"]
    attached = (Volume(attacher, "id-pv"),)
    assert found.volumes == (NodeVolumes("a", ((str(name), 256),), (str(name),), attached),)
