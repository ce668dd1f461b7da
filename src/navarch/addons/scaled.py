"""Who says how many replicas a workload has: its add-on, or a HorizontalPodAutoscaler that somebody made for it.

Kubernetes notes for each field who set it last (`managedFields`,
https://kubernetes.io/docs/reference/using-api/server-side-apply/). An autoscaler that changes `replicas` takes the
field over, and an add-on that leaves it out from then on owns it no more: they do not fight. While the field is still
the add-on's it is sent on: left out, it would be removed, and its default is 1.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from navarch.addons import errors
from navarch.addons.connection import Connection
from navarch.addons.parallel import at_once

SCALABLE = frozenset({"Deployment", "StatefulSet"})
_PAGE, _PAGES = 100, 5
Workload = tuple[str, str, str]


def own_fields(metadata: Mapping[str, Any], manager: str) -> Mapping[str, Any]:
    """The fields of an object that a field manager applied and nobody changed since."""
    for entry in metadata.get("managedFields") or ():
        if entry.get("manager") == manager and entry.get("operation") == "Apply":
            fields: Mapping[str, Any] = entry.get("fieldsV1") or {}
            return fields
    return {}


def fields_mark(metadata: Mapping[str, Any], manager: str) -> str:
    """Changes when somebody changes a field that is the manager's, and not when somebody changes another."""
    fields = json.dumps(own_fields(metadata, manager), sort_keys=True).encode()
    return f"fields {hashlib.sha256(fields).hexdigest()[:24]}"


def by_others(connection: Connection, manager: str, workloads: Mapping[Workload, str]) -> frozenset[Workload]:
    """Those of these workloads, by (kind, namespace, name), whose replicas an autoscaler has taken over. With each is
    given where it is."""
    targets = _targets(connection, {namespace for _, namespace, _ in workloads})
    asked = [(workload, path) for workload, path in workloads.items() if workload in targets]

    def taken(entry: tuple[Workload, str]) -> bool:
        try:
            fields = own_fields(connection.metadata(entry[1]), manager)
        except errors.Absent:
            return False
        return "f:replicas" not in fields.get("f:spec", {})

    return frozenset(entry[0] for entry, gone in zip(asked, at_once(taken, asked), strict=True) if gone)


def _targets(connection: Connection, namespaces: Iterable[str]) -> frozenset[Workload]:
    found: set[Workload] = set()
    for namespace in sorted(namespaces):
        path = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"
        for scaler in connection.list(path, page=_PAGE, pages=_PAGES):
            with errors.understanding(path):
                target = scaler["spec"]["scaleTargetRef"]
                found.add((str(target["kind"]), namespace, str(target["name"])))
    return frozenset(found)
