"""What Navarch gives to the charts of add-ons that every cluster has, where a schema asks for it (`x-navarch-given`).

Each fact is a pure function of `Inputs`. It says no more than a chart needs, since what is given goes into a digest: a
change of it has the add-on applied anew.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from navarch.addons.contract import Inputs
from navarch.domain.names import control_plane_machine, owner, zone_label

_VXLAN_OVERHEAD = 50  # bytes: outer Ethernet, IPv4, UDP and VXLAN headers
_NODE_FILE = "node.conf"
_REPELLING = ("NoSchedule", "NoExecute")


def control_plane_nodes(inputs: Inputs) -> list[str]:
    """Names of the nodes of control-plane machines, whether or not they are there yet."""
    places = range(inputs.cluster.spec.control_plane.replicas)
    return [control_plane_machine(owner(inputs.cluster), place) for place in places]


def several_nodes(inputs: Inputs) -> bool:
    """Whether the cluster is to have more than one node where an ordinary system pod may run."""
    workers = sum(
        group.spec.replicas
        for group in inputs.cluster.node_groups
        if not any(taint.effect in _REPELLING for taint in group.spec.taints)
    )
    return inputs.cluster.spec.control_plane.replicas + workers > 1


def several_zones(inputs: Inputs) -> bool:
    """Whether machines of the cluster are in more than one zone."""
    zones = set(inputs.cluster.spec.control_plane.zones)
    return len(zones.union(*(group.spec.zones for group in inputs.cluster.node_groups))) > 1


def storage_classes(inputs: Inputs) -> list[dict[str, Any]]:
    """One class per volume type, named after it. A type that not every zone has says where pods that use it may be;
    where all volumes are in a zone of their own, the class names it (`availability`)."""
    made: dict[str, dict[str, Any]] = {}
    for volume_type, zones in inputs.volume_types:
        name = re.sub(r"[^a-z0-9]+", "-", volume_type.lower()).strip("-")
        if name and name not in made:
            everywhere = not zones or set(zones) >= set(inputs.zones)
            places = [] if everywhere else [zone_label(zone) for zone in zones]
            made[name] = {"name": name, "type": volume_type, "zones": places, "availability": inputs.storage_zone}
    return list(made.values())


def cloud_files_mark(inputs: Inputs) -> str:
    """Changes with what controllers are told about the cloud, so that pods which read it are made anew. Tells nothing
    of it: the password in it is random and long."""
    parts = (inputs.cluster.id, *(part for file in sorted(inputs.cloud_files.items()) for part in file))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def ip_autodetection(inputs: Inputs) -> str:
    """How Calico finds a node's address. Not from Kubernetes, which knows it only once the cloud controller runs. In a
    subnet that was brought along, the spec's range is not the subnet's."""
    network = inputs.cluster.spec.network
    return "first-found" if network.subnet_id else f"cidr={network.node_cidr}"


FACTS: Mapping[str, Callable[[Inputs], Any]] = {
    "api-address": lambda inputs: inputs.api_address,
    "api-port": lambda inputs: inputs.api_port,
    "cloud-files": lambda inputs: dict(inputs.cloud_files),
    "cloud-files-mark": cloud_files_mark,
    "cluster-id": lambda inputs: inputs.cluster.id,
    "control-plane-nodes": control_plane_nodes,
    "controller-replicas": lambda inputs: 2 if inputs.cluster.spec.control_plane.replicas > 1 else 1,
    "dns-address": lambda inputs: inputs.cluster.spec.network.dns_address,
    "dns-replicas": lambda inputs: 3 if several_nodes(inputs) else 2,
    "ip-autodetection": ip_autodetection,
    "kubernetes-version": lambda inputs: inputs.cluster.spec.release.kubernetes_version,
    "machines": lambda inputs: dict(inputs.machines),
    "node-conf": lambda inputs: inputs.cloud_files.get(_NODE_FILE, ""),
    "pod-cidr": lambda inputs: inputs.cluster.spec.network.pod_cidr,
    "pod-mtu": lambda inputs: inputs.mtu - _VXLAN_OVERHEAD,
    "several-nodes": several_nodes,
    "several-zones": several_zones,
    "storage-classes": storage_classes,
}
"""By the name that a schema asks for it with."""
