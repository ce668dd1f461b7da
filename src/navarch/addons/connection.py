"""HTTP to a cluster's API server, with the connections kept. Whoever answers there is not trusted.

A cluster's machines are its owner's, and with them its API server and the key of its CA. So everything that is read has
a bound: the time of the whole call, the bytes of an answer (none is asked for in compressed form), the values in it,
the pages of a list.

Plain httpcore (what httpx is made of) and not a Kubernetes client library. Everything here is unstructured (manifests
go as they are, answers are read for a few fields), and lightkube 1.0.1, the smallest library at hand, would add a
second HTTP stack (httpx2; 0.2 s and 8 MiB per process), writes client keys into temporary files, reads answers into
classes that lose what its models do not know, and bounds nothing of the above. httpx itself bounds each read and not
the call.
"""

import copy
import json
import os
import socket
import ssl
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from time import monotonic
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpcore

from navarch.addons import commands, errors, foreign
from navarch.addons.contract import Access
from navarch.addons.deadline import BoundedNetwork, ends_at
from navarch.addons.foreign import text
from navarch.domain.clocks import http_date
from navarch.domain.errors import Temporary
from navarch.domain.kube import Serving

REQUEST_SECONDS, CONNECT_SECONDS = 10.0, 3.0
_UNACKNOWLEDGED_MS = 3000
"""How long what was sent may stay without a sign. So ends a kept connection to an API server that is gone, and not with
the whole call: its end got lost with the balancer's member, and nobody else would tell."""
LONGEST_ANSWER = 4 * 1024 * 1024  # bytes; fifty nodes with all that there is to say of them are one
LONGEST_TEXT = 64 * 1024 * 1024  # bytes; the metrics of a large cluster's API server are half of it
_LONGEST_LINE = 64 * 1024
_MOST_COUNTED = 10**7  # objects of a list that believes to know how many it has
MOST_VALUES = 100_000
"""Objects, lists and commas in an answer: in memory they take up to a hundred times the room that they take as text."""

_HEADERS: Mapping[bytes | str, bytes | str] = {"User-Agent": "navarch", "Accept-Encoding": "identity"}
_FAILURES = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)
_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_OF_MANY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_DRY_RUN = {"dryRun": "All"}
_OK = 200
_IN_PATHS = "/:"  # what names of Kubernetes' own objects have beside letters, and stays as it is
FIELD_MANAGER = "navarch"


