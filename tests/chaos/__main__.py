"""See the package. A long run that is interrupted ends with the stories under way, and tells what it has shown."""

import argparse
import contextlib
import json
import logging
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import psycopg
from tests.chaos.database import Connection, connect, prepare
from tests.chaos.invariants import PROMISES
from tests.chaos.run import Report, run
from tests.chaos.weather import MISLEADING, Weather

from navarch.store.local_postgres import LocalPostgres


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--runs", type=int, default=200, help="how many seeds, or faults (default 200)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default 0)")
    parser.add_argument("--seed", type=int, help="this one alone, with its log")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--misleading", action="store_true", help="far more lists that lag and answers that get lost")
    parser.add_argument("--result", type=Path, help="write the figures to this file (JSON)")
    parser.add_argument("--mutations", action="store_true", help="deliberate faults, each of which must be caught")
    options = parser.parse_args()
    logging.getLogger("keystoneauth").setLevel(logging.ERROR)  # it warns where a service does not tell its versions
    weather = MISLEADING if options.misleading else None
    with databases(options.processes) as found:
        if options.mutations:
            from tests.chaos.mutations import catch_all

            sys.exit(catch_all(found, options.result, first=options.first, count=options.runs))
        if options.seed is not None:
            report = run(connect(found[0]), options.seed, weather)
            print("\n".join(report.log))
            print(f"seed {report.seed}: {report.broken or 'every promise kept'}; {dict(report.faults)}")
            sys.exit(1 if report.broken else 0)
        sys.exit(_many(options.first, options.runs, weather, found, options.result))


@contextlib.contextmanager
def databases(count: int) -> Iterator[list[str]]:
    """A private PostgreSQL with so many databases under virtual time."""
    folder = Path(tempfile.mkdtemp(prefix="navarch-chaos-"))
    folder.chmod(0o755)
    server = LocalPostgres(folder, durable=False)
    server.start()
    try:
        made = []
        for number in range(count):
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE chaos{number}".encode())
            made.append(prepare(psycopg.conninfo.make_conninfo(server.dsn, dbname=f"chaos{number}")))
        yield made
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


class _Seeds:
    """The seeds that are still to be told, for all processes. What was told is a row without gaps, also where it was
    ended early."""

    def __init__(self, first: int, count: int) -> None:
        self._next, self._end = multiprocessing.Value("q", first), multiprocessing.Value("q", first + count)

    def __iter__(self) -> Iterator[int]:
        while True:
            with self._next.get_lock():
                seed = self._next.value
                self._next.value += 1
            if seed >= self._end.value:
                return
            yield seed

    def end(self) -> None:
        """No more after those that are being told."""
        self._end.value = 0


def _work(
    dsn: str, core: int | None, seeds: _Seeds, weather: Weather | None, results: "multiprocessing.Queue[Report | None]"
) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent says when to end
    try:
        for seed in seeds:
            connection = connect(dsn)
            if core is not None:
                _keep_together(connection, core)
            try:
                results.put(run(connection, seed, weather))
            finally:
                connection.close()
    finally:
        results.put(None)  # also where a story could not be told: nobody waits for more


def _keep_together(connection: Connection, core: int) -> None:
    """A story and the database's process for it take turns: on one core neither has to be woken on another."""
    for pid in (0, connection.info.backend_pid):
        with contextlib.suppress(OSError):  # a container may forbid it, and it is only faster
            os.sched_setaffinity(pid, {core})


def _many(first: int, count: int, weather: Weather | None, dsns: list[str], result: Path | None) -> int:
    began = perf_counter()
    results: multiprocessing.Queue[Report | None] = multiprocessing.Queue()
    seeds, cores = _Seeds(first, count), sorted(os.sched_getaffinity(0))
    workers: list[multiprocessing.Process] = []
    for number, dsn in enumerate(dsns):
        core = cores[number] if len(dsns) <= len(cores) else None
        workers.append(multiprocessing.Process(target=_work, args=(dsn, core, seeds, weather, results), daemon=True))
        workers[-1].start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: seeds.end())
    total, waiting = _Total(first), len(workers)
    while waiting:
        report = results.get()
        if report is None:
            waiting -= 1
            continue
        total.add(report)
        if report.broken:
            again = f"python -m tests.chaos --seed {report.seed}{' --misleading' if weather else ''}"
            print(f"\nseed {report.seed}: {report.broken}\n  again: {again}")
        if sys.stderr.isatty() or total.runs % 100 == 0:
            pace = total.runs / (perf_counter() - began)
            print(f"\r{total.runs} of {count} runs, {sum(total.faults.values())} faults, {len(total.broken)} broken, "
                  f"{pace:.1f}/s ", end="", file=sys.stderr)  # fmt: skip
        if result is not None and total.runs % 100 == 0:
            total.write(result, perf_counter() - began)  # a long run that is ended has shown this much
    figures = total.figures(perf_counter() - began)
    print(file=sys.stderr)
    print(_told(figures))
    if result is not None:
        total.write(result, perf_counter() - began)
    for worker in workers:
        worker.join()
    return 1 if total.broken or any(worker.exitcode for worker in workers) else 0


@dataclass
class _Total:
    """What came of all runs so far."""

    first: int
    runs: int = 0
    calls: int = 0
    virtual_seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[int, str]] = field(default_factory=list)
    converged: list[float] = field(default_factory=list)

    def add(self, report: Report) -> None:
        """Count one more."""
        self.runs += 1
        self.faults += report.faults
        self.checked += report.checked
        self.calls += report.calls
        self.virtual_seconds += report.virtual_seconds
        if report.broken:
            self.broken.append((report.seed, report.broken))
        else:
            self.converged.append(report.converged_in)

    def figures(self, seconds: float) -> dict[str, Any]:
        """What is published."""
        converged = sorted(self.converged)
        return {
            "first": self.first, "runs": self.runs, "seconds": round(seconds),
            "virtual_hours": round(self.virtual_seconds / 3600), "calls": self.calls,
            "faults": dict(self.faults.most_common()), "checked": dict(self.checked.most_common()),
            "broken": self.broken,
            "converged": {q: converged[int(q * (len(converged) - 1))] for q in (0.5, 0.99, 1.0)} if converged else {},
        }  # fmt: skip

    def write(self, path: Path, seconds: float) -> None:
        """The figures as JSON."""
        path.write_text(json.dumps(self.figures(seconds), indent=1) + "\n")


def _told(figures: dict[str, Any]) -> str:
    lines = [
        f"{figures['runs']} runs (seeds {figures['first']} to {figures['first'] + figures['runs'] - 1}) in "
        f"{figures['seconds']} s: {figures['virtual_hours']} hours of virtual time, {figures['calls']} outside calls, "
        f"{sum(figures['faults'].values())} faults; {len(figures['broken'])} runs with a broken promise",
        "",
        "checked",
    ]
    counts = {name: f"{count:,}" for name, count in figures["checked"].items()}
    lines += [f"  {counts.get(name, 'always'):>12}  {name}: {what}" for name, what in PROMISES.items()]
    lines += ["", "faults", *(f"  {count:>12,}  {name}" for name, count in figures["faults"].items())]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
