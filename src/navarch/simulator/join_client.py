"""Simulated machines at the real join endpoint: HTTPS, kept connections, trust in the CA of their user-data alone."""

import asyncio
import http.client
import json
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from navarch.simulator.guests import Ask, Reply

_ANSWER_SECONDS = 20.0
_AT_ONCE = 16  # machines that are at the door at the same time; the others wait their turn


class JoinClient:
    """Keeps `guests.Send`, on the event loop that it is made on. Each thread keeps one connection per endpoint."""

    def __init__(self) -> None:
        self.asked = 0
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="knock")
        self._mine = threading.local()

    def __call__(self, ask: Ask, then: Callable[[Reply], None]) -> None:
        """Ask, and call back on the loop."""
        self.asked += 1
        waiting = self._loop.run_in_executor(self._threads, self._ask, ask)
        waiting.add_done_callback(lambda done: None if done.cancelled() else then(done.result()))

    def close(self) -> None:
        """Drop who waits."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, ask: Ask) -> Reply:
        try:
            return self._exchange(ask)
        except (OSError, http.client.HTTPException, ValueError):
            self._connections().pop((ask.endpoint, ask.ca), None)
            return Reply(0)

    def _exchange(self, ask: Ask) -> Reply:
        connection = self._connection(ask.endpoint, ask.ca)
        headers = {"Content-Type": "application/json"}
        if ask.token:
            headers["Authorization"] = f"Bearer {ask.token}"
        connection.request("POST", ask.path, json.dumps(ask.body).encode(), headers)
        answer = connection.getresponse()
        body = answer.read()
        after = answer.headers.get("Retry-After")
        return Reply(answer.status, json.loads(body) if body else None, float(after) if after else None)

    def _connections(self) -> dict[tuple[str, str], http.client.HTTPSConnection]:
        kept: dict[tuple[str, str], http.client.HTTPSConnection] | None = getattr(self._mine, "connections", None)
        if kept is None:
            kept = self._mine.connections = {}
        return kept

    def _connection(self, endpoint: str, ca: str) -> http.client.HTTPSConnection:
        kept = self._connections()
        connection = kept.get((endpoint, ca))
        if connection is None:
            where = urlsplit(endpoint)
            context = ssl.create_default_context(cadata=ca)
            connection = http.client.HTTPSConnection(
                where.hostname or "", where.port, timeout=_ANSWER_SECONDS, context=context
            )
            kept[endpoint, ca] = connection
        return connection
