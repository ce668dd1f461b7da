"""What the console costs and how quick it is, with a thousand clusters in a project and two hundred open pages.

    python -m benchmarks.console [--page FILE]

Console, API over HTTPS, workers and PostgreSQL are real; the cloud is simulated. Needs Debian's Chromium.
"""

import argparse
import asyncio
import gzip
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import psycopg
import uvloop
from playwright.sync_api import sync_playwright
from psycopg import sql

from benchmarks.meter import Reading
from benchmarks.scale import Scene, scene
from benchmarks.watching import labelled
from navarch.console.rendering import STATIC_FOLDER, scripts

_CLUSTERS, _LIVE = 1000, 20  # in the project; those that were made by workers
_PAGES, _SESSIONS = 200, 20
_SECONDS = 60.0
_REQUESTS, _CHANGES = 200, 20
# Copies of a cluster that is Ready, with its node group: a worker would take long to make so many, and a list does not
# know the difference. What the database generates is left to it, but for the order.
_COLUMNS = """
SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns
WHERE table_name = %s AND table_schema = current_schema() AND is_generated = 'NEVER'"""
_COPY_CLUSTERS = """
WITH copied AS (SELECT (jsonb_populate_record(c, jsonb_build_object(
    'id', gen_random_uuid()::text, 'name', 'n' || lpad(i::text, 4, '0'), 'ordinal', 1000000 + i))).*
FROM clusters c, generate_series(1, %s) i WHERE c.name = 'c0000')
INSERT INTO clusters ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM copied"""
_COPY_GROUPS = """
WITH copied AS (SELECT (jsonb_populate_record(g, jsonb_build_object('cluster_id', c.id))).*
FROM node_groups g JOIN clusters o ON o.id = g.cluster_id AND o.name = 'c0000', clusters c WHERE c.name LIKE 'n%%')
INSERT INTO node_groups ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM copied"""
_LCP = """() => new Promise(done => new PerformanceObserver(list =>
    done(list.getEntries().at(-1).startTime)).observe({ type: 'largest-contentful-paint', buffered: true }))"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the page."""

    what: str
    goal: str
    measured: str


