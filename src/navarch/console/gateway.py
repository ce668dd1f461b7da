"""The way to the API: one set of connections for everybody, each request with the token of the person who asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ssl import SSLContext

import httpx

from navarch.client.clusters import Navarch
from navarch.client.errors import Problem, Unavailable
from navarch.client.http import BASE, Http

_PATIENCE_SECONDS = 3.0  # a page that waits longer looks broken: then it says that the service is away
_TIMEOUT_SECONDS = 10.0
_SILENT_SECONDS = 20.0  # a stream says something every 15
_CONNECTIONS = httpx.Limits(max_connections=None, max_keepalive_connections=20)


class _Bearer:
    """A person's token. It cannot be renewed: who it is of signs in again."""

    def __init__(self, token: str) -> None:
        self._token = token

    def headers(self) -> dict[str, str]:
        return {"X-Auth-Token": self._token}

    def renew(self) -> bool:
        return False


class Gateway:
    """The API at `url`. `trust`: the CAs that may have signed its certificate. `transport`: in place of connections."""

    def __init__(self, url: str, trust: SSLContext, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._transport = transport or httpx.HTTPTransport(verify=trust, limits=_CONNECTIONS)
        self._streams = httpx.AsyncClient(
            base_url=self._url,
            verify=trust,
            limits=_CONNECTIONS,
            timeout=httpx.Timeout(_SILENT_SECONDS, connect=_TIMEOUT_SECONDS),
            trust_env=False,
        )

    def navarch(self, token: str) -> Navarch:
        """A client that acts as the token's owner. It is not closed: the connections are everybody's."""
        http = Http(
            self._url,
            _Bearer(token),
            transport=self._transport,
            timeout_seconds=_TIMEOUT_SECONDS,
            patience_seconds=_PATIENCE_SECONDS,
        )
        return Navarch(http)

    @asynccontextmanager
    async def watch(self, token: str) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of a stream of all that changes in the token's project. Raises Problem, Unavailable, also while
        lines are read."""
        headers = {"X-Auth-Token": token, "Accept": "text/event-stream"}
        query = {"watch": "true", "events": "true", "machines": "true"}
        try:
            async with self._streams.stream("GET", f"{BASE}/clusters", params=query, headers=headers) as answer:
                if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                    raise Unavailable(f"Navarch answers {answer.status_code}")
                if not answer.is_success:
                    raise Problem(answer.status_code, answer.reason_phrase)
                yield answer.aiter_lines()
        except httpx.HTTPError as error:
            raise Unavailable(f"the stream from Navarch broke: {error or type(error).__name__}") from error

    async def close(self) -> None:
        """Let every connection go."""
        await self._streams.aclose()
        self._transport.close()
