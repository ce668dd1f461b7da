"""The cloud as the caller's token sees it: one request at a time, each timed and bounded, refusals as one exception."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests
from keystoneauth1 import adapter
from keystoneauth1.exceptions import ClientException

from navarch.client.keystone import Keystone

Json = dict[str, Any]
_TIMEOUT = (5.0, 20.0)  # seconds to connect, to be answered
SERVICES = {  # catalogue type: name for people, version, microversion
    "identity": ("Keystone", "3", None),
    "compute": ("Nova", "2.1", "2.64"),
    "network": ("Neutron", "2", None),
    "block-storage": ("Cinder", "3", "3.59"),
    "image": ("Glance", "2", None),
    "load-balancer": ("Octavia", "2", None),
}


class Refused(Exception):
    """A service did not answer as it should: `status` is HTTP's, 0 where there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.message, self.status = message, status


@dataclass(frozen=True, slots=True)
class Token:
    """Who asks."""

    project_id: str
    project_name: str
    user_name: str
    roles: tuple[str, ...]

    @property
    def operator(self) -> bool:
        """Whether more may be looked at than a customer sees."""
        return "admin" in self.roles


class Cloud:
    """Reads the services of one cloud."""

    def __init__(self, keystone: Keystone) -> None:
        self.keystone = keystone
        self._adapters: dict[str, adapter.Adapter] = {}

    def token(self) -> Token:
        """The token, issued now. Raises the client's errors."""
        self.keystone.headers()
        access = self.keystone.session.auth.get_access(self.keystone.session)
        return Token(
            access.project_id or "", access.project_name or "", access.username or "", tuple(access.role_names or ())
        )

    def get(self, service: str, path: str, **params: Any) -> Json:
        """The body of an answer. Raises Refused."""
        return self.timed(service, path, **params)[0]

    def timed(self, service: str, path: str, **params: Any) -> tuple[Json, float]:
        """The body of an answer, and the seconds it took."""
        reader = self._adapter(service)
        begin = time.monotonic()
        try:
            answer = reader.get(path, params=params, raise_exc=False, timeout=_TIMEOUT)
        except (ClientException, requests.RequestException) as error:
            raise Refused(" ".join(str(error).split())[:300]) from error
        took = time.monotonic() - begin
        if answer.status_code >= 400:
            raise Refused(_reason(answer), answer.status_code)
        try:
            body: Json = answer.json()
        except ValueError as error:
            raise Refused("the answer is not JSON") from error
        return body, took

    def items(self, service: str, path: str, key: str, **params: Any) -> Iterator[Json]:
        """Everything of a list, over all its pages."""
        body = self.get(service, path, **params)
        while True:
            yield from body[key]
            links = {link.get("rel"): link.get("href") for link in body.get(f"{key}_links", ())}
            following = links.get("next") or body.get("next")
            if not following:
                return
            body = self.get(service, str(following).removeprefix("/v2"))

    def version(self, service: str) -> str:
        """The version a service says it has: its microversion where it has them."""
        try:
            data = self._adapter(service).get_endpoint_data()
        except (ClientException, requests.RequestException):
            return ""
        if data is None:
            return ""
        newest = data.max_microversion or data.api_version
        return ".".join(str(part) for part in newest) if newest else ""

    def clock_ahead(self) -> float | None:
        """Seconds that Keystone's clock is ahead of ours; None where it does not tell."""
        from email.utils import parsedate_to_datetime

        try:
            answer = self._adapter("identity").get("/", raise_exc=False, timeout=_TIMEOUT)
            return parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
        except (ClientException, requests.RequestException, KeyError, ValueError):
            return None

    def _adapter(self, service: str) -> adapter.Adapter:
        if service not in self._adapters:
            _, version, microversion = SERVICES[service]
            credentials = self.keystone.credentials
            self._adapters[service] = adapter.Adapter(
                self.keystone.session, service_type=service, version=version, default_microversion=microversion,
                interface=credentials.interface, region_name=credentials.region,
            )  # fmt: skip
        return self._adapters[service]


def _reason(answer: requests.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        body = None
    inner = next(iter(body.values()), None) if isinstance(body, dict) and len(body) == 1 else body
    message = inner.get("message") or inner.get("faultstring") if isinstance(inner, dict) else inner
    return f"HTTP {answer.status_code}: {message or answer.reason}"[:300]