class Visitors:
    """People in browsers, as far as the console sees them."""

    def __init__(self, stage: Scene, project: str) -> None:
        self._stage, self._project = stage, project
        self._url = stage.playground.console_url
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._sessions: list[aiohttp.ClientSession] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._open, self._told = 0, asyncio.Event()
        self._awaited = ""

    def sign_in(self, count: int) -> None:
        """So many sessions of the project's user."""
        self._runner.run(self._sign_in(count))

    def first_page(self, requests: int) -> tuple[list[float], int]:
        """Seconds of asking for the list again and again, one after another, and its bytes."""
        return self._runner.run(self._first_page(requests))

    def open(self, addresses: list[str]) -> None:
        """A stream of each, and wait until each has said something."""
        self._runner.run(self._open_all(addresses))

    def seen(self, change: Any, word: str) -> float:
        """Seconds from asking for a change until a page is told that word."""
        return self._runner.run(self._seen(change, word))

    def rest(self, seconds: float) -> None:
        """Read what comes."""
        self._runner.run(asyncio.sleep(seconds))

    def changing(self, changes: list[Any]) -> None:
        """One a second."""
        self._runner.run(self._change(changes))

    def close(self) -> None:
        """Hang up."""
        self._runner.run(self._close())
        self._runner.close()

    async def _sign_in(self, count: int) -> None:
        trust = ssl.create_default_context(cafile=str(self._stage.playground.keys / "ca.crt"))
        for _ in range(count):
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=trust, limit=0),
                cookie_jar=aiohttp.CookieJar(unsafe=True),
                timeout=aiohttp.ClientTimeout(total=None),
            )
            async with session.get(f"{self._url}/sign-in") as page:
                secret = re.search(r'name="csrf" value="([^"]+)"', await page.text())
            assert secret is not None
            form = {
                "csrf": secret[1], "how": "password", "name": self._project, "domain": "Default",
                "password": self._stage.playground.password(),
            }  # fmt: skip
            async with session.post(f"{self._url}/sign-in", data=form, headers={"Origin": self._url}) as answer:
                assert answer.url.path == "/clusters", await answer.text()
            self._sessions.append(session)

    async def _first_page(self, requests: int) -> tuple[list[float], int]:
        took, size = [], 0
        for _ in range(requests):
            began = monotonic()
            async with self._sessions[0].get(f"{self._url}/clusters") as answer:
                size = len(await answer.read())
            took.append(monotonic() - began)
        return took, size

    async def _open_all(self, addresses: list[str]) -> None:
        self._tasks = [asyncio.create_task(self._follow(number, path)) for number, path in enumerate(addresses)]
        while self._open < len(addresses):
            await asyncio.sleep(0.2)
            for task in self._tasks:
                if task.done():
                    task.result()

    async def _follow(self, number: int, path: str) -> None:
        session = self._sessions[number % len(self._sessions)]
        async with session.get(f"{self._url}{path}", headers={"Accept": "text/event-stream"}) as answer:
            assert answer.status == 200, answer.status
            self._open += 1
            async for line in answer.content.iter_any():
                if self._awaited and self._awaited.encode() in line:
                    self._told.set()

    async def _seen(self, change: Any, word: str) -> float:
        self._told.clear()
        self._awaited = word
        began = monotonic()
        await self._ask(change)
        await asyncio.wait_for(self._told.wait(), 30)
        took = monotonic() - began
        await asyncio.sleep(1.5)
        return took

    async def _change(self, changes: list[Any]) -> None:
        for change in changes:
            await self._ask(change)
            await asyncio.sleep(1)

    async def _ask(self, change: Any) -> None:
        url = f"{self._stage.playground.urls[0]}/kaas/v1{change.path}"
        headers = {"X-Auth-Token": self._stage.crowd.token(change.project)}
        session = self._sessions[0]
        async with session.request(change.method, url, json=change.body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for session in self._sessions:
            await session.close()


def cores(before: Reading, after: Reading, seconds: float) -> str:
    """CPU of the console, and of the API for it."""
    spent = {part: (after.cpu[part] - before.cpu[part]) / seconds for part in ("console", "api")}
    return f"{spent['console']:.3f} (API {spent['api']:.3f})"


def painted(stage: Scene, project: str) -> float:
    """Seconds to the largest contentful paint of the list, in a browser that has the scripts and styles already."""
    url = stage.playground.console_url
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        page = browser.new_context(base_url=url, ignore_https_errors=True).new_page()
        page.goto("/sign-in")
        page.get_by_label("User name").fill(project)
        page.get_by_label("Password").fill(stage.playground.password())
        page.get_by_role("button", name="Sign in").first.click()
        page.wait_for_url("**/clusters")
        took = []
        for _ in range(5):
            page.goto("/clusters")
            took.append(float(page.evaluate(_LCP)) / 1000)
        browser.close()
    return sorted(took)[len(took) // 2]


def _copy(database: psycopg.Connection, table: str, statement: str, *values: object) -> None:
    row = database.execute(_COLUMNS, (table,)).fetchone()
    columns = sql.SQL(row[0] if row else "")
    database.execute(sql.SQL(statement).format(columns=columns), values)


@contextmanager
def crowded() -> Iterator[tuple[Scene, str]]:
    """A project with a thousand clusters, of which workers leave everything as it is."""
    with scene(1, console=True) as stage:
        project = stage.playground.wanted.projects[0]
        stage.create(_LIVE, projects=(project,))
        stage.ready()
        stage.settled()
        stage.database.execute("INSERT INTO pauses VALUES ('', 'measured', 'benchmark')")
        _copy(stage.database, "clusters", _COPY_CLUSTERS, _CLUSTERS - _LIVE)
        _copy(stage.database, "node_groups", _COPY_GROUPS)
        yield stage, project


def measured() -> Iterator[Figure]:
    """Each figure, as it is there."""
    sizes = sum(len(gzip.compress((STATIC_FOLDER / name).read_bytes(), 9)) for name in scripts())
    yield Figure("JavaScript in all, compressed", "≤ 60 KiB", f"{sizes / 1024:.1f} KiB")
    with crowded() as (stage, project):
        visitors = Visitors(stage, project)
        try:
            visitors.sign_in(_SESSIONS)
            before = stage.read()
            took, size = visitors.first_page(_REQUESTS)
            spent = stage.read().cpu
            each = {
                part: 1000 * (spent[part] - before.cpu[part]) / _REQUESTS for part in ("console", "api", "postgres")
            }
            ordered = sorted(took)
            p99 = 1000 * ordered[ceil(0.99 * len(ordered)) - 1]
            assets = sum(len((STATIC_FOLDER / name).read_bytes()) for name in (*scripts(), "console.css", "tokens.css"))
            yield Figure(
                f"first page with {_CLUSTERS} clusters: server p99",
                "≤ 100 ms",
                f"{p99:.0f} ms (median {1000 * ordered[len(ordered) // 2]:.0f}); CPU of a page: console "
                f"{each['console']:.0f} ms, API {each['api']:.0f} ms, PostgreSQL {each['postgres']:.0f} ms",
            )
            yield Figure(
                "… transferred, the first time and later",
                "≤ 150 KiB",
                f"{(size + assets) / 1024:.0f} KiB and {size / 1024:.0f} KiB, not compressed",
            )
            yield Figure("… largest contentful paint", "≤ 0.8 s", f"{painted(stage, project):.2f} s")
            ids = [
                row[0] for row in stage.database.execute("SELECT id FROM clusters WHERE name LIKE 'c%' ORDER BY name")
            ]
            lists = [f"/clusters/stream?sort=name&shown={ids[0]}"] * (_PAGES // 2)
            pages = [f"/clusters/{ids[n % len(ids)]}/stream" for n in range(_PAGES // 2)]
            visitors.open(lists + pages)
            visitors.rest(30)
            before = stage.read()
            visitors.rest(_SECONDS)
            yield Figure(f"{_PAGES} open pages, nothing changes: cores", "≤ 0.2", cores(before, stage.read(), _SECONDS))
            before, began = stage.read(), monotonic()
            visitors.changing(labelled(project, "told", 30))
            after = stage.read()
            yield Figure(
                f"{_PAGES} open pages, a change a second: cores", "≤ 0.2", cores(before, after, monotonic() - began)
            )
            yield Figure(f"{_PAGES} open pages: memory", "≤ 200 MiB", f"{after.mib['console']:.0f} MiB")
            seen = sorted(visitors.seen(ask, f"n={n}") for n, ask in enumerate(labelled(project, "n", _CHANGES)))
            yield Figure(
                "a change asked for → told to an open page", "≤ 1 s",
                f"{seen[len(seen) // 2]:.2f} s (at most {seen[-1]:.2f})",
            )  # fmt: skip
        finally:
            visitors.close()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console", description=__doc__)
    parser.add_argument("--page", type=Path, help="write the figures there, as Markdown")
    page = parser.parse_args().page
    figures = []
    for figure in measured():
        print(f"{figure.what}: {figure.measured} (goal {figure.goal})", flush=True)
        figures.append(figure)
    if page:
        page.write_text(_page(figures), encoding="utf-8")


def _page(figures: list[Figure]) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    load = Path("/proc/loadavg").read_text().split()[0]
    rows = [f"| {f.what} | {f.goal} | {f.measured} |" for f in figures]
    return "\n".join(
        [
            "# Figures of the console",
            "",
            f"Measured on {datetime.now(UTC):%Y-%m-%d} at {commit} by `make bench-console`, on two cores that",
            f"everything shares; the machine's load was {load} at the end. Console, API, workers and PostgreSQL are",
            f"real, the cloud is simulated. The project has {_CLUSTERS} clusters. Of {_PAGES} open pages half are",
            f"lists, half pages of {_LIVE} clusters; they are of {_SESSIONS} sessions.",
            "",
            "| figure | goal | measured |",
            "| --- | --- | --- |",
            "| from sign-in to an accepted creation | ≤ 3 clicks and one name | 2 clicks and one name "
            "(`tests/browser/test_console.py`) |",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    main()
