"""Cinder's CSI driver: volumes of claims, and one storage class per volume type of the cloud."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from navarch.addons.contract import Inputs
from navarch.addons.package import Package
from navarch.addons.rendering import DEFAULT_CLASS_ONCE, Object
from navarch.domain.names import zone_label

_PROVISIONER = "cinder.csi.openstack.org"
_ZONE_TOPOLOGY = "topology.cinder.csi.openstack.org/zone"


def storage_classes(inputs: Inputs) -> Iterator[Object]:
    """One class per volume type, named after it, the first of them the default. A type that not every zone has says
    where a pod may be to use it. Where all volumes are in a zone of their own, the class names it: the driver would ask
    for that of the node, whatever it is told of volumes' zones (CreateVolume in pkg/csi/cinder/controllerserver.go)."""
    made: set[str] = set()
    for volume_type, zones in inputs.volume_types:
        name = re.sub(r"[^a-z0-9]+", "-", volume_type.lower()).strip("-")
        if name and name not in made:
            everywhere = not zones or set(zones) >= set(inputs.zones)
            made_class = _storage_class(name, volume_type, () if everywhere else zones, default=not made)
            if inputs.storage_zone:
                made_class["parameters"]["availability"] = inputs.storage_zone
            yield made_class
            made.add(name)


def _storage_class(name: str, volume_type: str, zones: tuple[str, ...], *, default: bool) -> Object:
    made: Object = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": _PROVISIONER,
        "parameters": {"type": volume_type},
        "reclaimPolicy": "Delete",
        # The volume is made where the pod goes: volumes are zonal.
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }
    if default:
        made["metadata"]["annotations"] = {DEFAULT_CLASS_ONCE: "true"}
    if zones:
        places = [zone_label(zone) for zone in zones]
        made["allowedTopologies"] = [{"matchLabelExpressions": [{"key": _ZONE_TOPOLOGY, "values": places}]}]
    return made


def _node_files(inputs: Inputs) -> Mapping[str, Any]:
    """What the driver is told on every node, and a mark that changes with it, so that its pods are made anew."""
    told = inputs.cloud_files.get("node.conf", "")
    mark = hashlib.sha256(told.encode()).hexdigest()[:16]
    return {"node_files": {"cloud.conf": told}, "node_files_mark": mark}


ADDON = Package(
    __name__,
    after=("cloud-controller",),  # its Secret is mounted here, too
    images={
        "cinder-csi-plugin": "cinder-csi",
        "csi-attacher": "csi-attacher",
        "csi-provisioner": "csi-provisioner",
        "csi-resizer": "csi-resizer",
        "csi-node-driver-registrar": "csi-registrar",
    },
    values=_node_files,
    generated=storage_classes,
)
