"""`make scale`: a thousand clusters on the simulated cloud; writes docs/scale.md anew.

    python -m benchmarks.scale [CLUSTERS] [--only SECTION ...] [--workers N]

Every part is the real one but the cloud: API over HTTPS, workers, PostgreSQL, each a process. What was measured is kept
in a file beside the page's data, so that sections can be taken one by one.
"""

import argparse
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, process_time, sleep
from typing import Any

import psycopg

from benchmarks import bad_day
from benchmarks.crowd import Ask, Crowd, Times
from benchmarks.meter import Reading, read
from benchmarks.scale_page import BOOT_SECONDS, FAULTS, PAGE, page
from navarch.playground.region import Playground, PlaygroundError, Wanted
from navarch.simulator.client import Simulator

FOLDER = Path(os.environ.get("NAVARCH_SCALE_STATE", "/var/lib/navarch-scale"))
RESULTS = FOLDER / "results.json"
SECTIONS = ("small", "large", "kill", "fair", "workers", "faults")
EXTRA = ("huge",)  # only where it is asked for: it takes as long as all others
PROJECTS = tuple(f"project-{n:03d}" for n in range(100))
_IDLE_SECONDS = 150.0  # as long as a Ready cluster is left alone, so that each is looked at about once
_PATIENCE = 1500.0
_APIS = 2  # processes
_CREATORS, _PEOPLE = 20, 50
_PACES = {"list": 200.0, "show": 500.0, "create": 20.0}  # a second, of all people together
_NEVER_READY = "SELECT count(*) FROM clusters WHERE status->>'ready_at' IS NULL AND name LIKE %s"
_TOOK = "SELECT extract(epoch FROM (status->>'ready_at')::timestamptz - created_at) FROM clusters ORDER BY 1"
_NOT_READY = "SELECT count(*) FROM clusters WHERE status->>'phase' <> 'Ready'"
Figures = dict[str, Any]


@dataclass
class Scene:
    """A running playground, and ways to ask it."""

    playground: Playground
    crowd: Crowd
    database: psycopg.Connection
    simulator: Simulator

    def create(self, count: int, *, prefix: str = "c", projects: tuple[str, ...] = PROJECTS, **said: Any) -> Times:
        """Ask for clusters of 1+2 all at once. `said`: of each."""
        bodies = [{"name": f"{prefix}{n:04d}"} | said for n in range(count)]
        asks = [Ask(projects[n % len(projects)], "POST", "/clusters", body) for n, body in enumerate(bodies)]
        return self.crowd.together(_CREATORS, asks, wanted=202)

    def count(self, query: str, *values: object) -> int:
        """The number that a query gives."""
        row = self.database.execute(query, values).fetchone()
        return int(row[0]) if row else 0

    def until(self, what: str, so: Callable[[], bool], *, every: float = 0.5) -> float:
        """Wait; gives the seconds. Raises PlaygroundError where it takes too long."""
        began = monotonic()
        while not so():
            self.playground.check()
            if monotonic() - began > _PATIENCE:
                raise PlaygroundError(f"not so after {_PATIENCE:.0f} s: {what}")
            sleep(every)
        return monotonic() - began

    def ready(self, prefix: str = "c") -> float:
        """Wait until the last cluster of that prefix has become Ready for the first time."""
        return self.until("all Ready", lambda: self.count(_NEVER_READY, f"{prefix}%") == 0)

    def settled(self) -> float:
        """Wait until all are Ready at the same time."""
        return self.until("all Ready at once", lambda: self.count(_NOT_READY) == 0)

    def read(self) -> Reading:
        """What everything costs so far."""
        return read(self.playground, self.database)


