"""Admission policies that keep whoever is less than an administrator from becoming one: see the manifest."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from navarch.addons.contract import Inputs
from navarch.addons.package import CONTROL_PLANE_TAINT, MANIFEST, Package, control_plane_nodes
from navarch.addons.rendering import Object, documents

ALLOWED_ON_CONTROL_PLANE = "navarch.io/control-plane-pods"
"""Label of a namespace. `allowed`: its pods may run on control-plane machines."""

_POLICY = "ValidatingAdmissionPolicy"


def _values(inputs: Inputs) -> Mapping[str, Any]:
    return {
        # JSON is CEL.
        "machines": json.dumps(dict(sorted(inputs.machines.items()))),
        "control_plane_nodes": json.dumps(control_plane_nodes(inputs)),
        "may_bypass": "authorizer.group('navarch.io').resource('guardrails').check('bypass').allowed()",
        "is_guarded_label": "k == 'navarch.io/node-group' || k.startsWith('node-role.kubernetes.io/')",
        "tolerates_control_plane": f"t.?key.orValue('') in ['', '{CONTROL_PLANE_TAINT}']"
        " && t.?effect.orValue('') in ['', 'NoSchedule']",
        "not_on_control_plane": {
            "matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]},
                {"key": ALLOWED_ON_CONTROL_PLANE, "operator": "NotIn", "values": ["allowed"]},
            ]
        },
        "no_pods_there": "pods of this namespace do not run on control-plane machines: leave out the toleration of"
        f" {CONTROL_PLANE_TAINT} (a toleration without a key is one), or have an administrator label the namespace"
        f" {ALLOWED_ON_CONTROL_PLANE}=allowed",
    }


def _bindings(inputs: Inputs) -> Iterator[Object]:
    """Each policy holds everywhere that it says itself."""
    for policy in documents(__name__, MANIFEST):
        if policy["kind"] == _POLICY:
            name = policy["metadata"]["name"]
            yield {
                "apiVersion": policy["apiVersion"],
                "kind": f"{_POLICY}Binding",
                "metadata": {"name": name},
                "spec": {"policyName": name, "validationActions": ["Deny"]},
            }


ADDON = Package(__name__, after=("access",), values=_values, generated=_bindings)
