"""Container images put into a registry, over the distribution API of OCI:
https://github.com/opencontainers/distribution-spec/blob/main/spec.md (pushing, monolithically).

    with Registry(url, ca=..., password=...) as registry:
        registry.push(archive)      -> False where it was there already

What is there is not sent again, so a push that broke off goes on. Each image goes under its tag, and can be had by its
digest, which is of the manifest's very bytes.
"""

import base64
import hashlib
import http.client
import json
import ssl
import tarfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any
from urllib.parse import urlencode, urlsplit

from navarch_images.entries import Archive
from navarch_images.errors import PushError

_TIMEOUT = 60.0  # seconds without a byte
_USER = "navarch"
Body = bytes | IO[bytes]


class Registry:
    """A registry over TLS. `ca`: PEM file of the authority that it is believed by, instead of the system's."""

    def __init__(self, url: str, *, ca: Path | None = None, user: str = _USER, password: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or parts.path.strip("/"):
            raise PushError(f"{url}: a registry's address is https://HOST or https://HOST:PORT")
        try:
            context = ssl.create_default_context(cafile=None if ca is None else str(ca))
        except (OSError, ssl.SSLError) as error:
            raise PushError(f"{ca}: no CA certificates in PEM: {error}") from error
        self._url = url.rstrip("/")
        self._connection = http.client.HTTPSConnection(
            parts.hostname, parts.port or 443, timeout=_TIMEOUT, context=context
        )
        who = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {who}"} if password else {}

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def push(self, archive: Archive) -> bool:
        """Have an image there under its tag; whether anything was sent. Raises PushError."""
        name, _, tag = archive.reference.partition("/")[2].rpartition(":")
        if self._digest_of(name, tag) == archive.digest:
            return False
        with tarfile.open(archive.path) as tar:
            content = _member(tar, archive.digest).read()
            if f"sha256:{hashlib.sha256(content).hexdigest()}" != archive.digest:
                raise PushError(f"{archive.path} does not hold {archive.digest}")
            manifest = json.loads(content)
            for blob in (manifest["config"], *manifest["layers"]):
                self._blob(name, blob, tar)
        kind = {"Content-Type": manifest["mediaType"]}
        self._asked("PUT", f"/v2/{name}/manifests/{tag}", {201}, content, kind)
        return True

    def _digest_of(self, name: str, tag: str) -> str:
        status, headers = self._ask("HEAD", f"/v2/{name}/manifests/{tag}", headers={"Accept": _MANIFESTS})
        return headers.get("docker-content-digest", "") if status == 200 else ""

    def _blob(self, name: str, blob: Mapping[str, Any], tar: tarfile.TarFile) -> None:
        digest, size = blob["digest"], int(blob["size"])
        if self._ask("HEAD", f"/v2/{name}/blobs/{digest}")[0] == 200:
            return
        headers = self._asked("POST", f"/v2/{name}/blobs/uploads/", {202}, b"")
        # Where to send it: a path, or an address of the registry as it knows itself; its query holds a state.
        place = urlsplit(headers.get("location", ""))
        query = "&".join(filter(None, (place.query, urlencode({"digest": digest}))))
        kind = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        self._asked("PUT", f"{place.path}?{query}", {201}, _member(tar, digest), kind)

    def _asked(
        self, method: str, path: str, good: set[int], body: Body | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        status, answered = self._ask(method, path, body, headers)
        if status not in good:
            raise PushError(
                f"{self._url} answers {status} to {method} {path.partition('?')[0]}{_REMEDIES.get(status, '')}"
            )
        return answered

    def _ask(
        self, method: str, path: str, body: Body | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str]]:
        try:
            self._connection.request(method, path, body, {**self._headers, **(headers or {})})
            response = self._connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise PushError(f"{self._url}: {error}") from error
        return response.status, {key.lower(): value for key, value in response.getheaders()}


_MANIFESTS = "application/vnd.oci.image.manifest.v1+json"
_REMEDIES = {
    401: ": it wants the password of those who push (--password-file)",
    403: ": this user may not push there",
    405: ": it is read only",
}


def _member(tar: tarfile.TarFile, digest: str) -> IO[bytes]:
    try:
        file = tar.extractfile(f"blobs/sha256/{digest.removeprefix('sha256:')}")
    except KeyError:
        file = None
    if file is None:
        raise PushError(f"the archive lacks {digest}")
    return file
