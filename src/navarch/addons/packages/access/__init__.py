"""Who may do what: the groups of Navarch's kubeconfigs, and what `kubeadm init` gives its own parts.

Machines are replaced and join; `kubeadm join` gives no roles. So they are applied here, anew for each version of
Kubernetes, before the first machine of it comes.
"""

from collections.abc import Mapping
from typing import Any

from navarch.addons.contract import Inputs
from navarch.addons.package import Package


def _values(inputs: Inputs) -> Mapping[str, Any]:
    return {"kubernetes_version": inputs.cluster.spec.release.kubernetes_version}


ADDON = Package(__name__, values=_values)
