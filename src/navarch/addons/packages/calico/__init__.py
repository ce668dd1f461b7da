"""Calico: the pod network (VXLAN, no BGP) and network policies."""

from collections.abc import Mapping
from typing import Any

from navarch.addons.contract import Inputs
from navarch.addons.package import Package

_VXLAN_OVERHEAD = 50  # bytes: outer Ethernet, IPv4, UDP and VXLAN headers


def _values(inputs: Inputs) -> Mapping[str, Any]:
    network = inputs.cluster.spec.network
    return {
        "pod_mtu_word": str(inputs.mtu - _VXLAN_OVERHEAD),
        # Not the node's address in Kubernetes, which is there only once the cloud controller runs. In a subnet that
        # was brought along, the spec's range is not the subnet's.
        "ip_autodetection": "first-found" if network.subnet_id else f"cidr={network.node_cidr}",
    }


ADDON = Package(
    __name__,
    after=("cloud-controller",),
    images={"calico-node": "calico", "calico-cni": "calico", "calico-kube-controllers": "calico"},
    values=_values,
)
