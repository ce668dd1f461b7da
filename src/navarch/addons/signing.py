"""Requests for kubelet serving certificates. Kubernetes signs them once somebody who knows the machines approved."""

import base64
from typing import Any

from navarch.addons import errors
from navarch.addons.connection import Connection
from navarch.addons.contract import ServingRequest

_REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
_SIGNER = "kubernetes.io/kubelet-serving"


def pending(connection: Connection) -> tuple[ServingRequest, ...]:
    """Those that nobody has decided about."""
    items = connection.get(_REQUESTS, fieldSelector=f"spec.signerName={_SIGNER}")["items"]
    return tuple(_request(item) for item in items if not item.get("status", {}).get("conditions"))


def decide(connection: Connection, name: str, objection: str | None) -> None:
    """Approve a request, or deny it with the objection; fine if it is not there any more."""
    condition = {
        "type": "Denied" if objection else "Approved",
        "status": "True",
        "reason": "NavarchObjects" if objection else "NavarchApproves",
        "message": objection or "asked for by one of the cluster's machines, for its own name and address",
    }
    try:
        connection.merge(f"{_REQUESTS}/{name}/approval", {"status": {"conditions": [condition]}})
    except errors.Absent:
        return


def _request(item: dict[str, Any]) -> ServingRequest:
    spec = item["spec"]
    return ServingRequest(
        name=item["metadata"]["name"],
        requestor=spec.get("username", ""),
        groups=tuple(spec.get("groups", ())),
        usages=tuple(spec.get("usages", ())),
        request=base64.b64decode(spec["request"]).decode(errors="replace"),
    )
