"""Requests for kubelet serving certificates. Kubernetes signs them once somebody who knows the machines approved."""

import base64
from collections.abc import Mapping
from itertools import islice
from typing import Any

from navarch.addons import errors, foreign
from navarch.addons.connection import Connection
from navarch.addons.contract import ServingRequest
from navarch.addons.foreign import text

_REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
_SIGNER = "kubernetes.io/kubelet-serving"
_AT_A_TIME, _WORDS = 50, 20
_LONGEST = 16 * 1024  # of a request; what is cut is none, and denied


def pending(connection: Connection) -> tuple[ServingRequest, ...]:
    """Those that nobody has decided about, fifty at a time: every machine of the cluster may make more of them."""
    items = connection.list(_REQUESTS, page=50, pages=4, whole=False, fieldSelector=f"spec.signerName={_SIGNER}")
    undecided = (_request(item) for item in items if not item.get("status", {}).get("conditions"))
    return tuple(islice((request for request in undecided if request.name), _AT_A_TIME))


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


def _request(item: Mapping[str, Any]) -> ServingRequest:
    spec = item["spec"]
    return ServingRequest(
        name=foreign.name(item["metadata"]["name"]),
        requestor=text(spec.get("username", "")),
        groups=tuple(text(group) for group in spec.get("groups", ())[:_WORDS]),
        usages=tuple(text(usage) for usage in spec.get("usages", ())[:_WORDS]),
        request=base64.b64decode(spec["request"][:_LONGEST]).decode(errors="replace"),
    )
