"""HTTP to a cluster's API server, with the connections kept.

Plain httpx and not a Kubernetes client library. Everything here is unstructured (manifests go as they are, answers are
read for a few fields), and lightkube 1.0.1, the smallest library at hand, would add a second HTTP stack (httpx2; 0.2 s
and 8 MiB per process), writes client keys into temporary files, and reads answers into classes that lose what its
models do not know.
"""

import json
import os
import ssl
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from navarch.addons import errors
from navarch.addons.commands import Answer, run
from navarch.addons.contract import Access

_TIMEOUT = httpx.Timeout(10.0, connect=3.0)
_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
FIELD_MANAGER = "navarch"


class Connection:
    """One cluster's API. Methods raise Temporary, Conflict or Permanent, and Absent or Exists where the caller is to
    decide; `post` Protected. Safe to use from several threads."""

    def __init__(self, access: Access, *, connections: int) -> None:
        self._access, self._tls = access, _tls(access)
        self._extensions = {"sni_hostname": access.server_name} if access.server_name else {}
        self._client = httpx.Client(
            base_url=access.url,
            verify=self._tls,
            timeout=_TIMEOUT,
            trust_env=False,
            limits=httpx.Limits(max_connections=connections, keepalive_expiry=90.0),
            headers={"User-Agent": "navarch", "Accept": "application/json"},
        )

    def get(self, path: str, **query: str) -> Any:
        """Read one object or one list."""
        return self._ask("GET", path, query=query)

    def create(self, path: str, made: Mapping[str, Any]) -> None:
        """Make an object; raises Exists where there is one of its name."""
        self._ask("POST", path, body=made, query={"fieldManager": FIELD_MANAGER}, accept=_METADATA_ONLY)

    def post(self, path: str, body: Mapping[str, Any]) -> None:
        """Ask for a deed on an object, such as an eviction."""
        self._ask("POST", path, body=body)

    def apply(self, path: str, made: Mapping[str, Any]) -> None:
        """Server-side apply: make it so, for the fields that are said; others' fields stay as they are."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        self._ask("PATCH", path, body=made, query=query, content_type=_APPLY, accept=_METADATA_ONLY)

    def merge(self, path: str, change: Mapping[str, Any]) -> None:
        """Change a few fields of an object that is there."""
        query = {"fieldManager": FIELD_MANAGER}
        self._ask("PATCH", path, body=change, query=query, content_type=_MERGE, accept=_METADATA_ONLY)

    def delete(self, path: str, *, uid: str | None = None, grace_seconds: int | None = None) -> None:
        """Ask for an object to go, with what depends on it; fine if it is not there. With `uid`, only that very one.
        `grace_seconds`: instead of the time that a pod itself wants for its end; 0 waits for no kubelet."""
        options: dict[str, Any] = {"propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self._ask("DELETE", path, body=options)
        except errors.Absent:
            return

    def run(self, namespace: str, pod: str, command: Sequence[str], *, seconds: float) -> Answer:
        """Run a command in a pod's first container; `seconds` is for each answer. Raises Temporary."""
        return run(self._access.url, self._tls, self._access.server_name, namespace, pod, command, seconds=seconds)

    def close(self) -> None:
        """Drop the connections."""
        self._client.close()

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        what = f"{method} {path}"
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = content_type
        content = None if body is None else _json(body)
        try:
            answer = self._client.request(
                method, path, params=query or None, content=content, headers=headers, extensions=self._extensions
            )
            if answer.is_success:
                return answer.json()
        except (httpx.HTTPError, ValueError) as error:  # ValueError: something in between answers, not in JSON
            raise errors.no_answer(error, what) from error
        status = _status(answer)
        reason, message = str(status.get("reason") or ""), str(status.get("message") or "")
        return errors.refused(answer.status_code, reason, message, what, _causes(status))


class Connections:
    """The connections to clusters that were used last, so that a look at a cluster costs no handshake.

    They are kept per address and client certificate: hand in the same `Access` for as long as its certificate is good.
    """

    def __init__(self, *, clusters: int = 256, connections: int = 6) -> None:
        self._clusters, self._connections = clusters, connections
        self._open: OrderedDict[tuple[str, str], Connection] = OrderedDict()
        self._lock = threading.Lock()

    def to(self, access: Access) -> Connection:
        """The connection for this access; not to be closed."""
        key = (access.url, access.certificate)
        with self._lock:
            known = self._open.pop(key, None)
            if known is None:
                known = Connection(access, connections=self._connections)
            self._open[key] = known
            # Those that fall out are left to the garbage collector: another thread may be using one right now.
            while len(self._open) > self._clusters:
                self._open.popitem(last=False)
            return known

    def close(self) -> None:
        """Drop all of them."""
        with self._lock:
            for connection in self._open.values():
                connection.close()
            self._open.clear()


def _tls(access: Access) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=access.ca)
    # OpenSSL reads a client's key from a file only: this one is in memory, has no name, and is gone when closed.
    pem = os.memfd_create("navarch-client", os.MFD_CLOEXEC)
    try:
        os.write(pem, f"{access.certificate}\n{access.key}".encode())
        context.load_cert_chain(f"/proc/self/fd/{pem}")
    finally:
        os.close(pem)
    return context


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _causes(status: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    said = [cause for cause in causes if isinstance(cause, dict)] if isinstance(causes, list) else []
    return tuple((str(cause.get("reason", "")), str(cause.get("message", ""))) for cause in said)


def _status(answer: httpx.Response) -> Mapping[str, Any]:
    """The Status object of a refusal; a proxy in between may send anything."""
    try:
        said = answer.json()
    except ValueError:
        return {"message": answer.text[:200]}
    return said if isinstance(said, dict) else {}
