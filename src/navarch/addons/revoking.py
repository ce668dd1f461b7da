"""Kubeconfigs that were revoked: the list that the authorizers of a cluster read, and whether they heed it.

The list is one ConfigMap (bootstrap/machine/authorizer says how it is read). That it is there proves nothing: control
planes that are older than it know no such list. So the API server itself is asked, by a SubjectAccessReview, whether it
would let such a kubeconfig in.
"""

from collections.abc import Sequence

from navarch.addons import errors
from navarch.addons.applying import NAMESPACE
from navarch.addons.connection import Connection
from navarch.addons.rendering import MANAGED_BY_LABEL
from navarch.domain.kubeconfigs import GROUP_PREFIX

LIST = "navarch-revoked-kubeconfigs"

_CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
_PATH = f"{_CONFIG_MAPS}/{LIST}"
_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


def refused(connection: Connection, ids: Sequence[str]) -> tuple[str, ...]:
    """Those of them that the cluster refuses, as far as the API server tells that answers: all that are on the list, if
    the last of these is refused."""
    listed = _listed(connection)
    there = tuple(its for its in ids if its in listed)
    return there if there and _is_refused(connection, there[-1]) else ()


def revoke(connection: Connection, ids: Sequence[str]) -> bool:
    """Write the list. Gives whether the API server that answers heeds it already, which takes a second or two."""
    data = {"data": {"ids": "\n".join(ids)}}
    try:
        connection.merge(_PATH, data)
    except errors.Absent:
        metadata = {"name": LIST, "namespace": NAMESPACE, "labels": {MANAGED_BY_LABEL: "navarch"}}
        connection.create(_CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **data})
    return _is_refused(connection, ids[-1])


def _listed(connection: Connection) -> frozenset[str]:
    try:
        return frozenset(str(connection.get(_PATH).get("data", {}).get("ids", "")).split())
    except errors.Absent:
        return frozenset()


def _is_refused(connection: Connection, its: str) -> bool:
    asked = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": "navarch:somebody",
            "groups": [GROUP_PREFIX + its],
            "resourceAttributes": {"verb": "get", "resource": "namespaces", "name": NAMESPACE},
        },
    }
    status = connection.question(_REVIEWS, asked).get("status", {})
    # An authorizer that does not answer denies as well, and says nothing of this kubeconfig.
    return status.get("denied") is True and its in str(status.get("reason", ""))
