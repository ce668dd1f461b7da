"""Many watchers: what open streams with timelines cost, while nothing changes and with a change a second, and how soon
a change is seen by all of them.

    python -m benchmarks.watching [STREAMS]

API over HTTPS, workers and PostgreSQL are real, as in `benchmarks.scale`; the cloud is simulated. Prints JSON.
"""

import argparse
import asyncio
import json
import os
import ssl
from time import monotonic, sleep
from typing import Any

import aiohttp
import uvloop

from benchmarks.crowd import Ask
from benchmarks.meter import Reading
from benchmarks.scale import Scene, scene

_CLUSTERS = 20
_SECONDS = 60.0
_CHANGES = 10
_CHANGED_SECONDS = 30
_STATEMENTS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"


def cost(before: Reading, after: Reading, seconds: float) -> dict[str, float]:
    """CPU of each part, in cores."""
    return {part: round((after.cpu[part] - before.cpu[part]) / seconds, 4) for part in ("api", "postgres")}


def quiet(stage: Scene) -> dict[str, Any]:
    """A while in which nothing is asked."""
    before, commits = stage.read(), stage.count(_STATEMENTS)
    sleep(_SECONDS)
    after, more = stage.read(), stage.count(_STATEMENTS)
    return {
        "cores": cost(before, after, _SECONDS),
        "statements_a_second": round((more - commits) / _SECONDS, 1),
        "api_mib": round(after.mib["api"]),
        "load": round(os.getloadavg()[0], 1),
    }


class Watchers:
    """Streams of one project's list, spread over the API processes."""

    def __init__(self, stage: Scene, streams: int) -> None:
        self._stage = stage
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._streams, self._seen, self._tasks = streams, 0, list[asyncio.Task[None]]()

    def open(self) -> None:
        """Open them all, and wait until each has been told what is there."""
        self._runner.run(self._open())

    def seen(self, ask: Ask) -> float:
        """Seconds from a change until every one has been told."""
        return self._runner.run(self._changed(ask))

    def changing(self, asks: list[Ask]) -> dict[str, float]:
        """CPU while one of these changes is made each second, each told to half of the watchers and with an event."""
        before, began = self._stage.read(), monotonic()
        self._runner.run(self._change(asks))
        return cost(before, self._stage.read(), monotonic() - began)

    def close(self) -> None:
        """Hang up."""
        self._runner.run(self._session.close())
        self._runner.close()

    async def _change(self, asks: list[Ask]) -> None:
        for ask in asks:
            await self._ask(ask)
            await asyncio.sleep(1)

    async def _open(self) -> None:
        context = ssl.create_default_context(cafile=str(self._stage.playground.keys / "ca.crt"))
        connector = aiohttp.TCPConnector(ssl=context, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))
        self._told = asyncio.Event()
        if not self._streams:
            return
        apis = self._stage.playground.urls
        self._expected = self._streams * _CLUSTERS
        self._tasks = [asyncio.create_task(self._follow(apis[n % len(apis)], n)) for n in range(self._streams)]
        await asyncio.wait_for(self._told.wait(), 120)

    async def _follow(self, api: str, number: int) -> None:
        project = self._stage.playground.wanted.projects[number % 2]
        headers = {"X-Auth-Token": self._stage.crowd.token(project)}
        async with self._session.get(f"{api}/kaas/v1/clusters?watch=true&events=true", headers=headers) as answer:
            async for line in answer.content:
                if line.startswith(b"event: cluster"):
                    self._seen += 1
                    if self._seen >= self._expected:
                        self._told.set()

    async def _changed(self, ask: Ask) -> float:
        self._told.clear()
        self._seen, self._expected = 0, self._streams // 2
        began = monotonic()
        await self._ask(ask)
        await asyncio.wait_for(self._told.wait(), 30)
        took = monotonic() - began
        await asyncio.sleep(1)
        return took

    async def _ask(self, ask: Ask) -> None:
        url = f"{self._stage.playground.urls[0]}/kaas/v1{ask.path}"
        headers = {"X-Auth-Token": self._stage.crowd.token(ask.project)}
        async with self._session.request(ask.method, url, json=ask.body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()


def labelled(project: str, word: str, count: int) -> list[Ask]:
    """So many changes of one cluster."""
    return [Ask(project, "PATCH", "/clusters/c0000", {"labels": {word: str(number)}}) for number in range(count)]


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watching")
    parser.add_argument("streams", type=int, nargs="?", default=200)
    options = parser.parse_args()
    with scene(1) as stage:
        projects = stage.playground.wanted.projects[:2]
        stage.create(2 * _CLUSTERS, projects=projects)
        stage.ready()
        stage.settled()
        stage.database.execute("INSERT INTO pauses VALUES ('', 'measured', 'benchmark')")  # the workers' part is theirs
        sleep(20)
        results: dict[str, Any] = {"streams": options.streams, "without": quiet(stage)}
        nobody = Watchers(stage, 0)
        nobody.open()
        results["without"]["cores_changing"] = nobody.changing(labelled(projects[0], "alone", _CHANGED_SECONDS))
        nobody.close()
        watchers = Watchers(stage, options.streams)
        watchers.open()
        sleep(10)  # PostgreSQL counts late
        results["with"] = quiet(stage)
        results["with"]["cores_changing"] = watchers.changing(labelled(projects[0], "told", _CHANGED_SECONDS))
        asks = labelled(projects[0], "n", _CHANGES)
        results["seen_by_all_after"] = sorted(round(watchers.seen(ask), 3) for ask in asks)
        watchers.close()
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
