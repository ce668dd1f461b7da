"""Many customers at once: tokens from Keystone, requests to the API on kept connections, each with its time.

All of them live in one event loop in C: they share the cores with what they ask, and must not be what is measured.
"""

import asyncio
import itertools
import json
import math
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Any, Self

import aiohttp
import uvloop

from navarch.playground.region import Playground

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to `/kaas/v1` as a project's user."""

    project: str
    method: str
    path: str
    body: Any = None


@dataclass
class Times:
    """Seconds of each request, and what failed."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """The time within which so many (0 to 1) were answered."""
        ordered = sorted(self.seconds)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


class Crowd:
    """Customers of a playground, one per project. To be used from one thread, and closed as a context."""

    def __init__(self, playground: Playground) -> None:
        self._apis, self._auth_url = playground.urls, playground.auth_url
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        context = ssl.create_default_context(cafile=str(playground.keys / "ca.crt"))
        self._session = self._runner.run(_session(context))
        password = (playground.keys / "cloud.password").read_text()
        self._tokens = {p: self._runner.run(self._log_in(p, password)) for p in playground.wanted.projects}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._session.close())
        self._runner.close()

    def token(self, project: str) -> str:
        """The token of a project's user."""
        return self._tokens[project]

    def call(self, ask: Ask) -> tuple[int, Any]:
        """One request: status and answer."""
        status, content = self._runner.run(self._asked(self._apis[0], ask))
        return status, json.loads(content) if content else None

    def together(self, people: int, asks: Sequence[Ask], *, wanted: int, a_second: float = math.inf) -> Times:
        """Ask for all of it, so many at a time, by people who are connected already. `a_second`: no more than so many;
        the time of each counts from when it was due, whether somebody was free for it or not. What is not answered
        with the status `wanted` is a failure."""
        return self._runner.run(self._together(min(people, len(asks)), asks, wanted, a_second))

    async def _together(self, people: int, asks: Sequence[Ask], wanted: int, a_second: float) -> Times:
        # Each stays with one API process, as a balancer would have it.
        apis = list(itertools.islice(itertools.cycle(self._apis), people))
        await asyncio.gather(*(self._connected(api) for api in apis))
        times, start = Times(), monotonic()
        paced = a_second < math.inf
        due = ((start + number / a_second if paced else monotonic(), ask) for number, ask in enumerate(asks))
        await asyncio.gather(*(self._one(api, due, wanted, times) for api in apis))
        return times

    async def _one(self, api: str, due: Iterator[tuple[float, Ask]], wanted: int, times: Times) -> None:
        for at, ask in due:
            if (early := at - monotonic()) > 0:
                await asyncio.sleep(early)
            try:
                status, content = await self._asked(api, ask)
                problem = "" if status == wanted else f"{status}: {content.decode(errors='replace')}"
            except (OSError, TimeoutError, aiohttp.ClientError) as error:
                problem = repr(error)
            times.seconds.append(monotonic() - at)
            if problem:
                times.failures.append(problem)

    async def _connected(self, api: str) -> None:
        async with self._session.get(f"{api}/healthz") as answer:
            await answer.read()

    async def _asked(self, api: str, ask: Ask) -> tuple[int, bytes]:
        url, headers = f"{api}/kaas/v1{ask.path}", {"X-Auth-Token": self._tokens[ask.project]}
        async with self._session.request(ask.method, url, json=ask.body, headers=headers) as answer:
            return answer.status, await answer.read()

    async def _log_in(self, name: str, password: str) -> str:
        user = {"name": name, "domain": {"name": "Default"}, "password": password}
        scope = {"project": {"name": name, "domain": {"name": "Default"}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        async with self._session.post(f"{self._auth_url}/auth/tokens", json=body) as answer:
            return answer.headers["X-Subject-Token"]


async def _session(context: ssl.SSLContext) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=_SECONDS))
