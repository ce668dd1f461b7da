"""Chosen add-ons on a real kube-apiserver: charts rendered by Helm's engine, applied, mended, upgraded, removed."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.kube_apiserver import ApiServer

from navarch.addons.client import KubernetesClusters
from navarch.addons.connection import Connection
from navarch.addons.contract import Access, Asks, Installation, Installing, Removal
from navarch.addons.errors import Absent
from navarch.addons.targets import LABEL
from navarch.domain.catalogue import Item
from navarch.domain.errors import Permanent, Temporary

pytestmark = pytest.mark.kube

DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
CONFIG_MAPS = "/api/v1/namespaces/shop/configmaps"
JOBS = "/apis/batch/v1/namespaces/shop/jobs"
STATEFUL_SETS = "/apis/apps/v1/namespaces/shop/statefulsets"
CLAIMS = "/api/v1/namespaces/shop/persistentvolumeclaims"


def config_map(name: str = "settings", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(name: str = "web", replicas: int = 1, **labels: str) -> dict[str, Any]:
    labels = labels or {"app": name}
    pod = {"containers": [{"name": "c", "image": "registry.navarch.internal/pause:3.10.2"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def stateful_set(name: str = "db", **fields: Any) -> dict[str, Any]:
    made = deployment(name)
    return {**made, "kind": "StatefulSet", "spec": {**made["spec"], "serviceName": name, **fields}}


def namespace(name: str = "shop") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "boats.example.org"},
    "spec": {
        "group": "example.org",
        "scope": "Namespaced",
        "names": {"kind": "Boat", "plural": "boats", "singular": "boat", "listKind": "BoatList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
BOAT = {"apiVersion": "example.org/v1", "kind": "Boat", "metadata": {"name": "ferry"}, "spec": {"length": 30}}


def claim(name: str) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def hook(name: str, when: str) -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "registry.navarch.internal/pause:3.10.2"}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "annotations": {"helm.sh/hook": when}},
        "spec": {"ttlSecondsAfterFinished": 0, "template": {"spec": pod}},
    }


class Shop:
    """An add-on named `shop`, as the worker keeps it."""

    def __init__(self, clusters: KubernetesClusters, access: Access) -> None:
        self.clusters, self.access = clusters, access
        self.items: tuple[Item, ...] = ()
        self.noted: list[tuple[Item, ...]] = []
        self.generation = 1

    def apply(self, *objects: dict[str, Any], upgrade: bool = False, **fields: Any) -> Installing:
        wanted = Installation("shop", "shop", f"{self.generation}", upgrade, objects, self.items, **fields)
        done = self.clusters.install(self.access, wanted, self.note)
        self.items = done.items
        return done

    def note(self, items: tuple[Item, ...]) -> None:
        self.noted.append(items)
        self.items = items

    def look(self) -> Any:
        (seen,) = self.clusters.observe(self.access, Asks(chosen=(("shop", self.items),))).chosen
        return seen

    def remove(self, **fields: Any) -> tuple[str, ...]:
        return self.clusters.uninstall(self.access, Removal("shop", self.items, **fields), self.note)


@pytest.fixture(scope="module")
def api(kube: ApiServer) -> Iterator[Connection]:
    connection = Connection(kube.access, connections=4)
    yield connection
    connection.close()


@pytest.fixture
def shop(kube: ApiServer, api: Connection) -> Iterator[Shop]:
    """An add-on of a cluster that has nothing of it."""
    with KubernetesClusters() as clusters:
        yield Shop(clusters, kube.access)
    for path in (DEPLOYMENTS, CONFIG_MAPS, JOBS, CLAIMS, STATEFUL_SETS, "/api/v1/namespaces/shop/secrets"):
        for item in list(api.list(path, page=50, pages=1)):
            metadata = item["metadata"]
            if metadata["name"] != "kube-root-ca.crt":
                api.merge(f"{path}/{metadata['name']}", {"metadata": {"finalizers": None}})
                api.delete(f"{path}/{metadata['name']}", uid=metadata["uid"], grace_seconds=0)
    api.delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/boats.example.org")


def report(api: Connection, path: str, **status: Any) -> None:
    """Say of a workload what its controller would say."""
    generation = api.get(path)["metadata"]["generation"]
    api.merge(f"{path}/status", {"status": {"observedGeneration": generation, **status}})


AVAILABLE = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}


def test_what_was_to_be_made_is_noted_before_it_is_made(shop: Shop, api: Connection) -> None:
    assert not shop.apply(namespace(), config_map(a="1")).waits
    assert [(i.kind, i.name, i.uid) for i in shop.noted[0]] == [
        ("Namespace", "shop", ""),
        ("ConfigMap", "settings", ""),
    ]
    made = api.get(f"{CONFIG_MAPS}/settings")
    assert made["metadata"]["labels"][LABEL] == "shop"
    assert [f["manager"] for f in made["metadata"]["managedFields"]] == ["navarch-addon-shop"]
    assert {i.name: i.uid for i in shop.items}["settings"] == made["metadata"]["uid"]


def test_a_wave_waits_for_the_one_before(shop: Shop, api: Connection) -> None:
    objects = (namespace(), DEFINITION, config_map(a="1"), deployment(), BOAT)
    waits = shop.apply(*objects).waits
    while "CustomResourceDefinition" in str(waits):  # the server takes a moment to serve it
        waits = shop.apply(*objects).waits
    assert waits == ("Deployment shop/web: not looked at yet",)
    with pytest.raises(Absent):  # its operator is not there yet
        api.get("/apis/example.org/v1/namespaces/shop/boats/ferry")
    report(api, f"{DEPLOYMENTS}/web", **AVAILABLE)
    assert not shop.apply(*objects).waits
    assert api.get("/apis/example.org/v1/namespaces/shop/boats/ferry")["spec"] == {"length": 30}
    assert shop.look().lost == shop.look().waiting == ()


def test_a_definition_is_sent_again_only_where_it_or_what_is_wanted_has_changed(
    shop: Shop, api: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/boats.example.org"
    sent: list[str] = []
    plain = Connection.apply_as

    def recorded(self: Connection, manager: str, path: str, made: Any, **how: bool) -> Any:
        sent.append(path)
        return plain(self, manager, path, made, **how)

    def times() -> int:
        sent.clear()
        while shop.apply(namespace(), DEFINITION, config_map(a="1")).waits:
            pass
        return sent.count(path)

    monkeypatch.setattr(Connection, "apply_as", recorded)
    assert times() == 1
    assert times() == 0
    assert f"{CONFIG_MAPS}/settings" in sent
    api.merge(path, {"spec": {"names": {"shortNames": ["bt"]}}})
    assert shop.look().lost == ("CustomResourceDefinition boats.example.org: changed",)
    assert times() == 2, "on trial, and to be so"
    assert (times(), shop.look().lost) == (0, ())
    api.merge(path, {"metadata": {"labels": {LABEL: None}}})
    assert shop.look().lost == ("CustomResourceDefinition boats.example.org: not there",)
    assert times() == 2
    names = {**DEFINITION["spec"]["names"], "shortNames": ["boat-to-be"]}
    monkeypatch.setitem(DEFINITION, "spec", {**DEFINITION["spec"], "names": names})
    assert times() == 3, "on trial, to hear that somebody else had set it, and to be so"
    assert api.get(path)["spec"]["names"]["shortNames"] == ["boat-to-be"]


def test_a_workload_that_waits_says_what_holds_its_pods_up(shop: Shop, api: Connection) -> None:
    shop.apply(namespace(), deployment())
    report(api, f"{DEPLOYMENTS}/web", replicas=1, updatedReplicas=1)
    waits = "Deployment shop/web: 0 of 1 replicas available"
    assert shop.look().waiting == (waits,)
    pods, pod = "/api/v1/namespaces/shop/pods", deployment()["spec"]["template"]
    accounts, account = "/api/v1/namespaces/shop/serviceaccounts", {"automountServiceAccountToken": False}
    api.create(accounts, {"metadata": {"name": "default"}})  # no controller makes it here
    for name, labels in (("web-1", {"app": "web"}), ("somebodys", {"app": "other"})):
        api.create(pods, {"metadata": {"name": name, "labels": labels}, "spec": {**pod["spec"], **account}})
    held = {"name": "c", "image": "x/web:1", "imageID": "", "ready": False, "restartCount": 0}
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    api.merge(f"{pods}/web-1/status", {"status": {"containerStatuses": [{**held, "state": waiting}]}})
    said = "pod web-1: image x/web:1 cannot be pulled: no such image"
    assert shop.look().waiting == (f"{waits}; {said}",)
    assert shop.apply(namespace(), deployment()).waits == (f"{waits}; {said}",), "an installation says it, too"
    for name in ("web-1", "somebodys"):
        api.delete(f"{pods}/{name}", grace_seconds=0)
    api.delete(f"{accounts}/default")


def test_what_somebody_changed_deleted_or_scaled_to_nothing_comes_back(shop: Shop, api: Connection) -> None:
    objects = (namespace(), config_map(a="1"), deployment())
    shop.apply(*objects)
    report(api, f"{DEPLOYMENTS}/web", **AVAILABLE)
    assert not shop.apply(*objects).waits
    assert not shop.look().lost

    api.merge(f"{DEPLOYMENTS}/web", {"spec": {"replicas": 0}})
    api.delete(f"{CONFIG_MAPS}/settings")
    assert set(shop.look().lost) == {"Deployment shop/web: changed", "ConfigMap shop/settings: not there"}
    shop.apply(*objects)
    report(api, f"{DEPLOYMENTS}/web", **AVAILABLE)
    assert not shop.apply(*objects).waits
    assert api.get(f"{DEPLOYMENTS}/web")["spec"]["replicas"] == 1
    assert api.get(f"{CONFIG_MAPS}/settings")["data"] == {"a": "1"}
    assert not shop.look().lost


def autoscaler() -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 9}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "mine"},
        "spec": spec,
    }


def scale(api: Connection, replicas: int) -> None:
    """As an autoscaler does, or `kubectl scale`."""
    api.merge(f"{DEPLOYMENTS}/web/scale", {"spec": {"replicas": replicas}})


def test_replicas_that_an_autoscaler_of_the_users_sets_are_not_fought_over(shop: Shop, api: Connection) -> None:
    objects = (namespace(), deployment(replicas=2), config_map(a="1"))
    shop.apply(*objects)
    path = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
    api.create(path, autoscaler())
    shop.apply(*objects)  # before the autoscaler did anything: the replicas are the chart's
    assert api.get(f"{DEPLOYMENTS}/web")["spec"]["replicas"] == 2

    scale(api, 7)
    assert shop.look().lost == ("Deployment shop/web: changed",)  # once: from now on they are the autoscaler's
    shop.apply(*objects)
    assert api.get(f"{DEPLOYMENTS}/web")["spec"]["replicas"] == 7
    scale(api, 4)
    assert not shop.look().lost

    shop.generation += 1  # another value of the add-on's
    shop.apply(namespace(), deployment(replicas=3), config_map(a="2"))
    assert api.get(f"{DEPLOYMENTS}/web")["spec"]["replicas"] == 4

    api.delete(f"{path}/mine")
    shop.apply(*objects)
    assert api.get(f"{DEPLOYMENTS}/web")["spec"]["replicas"] == 2


def test_what_somebody_changes_beside_the_add_ons_fields_is_no_change_of_a_workload(
    shop: Shop, api: Connection
) -> None:
    shop.apply(namespace(), deployment())
    api.merge(f"{DEPLOYMENTS}/web", {"spec": {"minReadySeconds": 5}})
    assert not shop.look().lost
    api.merge(
        f"{DEPLOYMENTS}/web", {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "other:1"}]}}}}
    )
    assert shop.look().lost == ("Deployment shop/web: changed",)


def test_what_the_user_set_in_other_fields_stays(shop: Shop, api: Connection) -> None:
    shop.apply(namespace(), config_map(a="1"))
    api.merge(f"{CONFIG_MAPS}/settings", {"data": {"mine": "2"}, "metadata": {"labels": {"team": "blue"}}})
    shop.apply(namespace(), config_map(a="3"))
    seen = api.get(f"{CONFIG_MAPS}/settings")
    assert (seen["data"], seen["metadata"]["labels"]["team"]) == ({"a": "3", "mine": "2"}, "blue")


def test_what_the_new_version_has_no_more_goes(shop: Shop, api: Connection) -> None:
    shop.apply(namespace(), config_map(a="1"), config_map("old", a="1"))
    shop.apply(namespace(), config_map(a="1"))
    with pytest.raises(Absent):
        api.get(f"{CONFIG_MAPS}/old")
    assert [i.name for i in shop.items] == ["shop", "settings"]


def test_a_claim_that_the_new_version_has_no_more_stays_with_its_volume(shop: Shop, api: Connection) -> None:
    shop.apply(namespace(), claim("orders"))
    shop.apply(namespace(), config_map(a="1"))
    assert not api.get(f"{CLAIMS}/orders")["metadata"].get("deletionTimestamp")
    assert [i.name for i in shop.items] == ["shop", "settings", "orders"]


def test_what_is_somebody_elses_is_told_and_left_alone(shop: Shop, api: Connection) -> None:
    shop.apply(namespace())
    api.create(CONFIG_MAPS, config_map("settings", theirs="1"))
    with pytest.raises(Permanent, match="ConfigMap shop/settings is there already") as refused:
        shop.apply(namespace(), config_map(a="1"), config_map("other", a="1"))
    assert (refused.value.reason, refused.value.responsible) == ("ObjectsInTheWay", "user")
    assert api.get(f"{CONFIG_MAPS}/settings")["data"] == {"theirs": "1"}
    with pytest.raises(Absent):
        api.get(f"{CONFIG_MAPS}/other")


def test_what_cannot_be_changed_is_told_before_anything_is(shop: Shop, api: Connection) -> None:
    shop.apply(namespace(), config_map(a="1"), deployment())
    with pytest.raises(Permanent, match=r"Deployment shop/web: .*field is immutable") as refused:
        shop.apply(namespace(), config_map(a="2"), deployment(app="renamed"))
    assert refused.value.reason == "ClusterRefuses"
    assert api.get(f"{CONFIG_MAPS}/settings")["data"] == {"a": "1"}


def test_what_is_made_anew_is_removed_only_if_the_new_one_would_be_taken(shop: Shop, api: Connection) -> None:
    shop.apply(namespace(), stateful_set())
    report(api, f"{STATEFUL_SETS}/db", **AVAILABLE)
    uid = api.get(f"{STATEFUL_SETS}/db")["metadata"]["uid"]
    with pytest.raises(Permanent, match=r"StatefulSet shop/db: .*spec.replicas") as refused:
        shop.apply(namespace(), stateful_set(replicas=-1))
    assert (refused.value.reason, refused.value.responsible) == ("ClusterRefuses", "user")
    seen = api.get(f"{STATEFUL_SETS}/db")["metadata"]
    assert (seen["uid"], seen.get("deletionTimestamp")) == (uid, None)

    with pytest.raises(Temporary, match="made anew once the old one is gone"):
        shop.apply(namespace(), stateful_set(serviceName="other"))
    with pytest.raises(Temporary, match="made anew once the old one is gone"):
        shop.apply(namespace(), stateful_set(serviceName="other"))
    api.merge(f"{STATEFUL_SETS}/db", {"metadata": {"finalizers": None}})  # as the controller manager does
    shop.apply(namespace(), stateful_set(serviceName="other"))
    seen = api.get(f"{STATEFUL_SETS}/db")
    assert seen["metadata"]["uid"] != uid
    assert seen["spec"]["serviceName"] == "other"


def test_a_class_is_made_anew_at_once(shop: Shop, api: Connection) -> None:
    path = "/apis/scheduling.k8s.io/v1/priorityclasses/shop"
    urgent = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "shop"}}
    shop.apply({**urgent, "value": 1, "globalDefault": True})
    shop.apply({**urgent, "value": 2, "globalDefault": True})
    assert api.get(path)["value"] == 2
    api.delete(path)


def test_a_kind_that_is_not_served_is_named(shop: Shop) -> None:
    monitor = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "m"}}
    with pytest.raises(Permanent, match=r"ServiceMonitor m \(monitoring.coreos.com/v1\)") as refused:
        shop.apply(namespace(), monitor)
    assert refused.value.reason == "KindsMissing"


def test_a_hook_runs_once_before_the_rest_and_its_failure_is_told(shop: Shop, api: Connection) -> None:
    objects = (namespace(), hook("prepare", "pre-install"), config_map(a="1"))
    assert shop.apply(*objects).waits == ("hook prepare is started",)
    job = api.get(f"{JOBS}/prepare")
    assert job["spec"]["activeDeadlineSeconds"] == 600
    assert "ttlSecondsAfterFinished" not in job["spec"]
    assert shop.apply(*objects).waits == ("hook prepare: not complete",)
    started = {"startTime": "2026-01-01T00:00:00Z"}
    failing = [{"type": t, "status": "True", "message": "BackoffLimit"} for t in ("FailureTarget", "Failed")]
    api.merge(f"{JOBS}/prepare/status", {"status": {**started, "conditions": failing}})
    with pytest.raises(Permanent, match="hook prepare failed: BackoffLimit") as failed:
        shop.apply(*objects)
    assert failed.value.reason == "HookFailed"
    with pytest.raises(Absent):
        api.get(f"{CONFIG_MAPS}/settings")

    api.delete(f"{JOBS}/prepare")  # as the remedy says
    assert shop.apply(*objects).waits == ("hook prepare is started",)
    ended = {**started, "completionTime": "2026-01-01T00:00:09Z", "succeeded": 1}
    good = [{"type": t, "status": "True"} for t in ("SuccessCriteriaMet", "Complete")]
    api.merge(f"{JOBS}/prepare/status", {"status": {**ended, "conditions": good}})
    assert not shop.apply(*objects).waits
    assert api.get(f"{CONFIG_MAPS}/settings")["data"] == {"a": "1"}
    assert all(i.kind != "Job" for i in shop.items)


def test_what_is_put_back_runs_no_hook(shop: Shop, api: Connection) -> None:
    objects = (namespace(), hook("migrate", "pre-upgrade,post-upgrade"), config_map(a="1"))
    shop.apply(*objects)
    api.delete(f"{CONFIG_MAPS}/settings")
    assert not shop.apply(*objects, upgrade=True, applied=True).waits
    assert api.get(f"{CONFIG_MAPS}/settings")["data"] == {"a": "1"}
    assert shop.apply(*objects, upgrade=True).waits == ("hook migrate is started",)


def test_a_removal_takes_custom_resources_first_and_leaves_their_definition(shop: Shop, api: Connection) -> None:
    objects = (DEFINITION, config_map(a="1"), BOAT)
    while shop.apply(*objects).waits:
        pass
    held = "/apis/example.org/v1/namespaces/shop/boats/ferry"
    api.merge(held, {"metadata": {"finalizers": ["example.org/operator"]}})
    assert shop.remove() == ("Boat shop/ferry is going",)
    assert api.get(f"{CONFIG_MAPS}/settings")  # what its operator needs is there while it works
    api.merge(held, {"metadata": {"finalizers": None}})
    while shop.remove():
        pass
    with pytest.raises(Absent):
        api.get(f"{CONFIG_MAPS}/settings")
    assert api.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/boats.example.org")
    shop.remove(with_data=True)
    with pytest.raises(Absent):
        while True:
            api.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/boats.example.org")


def test_a_namespace_goes_only_if_nothing_of_others_is_in_it(shop: Shop, api: Connection) -> None:
    def owned(name: str, api_version: str, kind: str, uid: str) -> dict[str, Any]:
        made = config_map(name)
        owner = {"apiVersion": api_version, "kind": kind, "name": "owner", "uid": uid}
        return {**made, "metadata": {**made["metadata"], "ownerReferences": [owner]}}

    shop.apply(namespace(), config_map(a="1"))
    for number in range(20):  # what the garbage collector has not come to yet
        api.create(CONFIG_MAPS, owned(f"going-{number}", "apps/v1", "ReplicaSet", "1"))
    api.create(CONFIG_MAPS, config_map("mine", a="1"))
    while shop.remove():
        pass
    assert not api.get("/api/v1/namespaces/shop")["metadata"].get("deletionTimestamp")
    assert api.get(f"{CONFIG_MAPS}/mine")["data"] == {"a": "1"}
    api.delete(f"{CONFIG_MAPS}/mine")
    api.create(CONFIG_MAPS, owned("theirs", "v1", "Node", "2"))  # a Node goes with no add-on
    assert not shop.remove()
    assert not api.get("/api/v1/namespaces/shop")["metadata"].get("deletionTimestamp")
    api.delete(f"{CONFIG_MAPS}/theirs")
    assert shop.remove() == ("Namespace shop is going",)
