"""The add-ons every cluster has, in the order in which they are applied, and what they are rendered from."""

import hashlib
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from navarch.addons.contract import Inputs
from navarch.addons.objects import WORKLOADS
from navarch.addons.rendering import Object, Rendered, documents, fixed, marked, render
from navarch.domain.errors import Permanent, Responsible

REGISTRY = "registry.navarch.internal"
"""Where images are said to be: they are built by Navarch, so they carry its name, and lie in the node image already."""

DNS_HOST = 10
"""The cluster's DNS service has the tenth address of the service range, as kubeadm tells every kubelet."""

_VXLAN_OVERHEAD = 50  # bytes: outer Ethernet, IPv4, UDP and VXLAN headers
_ZONE_TOPOLOGY = "topology.cinder.csi.openstack.org/zone"
_CLASS_PROVISIONER = "cinder.csi.openstack.org"

# Image, and the component of the node image that says its tag.
_IMAGES = {
    "coredns": "coredns",
    "calico-node": "calico",
    "calico-cni": "calico",
    "calico-kube-controllers": "calico",
    "openstack-cloud-controller-manager": "cloud-controller",
    "cinder-csi-plugin": "cinder-csi",
    "csi-attacher": "csi-attacher",
    "csi-provisioner": "csi-provisioner",
    "csi-resizer": "csi-resizer",
    "csi-node-driver-registrar": "csi-registrar",
    "metrics-server": "metrics-server",
}


def names() -> tuple[str, ...]:
    """Every add-on, in the order to apply: what other pods need first comes first."""
    return tuple(_CATALOGUE)


def rendered(inputs: Inputs, name: str) -> Rendered:
    """One add-on as it would be applied now. Pure. Raises Permanent where the node image lacks a component."""
    return _CATALOGUE[name](inputs)


@cache
def workloads(name: str) -> tuple[tuple[str, str], ...]:
    """(kind, name) of what makes an add-on's pods. The same for every cluster, so a look at one renders nothing."""
    return tuple((o["kind"], o["metadata"]["name"]) for o in documents(f"{name}.yaml") if o["kind"] in WORKLOADS)


def digest(addon: Rendered) -> str:
    """SHA-256, in hex, over everything the add-on would apply. What is secret goes in as a SHA-256 of its own."""
    said = {
        "fixed": addon.fixed.digest,
        "objects": [_veiled(o) for o in addon.objects],
        "once": [[o["kind"], o["metadata"]["name"]] for o in addon.once],
        "default": addon.default_storage_class,
    }
    return _sha256(json.dumps(said, sort_keys=True, separators=(",", ":")))


def _access(inputs: Inputs) -> Rendered:
    return Rendered("access", *render("access", "access.yaml", {}))


def _calico(inputs: Inputs) -> Rendered:
    network = inputs.cluster.spec.network
    pod_mtu = inputs.mtu - _VXLAN_OVERHEAD
    values = {
        **_api(inputs),
        "image_calico_node": _image(inputs, "calico-node"),
        "image_calico_cni": _image(inputs, "calico-cni"),
        "image_calico_kube_controllers": _image(inputs, "calico-kube-controllers"),
        "pod_cidr": network.pod_cidr,
        "pod_mtu_word": str(pod_mtu),
        # Not the node's address in Kubernetes, which is there only once the cloud controller runs. In a subnet that
        # was brought along, the spec's range is not the subnet's.
        "ip_autodetection": "first-found" if network.subnet_id else f"cidr={network.node_cidr}",
    }
    return Rendered("calico", *render("calico", "calico.yaml", values), fixed("calico", "calico-crds.yaml"))


def _kube_proxy(inputs: Inputs) -> Rendered:
    values = {
        **_api(inputs),
        "image_kube_proxy": f"{REGISTRY}/kube-proxy:v{inputs.cluster.spec.kubernetes_version}",
        "pod_cidr": inputs.cluster.spec.network.pod_cidr,
    }
    # The pods are made anew when what they read at start changes.
    values["config"] = _sha256(json.dumps(values, sort_keys=True))[:16]
    return Rendered("kube-proxy", *render("kube-proxy", "kube-proxy.yaml", values))


def _coredns(inputs: Inputs) -> Rendered:
    values = {
        "image_coredns": _image(inputs, "coredns"),
        "dns_address": str(ipaddress.ip_network(inputs.cluster.spec.network.service_cidr)[DNS_HOST]),
        "coredns_affinity": _apart({"k8s-app": "kube-dns"}, strictly=_places(inputs) > 1),
        "coredns_tolerations": _dns_tolerations(inputs),
    }
    return Rendered("coredns", *render("coredns", "coredns.yaml", values))


def _cloud_controller(inputs: Inputs) -> Rendered:
    values = {
        "image_cloud_controller": _image(inputs, "openstack-cloud-controller-manager"),
        "cluster_id": inputs.cluster.id,
        "cloud_files": dict(inputs.cloud_files),
        "config": _cloud_config_mark(inputs),
        "highly_available_word": _word(_highly_available(inputs)),
    }
    return Rendered("cloud-controller", *render("cloud-controller", "cloud-controller.yaml", values))


