"""Add-ons on a real kube-apiserver: what is applied, what survives, what goes."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.entry_programs import real_renderer, rendered_addon
from tests.integration.kube_apiserver import ApiServer
from tests.unit.addons.sample_inputs import cluster, holders, inputs, release

from navarch.addons import applying, catalogue, objects
from navarch.addons.client import KubernetesClusters
from navarch.addons.connection import Connection
from navarch.addons.contract import Access, Asks, Draining
from navarch.addons.errors import Absent
from navarch.addons.rendering import Rendered, marked
from navarch.domain.errors import Permanent, Temporary

pytestmark = [pytest.mark.kube, pytest.mark.tools]

CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
IS_DEFAULT = "storageclass.kubernetes.io/is-default-class"
CONFIG_MAPS = "/api/v1/namespaces/kube-system/configmaps"
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture(scope="module")
def access(kube: ApiServer) -> Access:
    return kube.access


@pytest.fixture(scope="module")
def clusters() -> Iterator[KubernetesClusters]:
    with KubernetesClusters(real_renderer()) as made:
        yield made


@pytest.fixture(scope="module")
def api(access: Access) -> Iterator[Connection]:
    connection = Connection(access, connections=4)
    yield connection
    connection.close()


@pytest.fixture
def installed(clusters: KubernetesClusters, access: Access) -> None:
    """Every add-on, as the sample inputs have it; what is Temporary is tried again, as the worker does."""
    for name, _ in clusters.digests(inputs()):
        for last in (False, False, True):
            try:
                clusters.apply(access, inputs(), name)
                break
            except Temporary:
                if last:
                    raise


def versions(api: Connection) -> dict[str, str]:
    """Resource version of every object of every add-on, and of the notes."""
    paths = [applying.NOTES_PATH]
    for name in catalogue.names():
        addon = rendered_addon(inputs(), name)
        paths += [objects.path(made) for made in (*addon.definitions, *addon.objects, *addon.once)]
    return {path: api.get(path)["metadata"]["resourceVersion"] for path in paths}


def test_applying_everything_twice_changes_nothing(
    installed: None, clusters: KubernetesClusters, access: Access, api: Connection
) -> None:
    # A definition's status is written by the server once it serves it, which is no change of ours.
    before = versions(api)
    settled = {path: version for path, version in before.items() if "customresourcedefinitions" not in path}
    for name in catalogue.names():
        clusters.apply(access, inputs(), name)
    after = versions(api)
    assert {path: after[path] for path in settled} == settled


def test_a_look_tells_versions_digests_and_what_is_missing(
    installed: None, clusters: KubernetesClusters, access: Access
) -> None:
    seen = clusters.observe(access, Asks())
    assert seen.version == "1.37.2"
    assert seen.at is not None and abs(datetime.now(UTC) - seen.at) < timedelta(seconds=20)  # its header Date
    assert tuple((addon.name, addon.digest) for addon in seen.addons) == clusters.digests(inputs())
    by_name = {addon.name: addon for addon in seen.addons}
    assert by_name["access"].available and not by_name["access"].runs  # it has no pods
    assert by_name["coredns"].runs
    tags = inputs().cluster.spec.release.tags
    assert by_name["coredns"].version == tags["coredns"].removeprefix("v")
    assert by_name["calico"].version == tags["calico"].removeprefix("v")
    assert by_name["access"].version == ""
    assert not by_name["coredns"].available
    assert by_name["coredns"].message == "coredns: not looked at yet"


def test_an_addon_is_available_once_its_workloads_have_what_they_want(
    installed: None, clusters: KubernetesClusters, access: Access, api: Connection
) -> None:
    path = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
    generation = api.get(path)["metadata"]["generation"]

    def report(available: int) -> Any:
        counts = {"replicas": 3, "updatedReplicas": 3, "readyReplicas": available, "availableReplicas": available}
        status = {"observedGeneration": generation, **counts}
        api.merge(f"{path}/status", {"status": status})
        return {a.name: a for a in clusters.observe(access, Asks()).addons}["coredns"]

    assert report(2).message == "coredns: 2 of 3 replicas available"
    assert report(3).available


def test_what_is_the_users_survives_an_apply(
    installed: None, clusters: KubernetesClusters, access: Access, api: Connection
) -> None:
    api.merge(f"{CONFIG_MAPS}/coredns-custom", {"data": {"mine.server": "example.org { forward . 10.0.0.53 }"}})
    mine = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "mine"}, "provisioner": "x"}
    api.create(CLASSES, mine)
    api.merge(f"{CLASSES}/ssd", {"metadata": {"labels": {"team": "blue"}}})
    for name in ("coredns", "cinder-csi"):
        clusters.apply(access, inputs(), name)
    assert "mine.server" in api.get(f"{CONFIG_MAPS}/coredns-custom")["data"]
    assert api.get(f"{CLASSES}/mine")["provisioner"] == "x"
    assert api.get(f"{CLASSES}/ssd")["metadata"]["labels"]["team"] == "blue"


def test_what_is_navarchs_is_set_right_again(
    installed: None, clusters: KubernetesClusters, access: Access, api: Connection
) -> None:
    right = api.get(f"{CONFIG_MAPS}/coredns")["data"]
    api.merge(f"{CONFIG_MAPS}/coredns", {"data": {"Corefile": "broken"}})
    clusters.apply(access, inputs(), "coredns")
    assert api.get(f"{CONFIG_MAPS}/coredns")["data"] == right


RBAC = "/apis/rbac.authorization.k8s.io/v1"
REACHES_KUBELETS = f"{RBAC}/clusterrolebindings/kubeadm:apiserver-kubelet-client"


POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
DEPLOYMENTS = "/apis/apps/v1/namespaces/kube-system/deployments"
DAEMON_SETS = "/apis/apps/v1/namespaces/kube-system/daemonsets"


@pytest.mark.parametrize(
    ("addon", "collection", "name"),
    [
        ("access", f"{RBAC}/clusterrolebindings", "kubeadm:apiserver-kubelet-client"),
        ("access", f"{RBAC}/namespaces/kube-system/rolebindings", "kubeadm:nodes-kubeadm-config"),
        ("access", f"{RBAC}/clusterroles", "navarch:see-cluster"),
        ("cinder-csi", CLASSES, "ssd"),
        ("coredns", CONFIG_MAPS, "coredns"),
        ("coredns", "/api/v1/namespaces/kube-system/services", "kube-dns"),
        ("coredns", DEPLOYMENTS, "coredns"),
        ("guard-rails", POLICIES, ""),
        ("kube-proxy", DAEMON_SETS, ""),
    ],
)
def test_an_object_that_somebody_deleted_comes_back(
    installed: None,
    clusters: KubernetesClusters,
    access: Access,
    api: Connection,
    addon: str,
    collection: str,
    name: str,
) -> None:
    ours = api.list(collection, page=50, pages=1, labelSelector=f"navarch.io/addon={addon}")
    path = f"{collection}/{name or next(iter(ours))['metadata']['name']}"
    api.delete(path)
    _is_as_good_as_not_applied(clusters, access, addon, f"{path.rpartition('/')[2]}: not there")

    clusters.apply(access, inputs(), addon)  # what the plan does where the digest is another
    assert api.get(path)["metadata"]["labels"]["navarch.io/addon"] == addon
    _all_is_applied(clusters, access)


def test_a_deployment_that_somebody_scaled_to_nothing_is_scaled_back(
    installed: None, clusters: KubernetesClusters, access: Access, api: Connection
) -> None:
    path = f"{DEPLOYMENTS}/metrics-server"
    wanted = api.get(path)["spec"]["replicas"]
    api.merge(path, {"spec": {"replicas": 0}})
    generation = api.get(path)["metadata"]["generation"]
    api.merge(f"{path}/status", {"status": {"observedGeneration": generation}})
    _is_as_good_as_not_applied(clusters, access, "metrics-server", "metrics-server: scaled to 0 replicas")

    clusters.apply(access, inputs(), "metrics-server")
    assert api.get(path)["spec"]["replicas"] == wanted
    _all_is_applied(clusters, access)


def test_who_writes_on_what_is_noted_does_not_choose_which_lists_are_read(
    installed: None, clusters: KubernetesClusters, access: Access, api: Connection
) -> None:
    noted = api.get(applying.NOTES_PATH)["data"]["coredns.objects"]
    foreign = "\n".join(f"/api/v1/namespaces/n{n}/secrets/x" for n in range(100))
    api.merge(applying.NOTES_PATH, {"data": {"coredns.objects": f"{noted}\n{foreign}"}})
    _all_is_applied(clusters, access)
    clusters.apply(access, inputs(), "coredns")


def _is_as_good_as_not_applied(clusters: KubernetesClusters, access: Access, addon: str, message: str) -> None:
    seen = {a.name: a for a in clusters.observe(access, Asks(survey=True)).addons}
    assert (seen[addon].digest, seen[addon].available) == ("", False)
    assert message in seen[addon].message
    assert all(a.digest for name, a in seen.items() if name != addon)


def _all_is_applied(clusters: KubernetesClusters, access: Access) -> None:
    digests = {addon.name: addon.digest for addon in clusters.observe(access, Asks(survey=True)).addons}
    assert digests == dict(clusters.digests(inputs()))


def test_an_upgrade_sets_the_roles_right_that_somebody_changed(
    installed: None, clusters: KubernetesClusters, access: Access, api: Connection
) -> None:
    subjects = api.get(REACHES_KUBELETS)["subjects"]
    nobody = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "nobody"}
    api.merge(REACHES_KUBELETS, {"subjects": [nobody]})
    upgraded = inputs(cluster=cluster(of=release("1.38.0")))
    assert dict(clusters.digests(upgraded))["access"] != dict(clusters.digests(inputs()))["access"]
    clusters.apply(access, upgraded, "access")
    assert api.get(REACHES_KUBELETS)["subjects"] == subjects


def test_the_default_class_is_given_once_and_then_the_users_to_choose(
    installed: None, clusters: KubernetesClusters, access: Access, api: Connection
) -> None:
    assert api.get(f"{CLASSES}/ssd")["metadata"]["annotations"][IS_DEFAULT] == "true"
    api.merge(f"{CLASSES}/ssd", {"metadata": {"annotations": {IS_DEFAULT: "false"}}})
    api.merge(f"{CLASSES}/hdd", {"metadata": {"annotations": {IS_DEFAULT: "true"}}})
    clusters.apply(access, inputs(), "cinder-csi")
    assert api.get(f"{CLASSES}/ssd")["metadata"]["annotations"][IS_DEFAULT] == "false"
    assert api.get(f"{CLASSES}/hdd")["metadata"]["annotations"][IS_DEFAULT] == "true"


def test_a_class_whose_type_is_gone_is_removed_unless_the_user_took_it_over(
    installed: None, clusters: KubernetesClusters, access: Access, api: Connection
) -> None:
    fewer = inputs(volume_types=(("ssd", ("z1", "z2", "z3")),))
    clusters.apply(access, fewer, "cinder-csi")
    with pytest.raises(Absent):
        api.get(f"{CLASSES}/hdd")
    assert api.get(f"{CLASSES}/ssd")["parameters"] == {"type": "ssd"}

    clusters.apply(access, inputs(), "cinder-csi")
    api.merge(f"{CLASSES}/hdd", {"metadata": {"labels": {"navarch.io/addon": None}}})
    clusters.apply(access, fewer, "cinder-csi")
    assert api.get(f"{CLASSES}/hdd")["parameters"] == {"type": "hdd"}


def test_a_definition_that_is_no_longer_needed_stays_with_its_objects(access: Access, api: Connection) -> None:
    calico = rendered_addon(inputs(), "calico")
    definition = next(o for o in calico.definitions if o["metadata"]["name"].startswith("networksets."))
    renamed = {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"}
    made = {
        **definition,
        "metadata": {"name": "things.example.org"},
        "spec": {**definition["spec"], "group": "example.org", "names": renamed},
    }
    applying.apply(api, Rendered("things", (marked(made, "things"),), digest="1"))
    applying.apply(api, Rendered("things", (), digest="2"))
    assert api.get(objects.path(made))["spec"]["group"] == "example.org"


def test_what_cannot_be_changed_is_made_anew(access: Access, api: Connection) -> None:
    def addon(volume_type: str) -> Rendered:
        made = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "changing"},
            "provisioner": "cinder.csi.openstack.org",
            "parameters": {"type": volume_type},
        }
        return Rendered("changing", (marked(made, "changing"),), digest=volume_type)

    applying.apply(api, addon("slow"))
    applying.apply(api, addon("fast"))
    assert api.get(f"{CLASSES}/changing")["parameters"] == {"type": "fast"}


def test_a_refused_object_leaves_the_digest_unwritten(
    clusters: KubernetesClusters, access: Access, api: Connection
) -> None:
    clusters.apply(access, inputs(), "coredns")
    noted = api.get(applying.NOTES_PATH)["data"]["coredns"]
    network = replace(cluster().spec.network, service_cidr="10.77.0.0/16")
    elsewhere = inputs(cluster=replace(cluster(), spec=replace(cluster().spec, network=network)))
    with pytest.raises(Permanent) as refused:
        clusters.apply(access, elsewhere, "coredns")
    assert "kube-dns" in refused.value.message
    assert api.get(applying.NOTES_PATH)["data"]["coredns"] == noted


def test_agents_of_a_release_go_with_its_last_machine(
    installed: None, clusters: KubernetesClusters, access: Access, api: Connection
) -> None:
    def agents() -> set[str]:
        listed = api.get("/apis/apps/v1/namespaces/kube-system/daemonsets")["items"]
        return {made["metadata"]["name"] for made in listed if made["metadata"]["name"].startswith("kube-proxy")}

    machines = (*holders(control_plane=1), *holders(workers=1, of=release("1.36.3")))
    clusters.apply(access, inputs(holders=machines), "kube-proxy")
    assert agents() == {"kube-proxy-v1-36-3", "kube-proxy-v1-37-2"}
    clusters.apply(access, inputs(), "kube-proxy")
    assert agents() == {"kube-proxy-v1-37-2"}


def test_a_node_is_told_what_it_holds_where_it_does_not_know(
    clusters: KubernetesClusters, access: Access, api: Connection, node: str
) -> None:
    labels = {"component.navarch.io/calico": "v3.28.5"}
    clusters.apply(access, inputs(unlabelled={node: labels, "gone": labels}), "coredns")
    assert labels.items() <= api.get(f"/api/v1/nodes/{node}")["metadata"]["labels"].items()
    clusters.apply(access, inputs(), "coredns")


def test_the_cloud_configuration_is_nowhere_but_in_its_secret(installed: None, api: Connection) -> None:
    everything = ("configmaps", "serviceaccounts", "services")
    read = [api.get(f"/api/v1/namespaces/kube-system/{plural}") for plural in everything]
    read += [api.get("/apis/apps/v1/namespaces/kube-system/daemonsets")]
    assert not [listed for listed in read if "correct horse" in str(listed)]
    assert "cloud.conf" in api.get("/api/v1/namespaces/kube-system/secrets/cloud-config")["data"]


# -- nodes


def pod(name: str, node: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}, **metadata},
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "containers": [{"name": "c", "image": "none"}],
        },
    }


@pytest.fixture
def node(api: Connection) -> Iterator[str]:
    name = "worker-1"
    for made in ("/api/v1/namespaces/default/serviceaccounts",):
        if not any(a["metadata"]["name"] == "default" for a in api.get(made)["items"]):
            api.create(made, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}})
    api.create("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    yield name
    for seen in api.get(PODS)["items"]:
        now = {"gracePeriodSeconds": 0}
        api._ask("DELETE", f"{PODS}/{seen['metadata']['name']}", body=now)
    api.delete(f"/api/v1/nodes/{name}")


def test_a_drain_cordons_and_leaves_what_cannot_move(
    clusters: KubernetesClusters, access: Access, api: Connection, node: str
) -> None:
    owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "1", "controller": True}
    api.create(PODS, pod("web", node))
    api.create(PODS, pod("agent", node, ownerReferences=[owner]))
    assert clusters.drain(access, node, evict=True) == Draining(pods=1)  # it has just evicted one
    assert clusters.drain(access, node, evict=True) is None
    assert [seen["metadata"]["name"] for seen in api.get(PODS)["items"]] == ["agent"]
    assert clusters.observe(access, Asks()).nodes[0].unschedulable


def test_a_drain_honours_a_disruption_budget(
    clusters: KubernetesClusters, access: Access, api: Connection, node: str
) -> None:
    api.create(PODS, pod("web", node))
    running = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    api.merge(f"{PODS}/web/status", {"status": running})
    budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }
    api.create(budgets, budget)

    def allow(disruptions: int) -> None:  # what the disruption controller would work out
        status = {
            "observedGeneration": 1,
            "disruptionsAllowed": disruptions,
            "currentHealthy": 1 + disruptions,
            "desiredHealthy": 1,
            "expectedPods": 1 + disruptions,
        }
        api.merge(f"{budgets}/web/status", {"status": status})

    allow(0)
    held = Draining(("default/web: The disruption budget web needs 1 healthy pods and has 1 currently",), 1)
    assert clusters.drain(access, node, evict=True) == held
    assert clusters.drain(access, node, evict=True) == held
    assert len(api.get(PODS)["items"]) == 1
    allow(1)
    assert clusters.drain(access, node, evict=True) == Draining(pods=1)
    assert clusters.drain(access, node, evict=True) is None
    api.delete(f"{budgets}/web")


def test_a_drain_waits_for_volumes_to_be_detached(
    clusters: KubernetesClusters, access: Access, api: Connection, node: str
) -> None:
    attachments = "/apis/storage.k8s.io/v1/volumeattachments"
    attachment = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "VolumeAttachment",
        "metadata": {"name": "a"},
        "spec": {"attacher": "x", "nodeName": node, "source": {"persistentVolumeName": "pv"}},
    }
    api.create(attachments, attachment)
    assert clusters.drain(access, node, evict=True) == Draining()
    api.delete(f"{attachments}/a")
    assert clusters.drain(access, node, evict=True) is None


def test_a_node_that_is_gone_is_drained_and_deleted(clusters: KubernetesClusters, access: Access) -> None:
    assert clusters.drain(access, "nobody", evict=True) is None
    clusters.delete_node(access, "nobody")


# -- the connection


def test_an_api_that_is_not_there_is_a_temporary_trouble(clusters: KubernetesClusters, access: Access) -> None:
    with pytest.raises(Temporary) as trouble:
        clusters.observe(replace(access, url="https://127.0.0.1:1"), Asks())
    assert trouble.value.reason == "KubernetesNotAnswering"


def test_a_server_with_another_ca_is_not_spoken_to(clusters: KubernetesClusters, access: Access) -> None:
    elsewhere = replace(access, url=access.url.replace("127.0.0.1", "localhost"))
    with pytest.raises(Temporary) as trouble:
        clusters.observe(elsewhere, Asks())
    assert "certificate" in trouble.value.message.lower()


def test_no_private_key_is_left_in_an_open_descriptor(access: Access, api: Connection) -> None:
    api.get("/version")
    behind = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # another thread's, closed in between
            behind.add(str(descriptor.readlink()))
    assert behind
    assert not [name for name in behind if "navarch-client" in name]
