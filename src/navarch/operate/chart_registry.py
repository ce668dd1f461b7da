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
from time import monotonic
from typing import Any

import httpx

from navarch.charts.entry import MOST_PACKED, NoEntry

SCHEME = "oci://"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_MOST_SAID = 1 << 20  # bytes of a manifest, or of the answer with a token
_REDIRECTS = 5
_TIMEOUT, _SECONDS = 30.0, 120.0  # without a byte; until all of it is there
_ADDRESS = re.compile(
    r"oci://(?P<host>(?:[a-zA-Z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?)"
    r"/(?P<name>[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*)"
    r"(?::(?P<version>[0-9A-Za-z][0-9A-Za-z.+_-]{0,127})|@(?P<digest>sha256:[0-9a-f]{64}))",
    re.ASCII,
)
_TOKEN = re.compile(r"[\x21-\x7e]+")
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
        if found is None or not _is_a_host(found["host"]):
            raise NoEntry((f"a chart's address is {SCHEME}HOST/NAME:VERSION or {SCHEME}HOST/NAME@sha256:DIGEST",))
        return cls(found["host"], found["name"], found["version"] or "", found["digest"] or "")

    @property
    def reference(self) -> str:
        """As the registry is asked for it. A tag has no `+`: Helm writes `_` instead."""
        return self.digest or self.version.replace("+", "_")


def _is_a_host(text: str) -> bool:
    try:
        url = httpx.URL(f"https://{text}/")
        named = text.startswith("[") or bool(url.host.encode("idna"))  # no label is empty, or longer than 63
        return named and 0 < (url.port or 443) < 1 << 16
    except (httpx.InvalidURL, UnicodeError):
        return False


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
    with httpx.Client(verify=context, timeout=_TIMEOUT, transport=transport) as client:
        try:
            return _pulled(_Registry(client, address, who))
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # the last: a host that is no name
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
        self._ends = monotonic() + _SECONDS

    def get(self, path: str, most: int, *, accept: str = "*/*") -> bytes:
        url = httpx.URL(f"https://{self.address.host}/v2/{self.address.name}/{path}")
        answer = self._ask(url, most, {"Accept": accept, **self._headers})
        # Only the registry itself is told who asks, not whom it sends to.
        if answer.status == httpx.codes.UNAUTHORIZED and answer.url.netloc == url.netloc and not self._headers:
            self._headers = self._introduced(answer.headers.get("www-authenticate", ""))
            answer = self._ask(url, most, {"Accept": accept, **self._headers})
        if answer.status == httpx.codes.OK:
            return answer.content
        remedy = _REMEDIES.get(answer.status, "")
        if answer.status == httpx.codes.UNAUTHORIZED and self._who.password:
            remedy = f": it does not take this password of {self._who.user}"
        raise NoEntry((f"{answer.url.host} answers {answer.status} to {self.address.name} {path}{remedy}",))

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
        answer = self._ask(httpx.URL(wanted["realm"]).copy_merge_params(query), _MOST_SAID, basic)
        if answer.status != httpx.codes.OK:
            raise NoEntry((f"{answer.url.host}, which gives tokens, answers {answer.status}",))
        told = _mapping(answer.content, "the answer with a token")
        token = told.get("token") or told.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise NoEntry((f"{answer.url.host} gives no token",))
        return {"Authorization": f"Bearer {token}"}

    def _ask(self, url: httpx.URL, most: int, headers: Mapping[str, str]) -> "_Said":
        """Follows redirects without a word of theirs; httpx would read them whole. It leaves the password behind."""
        request = self._client.build_request("GET", url, headers={"Accept-Encoding": "identity", **headers})
        for _ in range(_REDIRECTS + 1):
            if request.url.scheme != "https":
                raise NoEntry((f"{request.url.host} would be asked without TLS",))
            answer = self._client.send(request, stream=True)
            try:
                if answer.next_request is None:
                    return _Said(answer.url, answer.status_code, answer.headers, self._content(answer, most))
                request = answer.next_request
            finally:
                answer.close()
        raise NoEntry((f"{url.host} sends from one address to the next, more than {_REDIRECTS} times",))

    def _content(self, answer: httpx.Response, most: int) -> bytes:
        content = bytearray()
        for part in answer.iter_raw():  # digests and bounds are of what is sent
            content += part
            if len(content) > most:
                raise NoEntry((f"{answer.url.host} answers with more than {most >> 20} MiB",))
            if monotonic() > self._ends:
                raise NoEntry((f"{answer.url.host} has not answered in full after {_SECONDS:.0f} s",))
        return bytes(content)


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer, and who gave it in the end."""

    url: httpx.URL
    status: int
    headers: httpx.Headers
    content: bytes


_REMEDIES = {
    401: ": it wants to know who asks (--user, --password-file)",
    403: ": this user may not read there",
    404: ": there is none",
}


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