def _cinder_csi(inputs: Inputs) -> Rendered:
    available = _highly_available(inputs)
    values = {
        "image_cinder_csi": _image(inputs, "cinder-csi-plugin"),
        "image_csi_attacher": _image(inputs, "csi-attacher"),
        "image_csi_provisioner": _image(inputs, "csi-provisioner"),
        "image_csi_resizer": _image(inputs, "csi-resizer"),
        "image_csi_registrar": _image(inputs, "csi-node-driver-registrar"),
        "cluster_id": inputs.cluster.id,
        "config": _cloud_config_mark(inputs),
        "csi_replicas": 2 if available else 1,
        "highly_available": available,
        "highly_available_word": _word(available),
    }
    objects, once = render("cinder-csi", "cinder-csi.yaml", values)
    classes = tuple(marked(c, "cinder-csi") for c in storage_classes(inputs))
    default = classes[0]["metadata"]["name"] if classes else None
    return Rendered("cinder-csi", objects + classes, once, default_storage_class=default)


def _metrics_server(inputs: Inputs) -> Rendered:
    available = _highly_available(inputs)
    values = {
        "image_metrics_server": _image(inputs, "metrics-server"),
        "metrics_server_replicas": 2 if available else 1,
        "highly_available": available,
    }
    return Rendered("metrics-server", *render("metrics-server", "metrics-server.yaml", values))


_CATALOGUE: Mapping[str, Callable[[Inputs], Rendered]] = {
    "access": _access,
    # First, since most waits for it: until it has initialised a node, no ordinary pod may go there.
    "cloud-controller": _cloud_controller,
    "calico": _calico,
    "kube-proxy": _kube_proxy,
    "coredns": _coredns,
    "cinder-csi": _cinder_csi,
    "metrics-server": _metrics_server,
}


def storage_classes(inputs: Inputs) -> tuple[Object, ...]:
    """One class per volume type, named after it. A type that not every zone has says where a pod may be to use it."""
    classes: dict[str, Object] = {}
    for volume_type, zones in inputs.volume_types:
        name = re.sub(r"[^a-z0-9]+", "-", volume_type.lower()).strip("-")
        if not name or name in classes:
            continue
        made: Object = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": _CLASS_PROVISIONER,
            "parameters": {"type": volume_type},
            "reclaimPolicy": "Delete",
            # The volume is made where the pod goes: volumes are zonal.
            "volumeBindingMode": "WaitForFirstConsumer",
            "allowVolumeExpansion": True,
        }
        if zones and not set(zones) >= set(inputs.zones):
            places = [_zone_label(zone) for zone in zones]
            made["allowedTopologies"] = [{"matchLabelExpressions": [{"key": _ZONE_TOPOLOGY, "values": places}]}]
        classes[name] = made
    return tuple(classes.values())


def _zone_label(zone: str) -> str:
    """A zone as the CSI driver writes it into the node's topology (SanitizeLabel of cloud-provider-openstack)."""
    return re.sub(r"[^-a-zA-Z0-9_.]+", "-", zone).strip("-_.")[:63]


def _image(inputs: Inputs, image: str) -> str:
    component = _IMAGES[image]
    tag = inputs.components.get(component)
    if not tag:
        raise Permanent(
            f"The node image of Kubernetes {inputs.cluster.spec.kubernetes_version} does not say which {component} it"
            f" holds, so {image} cannot be installed from it.",
            reason="ImageIncomplete",
            responsible=Responsible.CLOUD_OPERATOR,
            remedy=f"Register a node image whose property navarch_components names {component}.",
        )
    return f"{REGISTRY}/{image}:{tag}"


def _api(inputs: Inputs) -> dict[str, Any]:
    return {
        "api_address": inputs.api_address,
        "api_port": inputs.api_port,
        "api_port_word": str(inputs.api_port),
    }


def _highly_available(inputs: Inputs) -> bool:
    return inputs.cluster.spec.control_plane.replicas > 1


def _word(truth: bool) -> str:
    return "true" if truth else "false"


def _places(inputs: Inputs) -> int:
    """How many nodes the cluster is to have where an ordinary system pod may run."""
    repelling = ("NoSchedule", "NoExecute")
    workers = sum(
        group.spec.replicas
        for group in inputs.cluster.node_groups
        if not any(taint.effect in repelling for taint in group.spec.taints)
    )
    return inputs.cluster.spec.control_plane.replicas + workers


def _apart(labels: Mapping[str, str], *, strictly: bool) -> Object:
    """Keep pods of these labels on different nodes. Strictly wherever there is to be more than one node: the first node
    of a new cluster is ready before the others, and a mere preference would let it take both pods for good."""
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": dict(labels)}}
    if strictly:
        return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    preferred = [{"weight": 100, "podAffinityTerm": term}]
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}


def _dns_tolerations(inputs: Inputs) -> list[Object]:
    tolerated: list[Object] = [
        {"key": "CriticalAddonsOnly", "operator": "Exists"},
        {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
    ]
    spec = inputs.cluster.spec
    zones = {*spec.control_plane.zones, *(zone for group in inputs.cluster.node_groups for zone in group.spec.zones)}
    if len(zones) < 2:
        # In several zones the pods wait until the cloud controller has said which node is in which.
        taint = "node.cloudprovider.kubernetes.io/uninitialized"
        tolerated.append({"key": taint, "operator": "Exists", "effect": "NoSchedule"})
    return tolerated


def _cloud_config_mark(inputs: Inputs) -> str:
    """Changes with the cloud's configuration, so that the pods that read it are made anew; tells nothing of it: the
    password in it is random and long."""
    files = (text for name, content in sorted(inputs.cloud_files.items()) for text in (name, content))
    return _sha256("\0".join((inputs.cluster.id, *files)))[:16]


def _veiled(made: Object) -> Object:
    if made["kind"] != "Secret":
        return made
    return {**made, "data": {key: _sha256(value) for key, value in made["data"].items()}}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