@contextmanager
def scene(workers: int, *, faults: float = FAULTS, folder: Path = FOLDER / "world", **more: Any) -> Iterator[Scene]:
    """A new world. `faults`: the share of the cloud's answers that are faults."""
    wanted = Wanted(
        projects=PROJECTS,
        apis=_APIS,
        workers=workers,
        boot_seconds=BOOT_SECONDS,
        faults=faults,
        durable=True,
        **more,
    )
    playground = Playground(folder, wanted)
    playground.start()
    try:
        with psycopg.connect(playground.postgres.dsn, autocommit=True) as database, Crowd(playground) as crowd:
            yield Scene(playground, crowd, database, Simulator(str(playground.socket)))
    finally:
        playground.stop()


def creation(stage: Scene, count: int) -> Figures:
    """From the first request to the last Ready cluster."""
    before, began = stage.read(), monotonic()
    times = stage.create(count)
    asked = monotonic() - began
    stage.ready()
    seconds = monotonic() - began
    after = stage.read()
    took = [float(row[0]) for row in stage.database.execute(_TOOK)]
    return {
        "clusters": count,
        "seconds": seconds,
        "median": took[len(took) // 2],
        "asked": asked,
        "create_p50": times.percentile(0.5),
        "create_p99": times.percentile(0.99),
        "failures": times.failures[:3],
        "cpu": {part: after.cpu[part] - before.cpu[part] for part in after.cpu},
        "twice": len(stage.simulator.census().twice),
        "load": os.getloadavg()[0],
    }


def idle(stage: Scene, count: int, empty: Reading, seconds: float = _IDLE_SECONDS) -> Figures:
    """What Ready clusters cost while nothing happens to them."""
    sleep(20)  # the last ones' first look as Ready clusters
    asked_before, before = stage.simulator.census(), stage.read()
    sleep(seconds)
    asked_after, after = stage.simulator.census(), stage.read()
    own = ("api", "worker", "postgres")
    calls = sum(n for _, n in asked_after.requests) - sum(n for _, n in asked_before.requests)
    return {
        "mcpu": {part: (after.cpu[part] - before.cpu[part]) / seconds * 1000 / count for part in own},
        "mib": {part: (after.mib[part] - empty.mib[part]) / count for part in own},
        "mib_empty": {part: empty.mib[part] for part in own},
        "calls_an_hour": calls / count / seconds * 3600,
        "kube_calls_an_hour": (asked_after.kube_calls - asked_before.kube_calls) / count / seconds * 3600,
        "rows_an_hour": (after.rows - before.rows) / seconds * 3600,
        "database_mib": stage.count("SELECT pg_database_size(current_database())") / 2**20,
        "load": os.getloadavg()[0],
    }


def reading(stage: Scene) -> Figures:
    """The API with all these clusters under so many clients."""
    names = [
        (f"project-{n % len(PROJECTS):03d}", f"c{n:04d}") for n in range(stage.count("SELECT count(*) FROM clusters"))
    ]
    figures: Figures = {}
    for what, path in (("list", "/clusters?limit=100"), ("show", "/clusters/{}")):
        asks = [Ask(project, "GET", path.format(name)) for project, name in names * 4]
        before, began, own = stage.read(), monotonic(), process_time()
        times = stage.crowd.together(_PEOPLE, asks, wanted=200)
        seconds, own, after = monotonic() - began, process_time() - own, stage.read()
        paced = stage.crowd.together(_PEOPLE, asks, wanted=200, a_second=_PACES[what])
        figures[what] = {
            "p50": times.percentile(0.5),
            "p99": times.percentile(0.99),
            "pace": _PACES[what],
            "paced_p50": paced.percentile(0.5),
            "paced_p99": paced.percentile(0.99),
            "errors": len(times.failures) + len(paced.failures),
            "a_second": len(asks) / seconds,
            "cpu": {part: after.cpu[part] - before.cpu[part] for part in ("api", "postgres")} | {"customers": own},
            "asked": len(asks),
        }
    return figures | {"load": os.getloadavg()[0]}


def adding(stage: Scene) -> Figures:
    """Creations beside many clusters: one in each project, whose quotas nobody has read lately, then another."""
    there = stage.count("SELECT count(*) FROM clusters")
    figures: Figures = {"pace": _PACES["create"], "errors": 0}
    for turn, what in enumerate(("unread", "read")):
        numbers = range(there + turn * len(PROJECTS), there + (turn + 1) * len(PROJECTS))
        asks = [Ask(PROJECTS[n % len(PROJECTS)], "POST", "/clusters", {"name": f"c{n:04d}"}) for n in numbers]
        times = stage.crowd.together(_PEOPLE, asks, wanted=202, a_second=_PACES["create"])
        figures[what] = {"p50": times.percentile(0.5), "p99": times.percentile(0.99)}
        figures["errors"] += len(times.failures)
    return figures | {"load": os.getloadavg()[0]}


def change(stage: Scene, count: int) -> Figures:
    """From a change of a wish to the first call to the cloud, one change after the other."""
    waits = Times()
    for n in range(count):
        project, name, asked = PROJECTS[n % len(PROJECTS)], f"c{n:04d}", datetime.now(UTC)
        path, patch = f"/clusters/{name}/node_groups/default", {"spec": {"replicas": 3}}
        status, answer = stage.crowd.call(Ask(project, "PATCH", path, patch))
        if status >= 300:
            waits.failures.append(f"{status}: {answer}")
            continue
        row = stage.database.execute("SELECT id FROM clusters WHERE name = %s", (name,)).fetchone()
        assert row is not None  # it was just changed
        end = monotonic() + 30
        while (first := stage.simulator.first_call(row[0], asked)) is None and monotonic() < end:
            sleep(0.02)
        if first is None:
            waits.failures.append(f"{name}: nothing was asked of the cloud in 30 s")
        else:
            waits.seconds.append((first - asked).total_seconds())
        sleep(0.1)
    return {
        "changes": len(waits.seconds),
        "p50": waits.percentile(0.5),
        "p99": waits.percentile(0.99),
        "failures": waits.failures[:3],
        "load": os.getloadavg()[0],
    }


def deletion(stage: Scene) -> Figures:
    """All of them go; what the region still has afterwards. A request that was not accepted is made again."""
    count = stage.count("SELECT count(*) FROM clusters")
    asks = [Ask(PROJECTS[n % len(PROJECTS)], "DELETE", f"/clusters/c{n:04d}") for n in range(count)]
    began, again, failures = monotonic(), 0, list[str]()
    while asks:
        failures += stage.crowd.together(_CREATORS, asks, wanted=202).failures
        living = stage.database.execute("SELECT name FROM clusters WHERE deletion_requested_at IS NULL").fetchall()
        paths = {f"/clusters/{name}" for (name,) in living}
        asks = [ask for ask in asks if ask.path in paths]
        again += len(asks)
        sleep(1.0 if asks else 0.0)
    stage.until("all gone", lambda: stage.count("SELECT count(*) FROM clusters") == 0)
    return {
        "clusters": count,
        "seconds": monotonic() - began,
        "again": again,
        "failures": failures[:3],
        "left": {kind: n for kind, n in stage.simulator.census().objects if n},
        "load": os.getloadavg()[0],
    }


def small(options: argparse.Namespace) -> Figures:
    """Creation of few clusters."""
    figures = []
    for count in (10, 100):
        with scene(options.workers) as stage:
            figures.append(creation(stage, count))
    return {"creations": figures}


def large(options: argparse.Namespace) -> Figures:
    """The whole life of many clusters."""
    with scene(options.workers) as stage:
        empty = stage.read()
        figures = {"creation": creation(stage, options.clusters)}
        figures["idle"] = idle(stage, options.clusters, empty)
        figures["api"] = reading(stage)
        figures["change"] = change(stage, min(100, options.clusters))
        figures["adding"] = adding(stage)
        stage.settled()
        figures["deletion"] = deletion(stage)
    return figures


def huge(options: argparse.Namespace) -> Figures:
    """Three times as many clusters come and go."""
    count = 3 * options.clusters
    with scene(options.workers) as stage:
        empty = stage.read()
        figures: Figures = {"creation": creation(stage, count)}
        figures["idle"] = idle(stage, count, empty)
        figures["deletion"] = deletion(stage)
    return figures


def kill(options: argparse.Namespace) -> Figures:
    """A worker dies in the middle of creations."""
    count = max(10, options.clusters // 10)
    with scene(2) as stage:
        stage.create(count)
        sleep(5)
        pid = stage.playground.pid("worker-1")
        held = "SELECT count(*) FROM clusters WHERE lease_holder LIKE %s"
        stage.until("worker 1 holds a cluster", lambda: stage.count(held, f"%-{pid}") > 0, every=0.01)
        holding = stage.count(held, f"%-{pid}")
        stage.playground.kill("worker-1")
        took = stage.until("all taken over", lambda: stage.count(held, f"%-{pid}") == 0, every=0.1)
        stage.ready()
        census = stage.simulator.census()
        return {
            "clusters": count,
            "held": holding,
            "seconds": took,
            "twice": list(census.twice)[:3],
            "servers": dict(census.objects)["server"],
            "load": os.getloadavg()[0],
        }


def fair(options: argparse.Namespace) -> Figures:
    """One project's many clusters fail; another asks for one."""
    doomed = max(10, options.clusters // 2)
    with scene(options.workers, doomed="doomed*") as stage:
        alone = _one(stage, "alone")
        asks = [Ask(PROJECTS[n // 100], "POST", "/clusters", {"name": f"doomed{n:04d}"}) for n in range(doomed)]
        refused = stage.crowd.together(_CREATORS, asks, wanted=202).failures[:3]
        sleep(60)
        return {
            "doomed": doomed,
            "alone": alone,
            "beside": _one(stage, "beside"),
            "failures": refused,
            "load": os.getloadavg()[0],
        }


def _one(stage: Scene, name: str) -> float:
    """Seconds to Ready of a single cluster of the last project."""
    stage.create(1, prefix=name, projects=PROJECTS[-1:])
    return stage.ready(name)


def workers(options: argparse.Namespace) -> Figures:
    """The same creations by one, two and four workers."""
    figures = []
    for number in (1, 2, 4):
        with scene(number) as stage:
            figures.append({"workers": number} | creation(stage, max(10, options.clusters // 10)))
    return {"creations": figures}


def faults(options: argparse.Namespace) -> Figures:
    """A cloud of which a part does not answer: at first, for good, slowly, and a service for ten minutes."""
    count = max(10, options.clusters // 2)
    with scene(options.workers) as stage:
        figures: Figures = {"usual": creation(stage, count)}
    with scene(options.workers, faults=0.05) as stage:
        figures["more"] = creation(stage, count)
        figures["rest"] = [bad_day.at_rest(stage, share) for share in (0.05, 0.1)]
        figures["slow"] = bad_day.slow(stage, "compute", 3.0)
        figures["away"] = bad_day.away(stage, "block-storage", 600.0)
    with scene(options.workers, faults=0.2) as stage:
        figures["many"] = creation(stage, count)
        figures["rest"].append(bad_day.at_rest(stage, 0.2))
    return figures


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("clusters", type=int, nargs="?", default=1000)
    parser.add_argument("--workers", type=int, default=2, help="worker processes (default 2)")
    parser.add_argument("--only", action="append", choices=(*SECTIONS, *EXTRA), help="this section; may be repeated")
    options = parser.parse_args()
    FOLDER.mkdir(mode=0o711, parents=True, exist_ok=True)
    results: Figures = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in options.only or SECTIONS:
        section: Callable[[argparse.Namespace], Figures] = globals()[name]
        print(f"{name}: {(section.__doc__ or '').strip()}", flush=True)
        results[name] = section(options) | {
            "at": datetime.now(UTC).date().isoformat(),
            "apis": _APIS,
            "workers": options.workers,
        }
        print(json.dumps(results[name], indent=1), flush=True)
        RESULTS.write_text(json.dumps(results, indent=1))
    PAGE.write_text(page(results))


if __name__ == "__main__":
    main()
