"""Many customers at once: tokens from Keystone, requests to the API on kept connections, each with its time."""

import http.client
import itertools
import json
import math
import ssl
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic, sleep
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
        self._apis = [url.removeprefix("https://") for url in playground.urls]
        self._keystone, self._arrivals = playground.keystone, itertools.count()
        self._password = (playground.keys / "cloud.password").read_text()
        self._mine = threading.local()
        self._tokens: dict[str, str] = {}
        for project in playground.wanted.projects:
            self._tokens[project] = self._log_in(project)

    def call(self, project: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One request to `/kaas/v1` as a project's user: status and answer."""
        headers = {"X-Auth-Token": self._tokens[project], "Content-Type": "application/json"}
        status, _, answer = self._exchange(self._own_api(), method, f"/kaas/v1{path}", body, headers)
        return status, answer

    def together(
        self, people: int, jobs: Sequence[Callable[[], tuple[int, Any]]], *, wanted: int, a_second: float = math.inf
    ) -> Times:
        """Do all jobs, so many at a time, by people who are connected already. `a_second`: no more than so many; the
        time of each counts from when it was due, whether somebody was free for it or not. What is not answered with
        the status `wanted` is a failure."""
        times, lock, start = Times(), threading.Lock(), list[float]()
        connected = threading.Barrier(min(people, len(jobs)) + 1, action=lambda: start.append(monotonic()))

        def arrive() -> None:
            self._connection(self._own_api()).connect()
            connected.wait(_SECONDS)

        def one(number: int, job: Callable[[], tuple[int, Any]]) -> None:
            began = monotonic()
            if a_second < math.inf:
                due = start[0] + number / a_second
                sleep(max(0.0, due - began))
                began = due
            try:
                status, answer = job()
                problem = "" if status == wanted else f"{status}: {answer}"
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
            with lock:
                times.seconds.append(monotonic() - began)
                if problem:
                    times.failures.append(problem)

        with ThreadPoolExecutor(people, initializer=arrive) as pool:
            asked = [pool.submit(one, number, job) for number, job in enumerate(jobs)]
            connected.wait(_SECONDS)
            for answer in asked:
                answer.result()
        return times

    def _log_in(self, name: str) -> str:
        user = {"name": name, "domain": {"name": "Default"}, "password": self._password}
        scope = {"project": {"name": name, "domain": {"name": "Default"}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        _, headers, _ = self._exchange(self._keystone, "POST", "/v3/auth/tokens", body, {})
        return headers["X-Subject-Token"]

    def _own_api(self) -> str:
        """Each thread stays with one API process, as a balancer would have it."""
        if not hasattr(self._mine, "api"):
            self._mine.api = self._apis[next(self._arrivals) % len(self._apis)]
        return str(self._mine.api)

    def _connection(self, host: str) -> http.client.HTTPSConnection:
        kept: dict[str, http.client.HTTPSConnection] = self._mine.__dict__.setdefault("kept", {})
        if host not in kept:
            name, _, port = host.rpartition(":")
            kept[host] = http.client.HTTPSConnection(name, int(port), timeout=_SECONDS, context=self._context)
        return kept[host]

    def _exchange(
        self, host: str, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> tuple[int, http.client.HTTPMessage, Any]:
        connection = self._connection(host)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self._mine.kept.pop(host).close()
            raise
        return answer.status, answer.headers, json.loads(content) if content else None
