"""Charts from an OCI registry, as `helm push` puts them there: https://helm.sh/docs/topics/registries/, over the
distribution API: https://github.com/opencontainers/distribution-spec/blob/main/spec.md (pulling).

    pull(Address.read("oci://registry.example.org/charts/shop:1.2.0"), Credentials())   -> the packed chart

What comes is checked against its digests, and bounded: a registry is somebody else's.
"""

import base64
import hashlib
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from navarch.charts.entry import MOST_PACKED, NoEntry

SCHEME = "oci://"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_MOST_SAID = 1 << 20  # bytes of a manifest, or of the answer with a token
_TIMEOUT = 30.0  # seconds without a byte
_ADDRESS = re.compile(
    r"oci://(?P<host>[a-zA-Z0-9.-]+(?::\d{1,5})?|\[[0-9a-fA-F:]+\](?::\d{1,5})?)"
    r"/(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<version>[0-9A-Za-z][0-9A-Za-z.+_-]{0,127})|@(?P<digest>sha256:[0-9a-f]{64}))"
)
_PARAMETER = re.compile(r'([a-z]+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Address:
    """Where a chart is. One of `version` and `digest` (of the manifest) is given."""

    host: str
    name: str
    version: str = ""
    digest: str = ""

    @classmethod
    def read(cls, text: str) -> "Address":
        """Raises NoEntry where it is none."""
        found = _ADDRESS.fullmatch(text)
        if found is None:
            raise NoEntry((f"a chart's address is {SCHEME}HOST/NAME:VERSION or {SCHEME}HOST/NAME@sha256:DIGEST",))
        return cls(found["host"], found["name"], found["version"] or "", found["digest"] or "")

    @property
    def reference(self) -> str:
        """As the registry is asked for it. A tag has no `+`: Helm writes `_` instead."""
        return self.digest or self.version.replace("+", "_")


@dataclass(frozen=True, slots=True)
class Credentials:
    """`ca`: PEM file of the authority that the registry is believed by, instead of the system's. Without a password it
    is asked as anybody."""

    ca: Path | None = None
    user: str = ""
    password: str = field(default="", repr=False)


def pull(address: Address, who: Credentials, transport: httpx.BaseTransport | None = None) -> bytes:
    """The packed chart. Raises NoEntry where there is none, or it cannot be had. `transport`: for the network."""
    try:
        context = ssl.create_default_context(cafile=None if who.ca is None else str(who.ca))
    except (OSError, ssl.SSLError) as error:
        raise NoEntry((f"{who.ca}: no CA certificates in PEM: {error}",)) from error
    hooks = {"request": [_only_over_tls]}
    with httpx.Client(
        verify=context, timeout=_TIMEOUT, follow_redirects=True, event_hooks=hooks, transport=transport
    ) as client:
        try:
            return _pulled(_Registry(client, address, who))
        except httpx.HTTPError as error:
            raise NoEntry((f"{address.host}: {error or type(error).__name__}",)) from error


def _pulled(registry: "_Registry") -> bytes:
    address = registry.address
    content = registry.get(f"manifests/{address.reference}", _MOST_SAID, accept=_MANIFEST)
    if address.digest:
        _check(content, address.digest)
    manifest = _mapping(content, f"the manifest of {address.name}")
    layers = manifest.get("layers")
    charts = [
        layer
        for layer in (layers if isinstance(layers, list) else ())
        if isinstance(layer, dict) and layer.get("mediaType") == _CHART
    ]
    if len(charts) != 1:
        raise NoEntry((f"{address.name} is no chart: its manifest names {len(charts)} layers of {_CHART}",))
    digest = str(charts[0].get("digest", ""))
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise NoEntry((f"{address.name}: its chart has no digest of SHA-256",))
    chart = registry.get(f"blobs/{digest}", MOST_PACKED)
    _check(chart, digest)
    return chart


class _Registry:
    """Asks for a repository's manifests and blobs; for a token first, where the registry wants one."""

    def __init__(self, client: httpx.Client, address: Address, who: Credentials) -> None:
        self._client, self.address, self._who = client, address, who
        self._headers: dict[str, str] = {}

    def get(self, path: str, most: int, *, accept: str = "*/*") -> bytes:
        url = f"https://{self.address.host}/v2/{self.address.name}/{path}"
        status, headers, content = self._ask(url, most, {"Accept": accept, **self._headers})
        if status == httpx.codes.UNAUTHORIZED and not self._headers:
            self._headers = self._introduced(headers.get("www-authenticate", ""))
            status, headers, content = self._ask(url, most, {"Accept": accept, **self._headers})
        if status == httpx.codes.OK:
            return content
        remedy = _REMEDIES.get(status, "")
        raise NoEntry((f"{self.address.host} answers {status} to {self.address.name} {path}{remedy}",))

    def _introduced(self, challenge: str) -> dict[str, str]:
        """What to say who asks, as the registry wants it: https://distribution.github.io/distribution/spec/auth/token/"""
        kind, _, said = challenge.partition(" ")
        known = base64.b64encode(f"{self._who.user}:{self._who.password}".encode()).decode()
        basic = {"Authorization": f"Basic {known}"} if self._who.password else {}
        if kind.lower() == "basic":
            return basic
        wanted = dict(_PARAMETER.findall(said))
        if kind.lower() != "bearer" or not wanted.get("realm", "").startswith("https://"):
            return {}
        query = {name: wanted[name] for name in ("service", "scope") if name in wanted}
        status, _, content = self._ask(str(httpx.URL(wanted["realm"], params=query)), _MOST_SAID, basic)
        if status != httpx.codes.OK:
            return {}
        told = _mapping(content, "the answer with a token")
        return {"Authorization": f"Bearer {told.get('token') or told.get('access_token') or ''}"}

    def _ask(self, url: str, most: int, headers: Mapping[str, str]) -> tuple[int, httpx.Headers, bytes]:
        content = bytearray()
        with self._client.stream("GET", url, headers={"Accept-Encoding": "identity", **headers}) as answer:
            for part in answer.iter_raw():  # digests and bounds are of what is sent
                content += part
                if len(content) > most:
                    raise NoEntry((f"{answer.url.host} answers with more than {most >> 20} MiB",))
            return answer.status_code, answer.headers, bytes(content)


_REMEDIES = {
    401: ": it wants to know who asks (--user, --password-file)",
    403: ": this user may not read there",
    404: ": there is none",
}


def _only_over_tls(request: httpx.Request) -> None:
    if request.url.scheme != "https":
        raise NoEntry((f"{request.url.host} would be asked without TLS",))


def _check(content: bytes, digest: str) -> None:
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
        raise NoEntry((f"what came is not {digest}",))


def _mapping(content: bytes, what: str) -> Mapping[str, Any]:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise NoEntry((f"{what} is no JSON object",))
    return said
