"""Many customers at once: tokens from Keystone, requests to the API on kept connections, each with its time."""

import http.client
import json
import math
import ssl
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from navarch.main.playground import Playground

_SECONDS = 30.0


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
    """Customers of a playground, one per project. Safe to use from threads."""

    def __init__(self, playground: Playground) -> None:
        self._context = ssl.create_default_context(cafile=str(playground.keys / "ca.crt"))
        self._api, self._keystone = playground.url.removeprefix("https://"), playground.keystone
        self._password = (playground.keys / "cloud.password").read_text()
        self._mine = threading.local()
        self._tokens: dict[str, str] = {}
        for project in playground.wanted.projects:
            self._tokens[project] = self._log_in(project)

    def call(self, project: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One request to `/kaas/v1` as a project's user: status and answer."""
        headers = {"X-Auth-Token": self._tokens[project], "Content-Type": "application/json"}
        status, _, answer = self._exchange(self._api, method, f"/kaas/v1{path}", body, headers)
        return status, answer

    def together(self, people: int, jobs: Iterable[Callable[[], tuple[int, Any]]], *, wanted: int) -> Times:
        """Do all jobs, so many at a time. What is not answered with the status `wanted` is a failure."""
        times, lock = Times(), threading.Lock()

        def one(job: Callable[[], tuple[int, Any]]) -> None:
            began = monotonic()
            try:
                status, answer = job()
                problem = "" if status == wanted else f"{status}: {answer}"
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
            with lock:
                times.seconds.append(monotonic() - began)
                if problem:
                    times.failures.append(problem)

        with ThreadPoolExecutor(people) as pool:
            list(pool.map(one, jobs))
        return times

    def _log_in(self, name: str) -> str:
        user = {"name": name, "domain": {"name": "Default"}, "password": self._password}
        scope = {"project": {"name": name, "domain": {"name": "Default"}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        _, headers, _ = self._exchange(self._keystone, "POST", "/v3/auth/tokens", body, {})
        return headers["X-Subject-Token"]

    def _exchange(
        self, host: str, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> tuple[int, http.client.HTTPMessage, Any]:
        kept: dict[str, http.client.HTTPSConnection] = self._mine.__dict__
        connection = kept.get(host)
        if connection is None:
            name, _, port = host.rpartition(":")
            connection = http.client.HTTPSConnection(name, int(port), timeout=_SECONDS, context=self._context)
            kept[host] = connection
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            kept.pop(host).close()
            raise
        return answer.status, answer.headers, json.loads(content) if content else None
