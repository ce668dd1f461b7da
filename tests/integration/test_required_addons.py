"""What the add-ons that every cluster has are rendered into, by Helm's engine."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.integration.entry_programs import rendered_addon
from tests.unit.addons.sample_inputs import COMPONENTS, STEM, cluster, inputs, release

from navarch.addons import catalogue, objects
from navarch.addons.contract import Inputs
from navarch.addons.package import REGISTRY
from navarch.addons.placing import AGENT_LABEL
from navarch.addons.rendering import CREATE_ONCE, DEFAULT_CLASS_ONCE, Rendered
from navarch.domain.errors import Permanent
from navarch.domain.spec import NodeGroup, NodeGroupSpec, Taint

pytestmark = pytest.mark.tools

ADDONS = catalogue.names()
CLOUD_FILES = inputs().cloud_files


def everything(of: Inputs) -> list[Rendered]:
    return [rendered_addon(of, name) for name in ADDONS]


def all_objects(addon: Rendered) -> tuple[dict[str, Any], ...]:
    return (*addon.definitions, *addon.objects, *addon.once)


def strings(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield key
            yield from strings(value)
    elif isinstance(tree, list | tuple):
        for item in tree:
            yield from strings(item)
    elif isinstance(tree, str):
        yield tree


def base_name(workload: dict[str, Any]) -> str:
    """As it is in the manifest."""
    name: str = workload["metadata"]["labels"].get(AGENT_LABEL, workload["metadata"]["name"])
    return name


def pod_specs(of: Inputs) -> dict[str, dict[str, Any]]:
    return {
        base_name(made): made["spec"]["template"]["spec"]
        for addon in everything(of)
        for made in addon.objects
        if made["kind"] in objects.WORKLOADS
    }


def found(addon: str, kind: str, name: str, of: Inputs) -> dict[str, Any]:
    made = rendered_addon(of, addon)
    return next(o for o in all_objects(made) if (o["kind"], o["metadata"]["name"]) == (kind, name))


def test_what_others_need_is_applied_first() -> None:
    assert ADDONS.index("calico") < ADDONS.index("coredns")
    assert ADDONS.index("cloud-controller") < ADDONS.index("cinder-csi")  # it brings the Secret that both mount


def test_every_image_that_is_named_is_run_and_every_one_that_is_run_is_named() -> None:
    for name in ADDONS:
        specs = [
            o["spec"]["template"]["spec"]
            for o in rendered_addon(inputs(), name).objects
            if o["kind"] in objects.WORKLOADS
        ]
        run = {c["image"] for spec in specs for c in (*spec.get("initContainers", ()), *spec["containers"])}
        images = {image.removeprefix(f"{REGISTRY}/").rpartition(":")[0] for image in run}
        assert images == set(catalogue.package(name).components), name


@pytest.mark.parametrize("control_plane", [1, 3])
def test_no_word_to_helm_or_to_navarch_is_left(control_plane: int) -> None:
    for addon in everything(inputs(cluster=cluster(control_plane=control_plane))):
        for text in strings(all_objects(addon)):
            assert "{{" not in text
            assert text not in (CREATE_ONCE, DEFAULT_CLASS_ONCE)


def test_every_object_has_a_place_in_the_api_and_its_label() -> None:
    for addon in everything(inputs()):
        for made in all_objects(addon):
            assert objects.path(made).startswith(("/api/v1/", "/apis/"))
            assert made["metadata"]["labels"]["navarch.io/addon"] == addon.name


def test_every_image_is_navarchs_own_and_never_pulled_anew() -> None:
    for name, spec in pod_specs(inputs()).items():
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            assert container["image"].startswith("registry.navarch.internal/"), name
            assert container["image"].rpartition(":")[2] in (*COMPONENTS.values(), "v1.37.2"), name
            assert container["imagePullPolicy"] == "IfNotPresent", name


def test_every_pod_asks_for_little_and_says_that_it_is_of_the_system() -> None:
    for name, spec in pod_specs(inputs()).items():
        assert spec["priorityClassName"] in ("system-node-critical", "system-cluster-critical"), name
        for container in spec["containers"]:
            asked = container["resources"]["requests"]
            assert int(asked["cpu"].removesuffix("m")) <= 50, name
            assert int(asked["memory"].removesuffix("Mi")) <= 96, name


def test_only_what_changes_the_machine_itself_is_privileged() -> None:
    privileged = {
        (name, container["name"])
        for name, spec in pod_specs(inputs()).items()
        for container in (*spec.get("initContainers", ()), *spec["containers"])
        if container["securityContext"].get("privileged")
    }
    assert privileged == {
        ("calico-node", "calico-node"),
        ("kube-proxy", "kube-proxy"),
        ("csi-cinder-nodeplugin", "cinder-csi-plugin"),
    }
    for spec in pod_specs(inputs()).values():
        for container in (*spec.get("initContainers", ()), *spec["containers"]):
            context = container["securityContext"]
            assert context.get("privileged") or context["capabilities"]["drop"] == ["ALL"]


def test_the_clouds_credentials_are_mounted_on_control_plane_machines_only() -> None:
    mounting = {name: spec for name, spec in pod_specs(inputs()).items() if "cloud-config" in strings(spec)}
    assert set(mounting) == {"openstack-cloud-controller-manager", "csi-cinder-controllerplugin"}
    for spec in mounting.values():
        assert spec["nodeSelector"]["node-role.kubernetes.io/control-plane"] == ""


def test_agents_run_on_every_node_whatever_its_taints() -> None:
    for name in ("calico-node", "kube-proxy", "csi-cinder-nodeplugin"):
        assert pod_specs(inputs())[name]["tolerations"] == [{"operator": "Exists"}]


@pytest.mark.parametrize(
    ("node", "asks"), [("cp-0", "--master=https://10.0.0.7:6443"), ("cp-01", ""), ("default-1", ""), ("cp-1", "")]
)
def test_only_on_the_control_plane_kube_proxy_asks_the_api_server_beside_it(
    node: str, asks: str, tmp_path: Path
) -> None:
    (tmp_path / "control-plane").write_text(
        found("kube-proxy", "ConfigMap", "kube-proxy-config", inputs())["data"]["control-plane"]
    )
    (script,) = pod_specs(inputs())["kube-proxy"]["containers"][0]["args"]
    script = script.replace("/var/lib/kube-proxy", str(tmp_path)).replace("/usr/local/bin/kube-proxy", "echo")
    said = subprocess.run(
        ["/bin/sh", "-c", script],
        env={"PATH": "/bin:/usr/bin", "NODE_NAME": f"{STEM}-{node}", "HOST_IP": "10.0.0.7"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.split() == ["--config=config.conf", f"--hostname-override={STEM}-{node}", *filter(None, [asks])]


def test_the_cloud_controller_runs_where_nothing_else_can_yet() -> None:
    keys = {t["key"] for t in pod_specs(inputs())["openstack-cloud-controller-manager"]["tolerations"]}
    assert {
        "node.cloudprovider.kubernetes.io/uninitialized",
        "node-role.kubernetes.io/control-plane",
        "node.kubernetes.io/not-ready",
    } <= keys


def waits_for_the_cloud(workload: str, of: Inputs) -> bool:
    tolerated = {t.get("key") for t in pod_specs(of)[workload]["tolerations"]}
    return not tolerated & {None, "node.cloudprovider.kubernetes.io/uninitialized"}


def test_only_dns_in_several_zones_waits_for_the_cloud_controller() -> None:
    assert not [name for name in pod_specs(inputs()) if waits_for_the_cloud(name, inputs())]
    wide = cluster()
    groups = (NodeGroup("default", NodeGroupSpec("m1.small", zones=("z1", "z2"))),)
    several = inputs(cluster=replace(wide, node_groups=groups))
    assert [name for name in pod_specs(several) if waits_for_the_cloud(name, several)] == ["coredns"]


def test_the_tunnel_leaves_room_for_its_headers() -> None:
    for container in (
        pod_specs(inputs(mtu=1442))["calico-node"]["initContainers"][0],
        pod_specs(inputs(mtu=1442))["calico-node"]["containers"][0],
    ):
        values = {e["name"]: e.get("value") for e in container["env"]}
        assert values.get("CNI_MTU", values.get("FELIX_VXLANMTU")) == "1392"


def test_dns_has_the_tenth_address_of_the_service_range() -> None:
    assert found("coredns", "Service", "kube-dns", inputs())["spec"]["clusterIP"] == "10.254.0.10"


def dns_spread(of: Inputs) -> tuple[int, str, int | None]:
    """How many pods, whether they have to be on different nodes, and on how many at the least."""
    deployment = found("coredns", "Deployment", "coredns", of)["spec"]
    spread = deployment["template"]["spec"]["topologySpreadConstraints"]
    (apart,) = (one for one in spread if one["topologyKey"] == "kubernetes.io/hostname")
    return deployment["replicas"], apart["whenUnsatisfiable"], apart.get("minDomains")


def test_two_dns_pods_are_left_when_one_of_the_nodes_is_drained_wherever_there_are_others() -> None:
    alone = cluster(workers=0)
    reserved = NodeGroup("gpu", NodeGroupSpec("g1", replicas=3, taints=(Taint("gpu", "NoSchedule"),)))
    assert dns_spread(inputs()) == dns_spread(inputs(cluster=cluster(workers=1))) == (3, "DoNotSchedule", 2)
    assert dns_spread(inputs(cluster=alone)) == (2, "ScheduleAnyway", None)
    assert dns_spread(inputs(cluster=replace(alone, node_groups=(reserved,)))) == (2, "ScheduleAnyway", None)
    budget = found("coredns", "PodDisruptionBudget", "coredns", inputs())["spec"]
    assert budget["maxUnavailable"] == 1


def test_with_three_control_plane_machines_controllers_have_a_second_that_waits() -> None:
    one, three = inputs(), inputs(cluster=cluster(control_plane=3))
    for of, replicas, election in ((one, 1, "false"), (three, 2, "true")):
        csi = found("cinder-csi", "Deployment", "csi-cinder-controllerplugin", of)
        assert csi["spec"]["replicas"] == replicas
        for container in csi["spec"]["template"]["spec"]["containers"][:3]:
            assert f"--leader-election={election}" in container["args"]
        controller = pod_specs(of)["openstack-cloud-controller-manager"]["containers"][0]
        assert f"--leader-elect={election}" in controller["args"]
    budgets = [
        {o["metadata"]["name"] for a in everything(of) for o in a.objects if o["kind"] == "PodDisruptionBudget"}
        for of in (one, three)
    ]
    assert budgets == [{"coredns"}, {"coredns", "csi-cinder-controllerplugin", "metrics-server"}]


def storage_classes(of: Inputs) -> list[dict[str, Any]]:
    return [made for made in rendered_addon(of, "cinder-csi").objects if made["kind"] == "StorageClass"]


def test_classes_follow_the_volume_types_and_their_zones() -> None:
    ssd, hdd = storage_classes(inputs())
    assert (ssd["metadata"]["name"], ssd["parameters"]) == ("ssd", {"type": "ssd"})
    assert "allowedTopologies" not in ssd  # every zone has it
    (zones,) = hdd["allowedTopologies"][0]["matchLabelExpressions"]
    assert zones == {"key": "topology.cinder.csi.openstack.org/zone", "values": ["z1"]}
    for made in (ssd, hdd):
        assert made["volumeBindingMode"] == "WaitForFirstConsumer"
        assert made["allowVolumeExpansion"] is True
    assert rendered_addon(inputs(), "cinder-csi").default_storage_class == "ssd"


def test_a_volume_type_with_an_odd_name_gets_a_class_of_a_proper_one() -> None:
    odd = inputs(volume_types=(("__DEFAULT__", ("Zone 1",)), ("SSD Fast", ())), zones=("Zone 1", "z2"))
    default, fast = storage_classes(odd)
    assert (default["metadata"]["name"], default["parameters"]["type"]) == ("default", "__DEFAULT__")
    assert fast["metadata"]["name"] == "ssd-fast"
    assert default["allowedTopologies"][0]["matchLabelExpressions"][0]["values"] == ["Zone-1"]


# -- what is secret, and what waits for what


def test_the_password_is_in_the_secret_alone_and_pods_see_only_that_it_changed() -> None:
    other = {**CLOUD_FILES, "cloud.conf": "other"}
    before, after = everything(inputs()), everything(inputs(cloud_files=other))
    for addon in before:
        for made in all_objects(addon):
            assert "correct horse" not in json.dumps(made)  # the Secret holds it in base64
    marks = [
        {
            base_name(o): o["spec"]["template"]["metadata"]["annotations"]["navarch.io/config"]
            for a in addons
            for o in a.objects
            if a.name in ("cloud-controller", "cinder-csi") and o["kind"] in objects.WORKLOADS
            if "annotations" in o["spec"]["template"]["metadata"]
        }
        for addons in (before, after)
    ]
    read_it, not_for_it = (
        {"openstack-cloud-controller-manager", "csi-cinder-controllerplugin"},
        {"csi-cinder-nodeplugin"},
    )
    assert marks[0].keys() == marks[1].keys() == read_it | not_for_it
    assert {name for name in marks[0] if marks[0][name] != marks[1][name]} == read_it


def test_what_the_driver_is_told_on_every_node_opens_nothing() -> None:
    said = found("cinder-csi", "ConfigMap", "cinder-csi-node", inputs())["data"]
    assert said == {"cloud.conf": CLOUD_FILES["node.conf"]}
    marks = [
        made["spec"]["template"]["metadata"]["annotations"]
        for of in (inputs(), inputs(cloud_files={**CLOUD_FILES, "node.conf": ""}))
        for made in all_objects(rendered_addon(of, "cinder-csi"))
        if made["kind"] == "DaemonSet"
    ]
    assert len(marks) == 2
    assert marks[0] != marks[1], "its pods are made anew"


def test_an_image_without_a_component_is_refused_in_words() -> None:
    with pytest.raises(Permanent) as refused:
        rendered_addon(inputs(cluster=cluster(of=release(csi_resizer=""))), "cinder-csi")
    assert refused.value.reason == "ImageIncomplete"
    assert "csi-resizer" in refused.value.message


def test_what_pods_refer_to_is_there_before_them() -> None:
    for addon in everything(inputs()):
        waves = objects.waves((*addon.definitions, *addon.objects))
        kinds = [{made["kind"] for made in wave} for wave in waves]
        for position, wave in enumerate(kinds):
            if wave & {"CustomResourceDefinition"}:
                assert position == 0
                assert wave == {"CustomResourceDefinition"}
            if wave & set(objects.WORKLOADS):
                assert position == len(kinds) - 1
