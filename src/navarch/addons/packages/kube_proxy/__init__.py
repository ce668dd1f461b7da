"""kube-proxy: the addresses of Services, with nftables."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from navarch.addons.contract import Inputs
from navarch.addons.package import Package, control_plane_nodes
from navarch.domain.offer import KUBERNETES


def _values(inputs: Inputs) -> Mapping[str, Any]:
    # The pods are made anew when what they read at start changes.
    read = (inputs.api_address, inputs.api_port, inputs.cluster.spec.network.pod_cidr)
    return {
        "config": hashlib.sha256(json.dumps(read).encode()).hexdigest()[:16],
        "control_plane_nodes": "".join(f"{node}\n" for node in control_plane_nodes(inputs)),
    }


ADDON = Package(__name__, after=("cloud-controller",), images={"kube-proxy": KUBERNETES}, values=_values)
