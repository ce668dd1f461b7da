"""Where objects are found in the API, and in which order they are made."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

# (API version, kind): (plural, namespaced). The kinds that add-ons are made of, and no others.
_KINDS: Mapping[tuple[str, str], tuple[str, bool]] = {
    ("v1", "ConfigMap"): ("configmaps", True),
    ("v1", "Secret"): ("secrets", True),
    ("v1", "Service"): ("services", True),
    ("v1", "ServiceAccount"): ("serviceaccounts", True),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"): ("validatingadmissionpolicies", False),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"): (
        "validatingadmissionpolicybindings",
        False,
    ),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): ("customresourcedefinitions", False),
    ("apiregistration.k8s.io/v1", "APIService"): ("apiservices", False),
    ("apps/v1", "DaemonSet"): ("daemonsets", True),
    ("apps/v1", "Deployment"): ("deployments", True),
    ("policy/v1", "PodDisruptionBudget"): ("poddisruptionbudgets", True),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): ("clusterroles", False),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): ("clusterrolebindings", False),
    ("rbac.authorization.k8s.io/v1", "Role"): ("roles", True),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ("rolebindings", True),
    ("storage.k8s.io/v1", "CSIDriver"): ("csidrivers", False),
    ("storage.k8s.io/v1", "StorageClass"): ("storageclasses", False),
}

_NAME = "[-a-z0-9.:]{1,253}"
_PATH = re.compile(
    "|".join(
        (f"/apis/{version}" if "/" in version else f"/api/{version}").replace(".", r"\.")
        + (f"/namespaces/{_NAME}" if namespaced else "")
        + f"/{plural}/{_NAME}"
        for (version, _), (plural, namespaced) in _KINDS.items()
    )
)

WORKLOADS = ("DaemonSet", "Deployment")
# Parts of these cannot be changed once they are made (roleRef, parameters); nothing is lost when one is made anew.
REPLACEABLE = ("ClusterRoleBinding", "RoleBinding", "StorageClass", "CSIDriver")


def collection(made: Mapping[str, Any]) -> str:
    """Path of the list an object belongs to."""
    plural, namespaced = _KINDS[made["apiVersion"], made["kind"]]
    version = made["apiVersion"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{root}/namespaces/{made['metadata']['namespace']}/{plural}" if namespaced else f"{root}/{plural}"


def path(made: Mapping[str, Any]) -> str:
    """Path of an object."""
    return f"{collection(made)}/{made['metadata']['name']}"


def is_path(text: str) -> bool:
    """Whether it is the path of an object of a kind that add-ons are made of."""
    return bool(_PATH.fullmatch(text))


def waves(objects: Iterable[Mapping[str, Any]]) -> tuple[tuple[Mapping[str, Any], ...], ...]:
    """What may be sent at the same time: definitions, then all that pods refer to, then what makes pods. A pod whose
    service account or configuration is missing would be retried only after a while."""
    parts: tuple[list[Mapping[str, Any]], ...] = ([], [], [])
    for made in objects:
        kind = made["kind"]
        parts[0 if kind == "CustomResourceDefinition" else 2 if kind in WORKLOADS else 1].append(made)
    return tuple(tuple(part) for part in parts if part)