class Connection:
    """One cluster's API. Methods raise Temporary, Conflict or Permanent, and Absent or Exists where the caller is to
    decide; `post` Protected. Safe to use from several threads."""

    def __init__(self, access: Access, *, connections: int) -> None:
        self._base = access.url.rstrip("/")
        self._extensions = {"sni_hostname": access.server_name} if access.server_name else {}
        self._server_name = access.server_name or str(urlsplit(access.url).hostname)
        self._ends = float("inf")
        self.said_at: datetime | None = None  # the clock of who answered last
        self._peer: ssl.SSLObject | ssl.SSLSocket | None = None  # whoever that was
        self._tls = _tls(access)
        self._kept = _Kept(self._tls, connections)

    def within(self, seconds: float) -> "Connection":
        """The same connections, for a call of several requests that ends within this time, whatever comes; or a part
        of one."""
        bounded = copy.copy(self)
        bounded._ends = min(self._ends, monotonic() + seconds)
        return bounded

    @property
    def serving(self) -> Serving | None:
        """The certificate of who answered last; None: nobody did."""
        return None if self._peer is None else foreign.certificate(self._peer.getpeercert() or {})

    def get(self, path: str, **query: str) -> Any:
        """Read one object."""
        return self._ask("GET", path, query=query)

    def list(
        self, path: str, *, page: int, pages: int, whole: bool = True, metadata_only: bool = False, **query: str
    ) -> Iterator[Mapping[str, Any]]:
        """The objects of a list: `page` come at a time, `page` * `pages` at most. Where there are more, the others are
        left out; raises Temporary if the list is wanted as a whole."""
        following, read = "", 0
        accept = _METADATA_OF_MANY if metadata_only else "application/json"
        while True:
            more = {"continue": following} if following else {}
            answer = self._ask("GET", path, query={**query, "limit": str(page), **more}, accept=accept)
            with errors.understanding(f"GET {path}"):
                yield from (answer["items"] or ()) if metadata_only else answer["items"]  # an empty one is null
                following = str(answer.get("metadata", {}).get("continue") or "")
            read += 1
            if not following or (read == pages and not whole):
                return
            if read == pages:
                raise errors.too_much(f"GET {path}", f"has more than {page * pages} entries")

    def count(self, path: str) -> int | None:
        """How many objects a list has, about; None: the server does not say, or nothing that could be."""
        answer = self._ask("GET", path, query={"limit": "1"}, accept=_METADATA_OF_MANY)
        with errors.understanding(f"GET {path}"):
            metadata, first = answer.get("metadata", {}), len(answer["items"] or ())
            rest = metadata.get("remainingItemCount", None if metadata.get("continue") else 0)
            return first + rest if type(rest) is int and 0 <= rest < _MOST_COUNTED else None

    def create(self, path: str, made: Mapping[str, Any]) -> None:
        """Make an object; raises Exists where there is one of its name."""
        self._ask("POST", path, body=made, query={"fieldManager": FIELD_MANAGER}, accept=_METADATA_ONLY)

    def post(self, path: str, body: Mapping[str, Any]) -> None:
        """Ask for a deed on an object, such as an eviction."""
        self._ask("POST", path, body=body)

    def question(self, path: str, asked: Mapping[str, Any]) -> Any:
        """What the API server answers to an object that is a question and is kept nowhere, such as a review."""
        return self._ask("POST", path, body=asked)

    def rehearse(self, path: str, made: Mapping[str, Any]) -> None:
        """As `create`, but nothing is made: whoever may object does. Raises what `create` would, not always for the
        same reason."""
        query = {"fieldManager": FIELD_MANAGER, **_DRY_RUN}
        self._ask("POST", path, body=made, query=query, accept=_METADATA_ONLY)

    def rehearse_change(self, path: str, change: Mapping[str, Any]) -> None:
        """As `merge`, but nothing is changed."""
        query = {"fieldManager": FIELD_MANAGER, **_DRY_RUN}
        self._ask("PATCH", path, body=change, query=query, content_type=_MERGE, accept=_METADATA_ONLY)

    def lines(self, path: str, start: bytes, *, most: int) -> tuple[bytes, ...]:
        """The lines of a text that begin with `start`, `most` of them at the most. The text may be long: it passes by,
        as far as `LONGEST_TEXT`."""
        kept: list[bytes] = []
        what, rest, read = f"GET {text(path)}", b"", 0
        with self._answered("GET", self._base + path, _HEADERS, None, what) as answer:
            if answer.status != _OK:
                raise errors.no_kubernetes(what, f"HTTP {answer.status}")
            for chunk in answer.iter_stream():
                read += len(chunk)
                whole, _, rest = (rest + chunk).rpartition(b"\n")
                if start in whole:
                    kept = [*kept, *(line for line in whole.split(b"\n") if line.startswith(start))][:most]
                if read > LONGEST_TEXT or len(rest) > _LONGEST_LINE:
                    raise errors.too_much(what, f"is longer than {LONGEST_TEXT >> 20} MiB, or has endless lines")
        return tuple(kept)

    def apply(self, path: str, made: Mapping[str, Any]) -> None:
        """Server-side apply: make it so, for the fields that are said; others' fields stay as they are."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        self._ask("PATCH", path, body=made, query=query, content_type=_APPLY, accept=_METADATA_ONLY)

    def apply_as(
        self, manager: str, path: str, made: Mapping[str, Any], *, force: bool = True, dry_run: bool = False
    ) -> Mapping[str, Any]:
        """As `apply`, for another field manager; gives the object's metadata as it is now. `dry_run`: as it would
        be. Without `force` raises Disputed where others have set fields that are said."""
        query = {"fieldManager": manager, "force": "true" if force else "false", **(_DRY_RUN if dry_run else {})}
        answer = self._ask("PATCH", path, body=made, query=query, content_type=_APPLY, accept=_METADATA_ONLY)
        with errors.understanding(f"PATCH {path}"):
            metadata: Mapping[str, Any] = answer["metadata"]
            return metadata

    def metadata(self, path: str) -> Mapping[str, Any]:
        """Read an object's metadata alone."""
        answer = self._ask("GET", path, accept=_METADATA_ONLY)
        with errors.understanding(f"GET {path}"):
            metadata: Mapping[str, Any] = answer["metadata"]
            return metadata

    def discover(self, root: str) -> Any:
        """All that is served below `/api` or `/apis`, in one document."""
        return self._ask("GET", root, accept=_DISCOVERY)

    def merge(self, path: str, change: Mapping[str, Any]) -> None:
        """Change a few fields of an object that is there."""
        query = {"fieldManager": FIELD_MANAGER}
        self._ask("PATCH", path, body=change, query=query, content_type=_MERGE, accept=_METADATA_ONLY)

    def delete(
        self, path: str, *, uid: str | None = None, grace_seconds: int | None = None, orphan: bool = False
    ) -> None:
        """Ask for an object to go, with what depends on it; fine if it is not there. With `uid`, only that very one.
        `grace_seconds`: instead of the time that a pod itself wants for its end; 0 waits for no kubelet. `orphan`: what
        depends on it stays."""
        options: dict[str, Any] = {"propagationPolicy": "Orphan" if orphan else "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self._ask("DELETE", path, body=options)
        except errors.Absent:
            return

    def run(self, namespace: str, pod: str, command: Sequence[str]) -> commands.Answer:
        """Run a command in a pod's first container, on a connection of its own. Raises Temporary alone."""
        query = urlencode([("stdout", "true"), ("stderr", "true"), *(("command", word) for word in command)])
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec"
        place = commands.Place(f"{self._base}{quote(path, safe=_IN_PATHS)}?{query}", self._tls, self._server_name)
        what = f"{text(command[0])} in {text(namespace)}/{text(pod)}"
        with ends_at(min(monotonic() + REQUEST_SECONDS, self._ends)), errors.understanding(what):
            try:
                return commands.run(place, what, connect_seconds=CONNECT_SECONDS, most=LONGEST_ANSWER)
            except _FAILURES as error:
                raise errors.no_answer(error, what) from error

    def close(self) -> None:
        """Drop the connections."""
        self._kept.pool.close()

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
        what = f"{method} {text(path)}"
        headers = {**_HEADERS, "Accept": accept}
        if body is not None:
            headers["Content-Type"] = content_type
        url = self._base + quote(path, safe=_IN_PATHS) + (f"?{urlencode(query)}" if query else "")
        status, content = self._exchange(method, url, headers, None if body is None else _json(body), what)
        if 200 <= status < 300:
            return value(content, what)
        if status < 400:
            raise errors.no_kubernetes(what, f"HTTP {status}")
        said = _status(content, what)
        return errors.refused(
            status, text(said.get("reason") or ""), text(said.get("message") or ""), what, _causes(said)
        )

    def _exchange(
        self, method: str, url: str, headers: Mapping[bytes | str, bytes | str], body: bytes | None, what: str
    ) -> tuple[int, bytes]:
        """HTTP status and body of the answer. Raises Temporary where there is none in time, or one too long."""
        with self._answered(method, url, headers, body, what) as answer:
            content = bytearray()
            for chunk in answer.iter_stream():
                content += chunk
                if len(content) > LONGEST_ANSWER:
                    raise errors.too_much(what, f"is longer than {LONGEST_ANSWER >> 20} MiB")
            return answer.status, bytes(content)

    @contextmanager
    def _answered(
        self, method: str, url: str, headers: Mapping[bytes | str, bytes | str], body: bytes | None, what: str
    ) -> Iterator[httpcore.Response]:
        """An answer whose body is still to be read, within the block. Raises Temporary where it does not come in
        time."""
        ends = min(monotonic() + REQUEST_SECONDS, self._ends)
        waits = {"connect": CONNECT_SECONDS, "pool": max(0.0, ends - monotonic())}  # for all else: until the end
        extensions = {**self._extensions, "timeout": waits}
        pool = self._kept.pool
        try:
            with (
                ends_at(ends),
                pool.stream(method, url, headers=headers, content=body, extensions=extensions) as answer,
            ):
                date = next((value for name, value in answer.headers if name.lower() == b"date"), b"")
                self.said_at = http_date(date.decode("latin-1")) or self.said_at
                stream = answer.extensions.get("network_stream")
                self._peer = stream.get_extra_info("ssl_object") if stream is not None else None
                yield answer
        except _FAILURES as error:
            self._kept.renew(pool)
            raise errors.no_answer(error, what) from error


class _Kept:
    """The connections that wait for the next request to one cluster."""

    def __init__(self, tls: ssl.SSLContext, connections: int) -> None:
        self._tls, self._connections = tls, connections
        self.pool = self._new()

    def renew(self, failed: httpcore.ConnectionPool) -> None:
        """After a failure: those that were kept with the one that failed may lead to the same server, and are not tried
        one after the other. What others do on them now goes on."""
        if self.pool is failed:
            self.pool = self._new()

    def _new(self) -> httpcore.ConnectionPool:
        return httpcore.ConnectionPool(
            ssl_context=self._tls,
            max_connections=self._connections,
            keepalive_expiry=90.0,
            network_backend=BoundedNetwork(),
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)],
        )


class Connections:
    """The connections to clusters that were used last, so that a look at a cluster costs no handshake.

    They are kept per address and client certificate: hand in the same `Access` for as long as its certificate is good.
    """

    def __init__(self, *, clusters: int = 1000, connections: int = 6) -> None:
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


def value(content: bytes, what: str) -> Any:
    """The JSON in an answer. Raises Temporary where it is none, or one that would take too much memory."""
    if sum(content.count(sign) for sign in b"{[,") > MOST_VALUES:
        raise errors.too_much(what, f"holds more than {MOST_VALUES} values")
    with errors.understanding(what):
        return json.loads(content)


def _causes(status: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    said = [cause for cause in causes[:20] if isinstance(cause, dict)] if isinstance(causes, list) else []
    return tuple(
        (text(cause.get("reason", "")), text(cause.get("message", "")), text(cause.get("field", ""), 200))
        for cause in said
    )


def _status(content: bytes, what: str) -> Mapping[str, Any]:
    """The Status object of a refusal; a proxy in between may send anything."""
    try:
        said = value(content, what)
    except Temporary:
        return {"message": content[:200].decode(errors="replace")}
    return said if isinstance(said, dict) else {}
