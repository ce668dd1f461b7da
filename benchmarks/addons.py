"""What add-ons of the catalogue cost: a rendering of each entry, and clusters at rest that have some.

    python -m benchmarks.addons [CLUSTERS] [--page FILE]

Renderer, API over HTTPS, workers and PostgreSQL are real; cloud and clusters are simulated. A simulated cluster answers
for its add-ons at once: how long a real one takes until they are Ready is what `make proof-stories` waits for.
"""

import argparse
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, process_time

from benchmarks.crowd import Ask
from benchmarks.scale import PROJECTS, Figures, Scene, creation, idle, scene
from benchmarks.tables import goal, parts, table
from navarch.charts.entry import pack, read
from navarch.charts.rendering import Circumstances, Renderer

_ENTRIES = Path(__file__).parents[1] / "addons"
_RENDERINGS = 20
_KUBERNETES = "1.37.2"
_FEW, _MANY = 3, 5  # add-ons of a cluster
_NOT_READY = "SELECT count(*) FROM chosen_addons WHERE status->>'phase' IS DISTINCT FROM 'Ready'"


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.addons")
    parser.add_argument("clusters", type=int, nargs="?", default=200)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    text = page(list(renderings()), resting(options.clusters))
    print(text)
    if options.page is not None:
        options.page.write_text(text)


def program() -> Path:
    """The program that renders."""
    return Path(os.environ.get("NAVARCH_CACHE", "/var/cache/navarch")) / "tools" / "navarch-render"


def renderings() -> Iterator[Figures]:
    """How long each entry's takes, with the values that it has of itself."""
    renderer = Renderer(program())
    for folder in sorted(_ENTRIES.iterdir()):
        if not (folder / "Chart.yaml").is_file():
            continue
        entry = read(pack(folder))
        circumstances, took = Circumstances(entry.card.name, entry.card.namespace, _KUBERNETES), list[float]()
        for _ in range(_RENDERINGS):
            began = monotonic()
            made = renderer.render(entry.chart, entry.trials[0], circumstances)
            took.append(monotonic() - began)
        took.sort()
        objects = len(made.objects) + len(made.definitions)
        yield {"name": entry.card.name, "objects": objects, "kib": len(entry.chart) / 1024, "took": took}


def resting(count: int) -> Figures:
    """What so many clusters cost at rest: without add-ons, and with few and with many each."""
    wanted = [("headroom", f"headroom-{n}") for n in range(_MANY)]
    with scene(2, faults=0.0, renderer=program(), entries=_ENTRIES) as stage:
        empty, own = stage.read(), process_time()
        creation(stage, count)
        stage.settled()
        figures: Figures = {"clusters": count, "none": idle(stage, count, empty)}
        for name, these in (("few", wanted[:_FEW]), ("many", wanted[_FEW:])):
            for entry, its in these:
                install(stage, count, entry, its)
            stage.until("all add-ons Ready", lambda: stage.count(_NOT_READY) == 0)
            figures[name] = idle(stage, count, empty)
        return figures | {"own": process_time() - own, "load": os.getloadavg()[0]}


def install(stage: Scene, count: int, entry: str, name: str) -> None:
    """An add-on for each cluster. Raises AssertionError where one is refused."""
    asks = [
        Ask(
            PROJECTS[n % len(PROJECTS)],
            "POST",
            f"/clusters/c{n:04d}/addons",
            {"entry": entry, "name": name, "namespace": name},
        )
        for n in range(count)
    ]
    failures = stage.crowd.together(10, asks, wanted=202).failures
    assert not failures, failures[:3]


def page(rendered: list[Figures], rest: Figures) -> str:
    """docs/benchmarks-addons.md."""
    rows: list[tuple[object, ...]] = []
    for each in rendered:
        middle, longest = each["took"][_RENDERINGS // 2], each["took"][-1]
        said = f"{middle * 1000:.0f} ms, at most {longest * 1000:.0f} ms"
        rows.append((each["name"], each["objects"], f"{each['kib']:.0f} KiB", said, goal(longest <= 1)))
    none, few, many = (rest[name] for name in ("none", "few", "many"))
    workers = [each["mcpu"]["worker"] for each in (none, few, many)]
    together = sum(few["mcpu"].values())
    ratio = workers[2] / workers[0]
    costs: list[tuple[object, ...]] = [
        (
            f"worker, a cluster with {_MANY} add-ons against one with none",
            f"{ratio:.2f} ×",
            "≤ 1.2 ×",
            goal(ratio <= 1.2),
        ),
        (
            f"a cluster with {_FEW} add-ons: worker, API, PostgreSQL",
            f"{together:.2f} mCPU ({parts(few['mcpu'])})",
            "≤ 1 mCPU",
            goal(together <= 1),
        ),
        ("the same without add-ons", f"{sum(none['mcpu'].values()):.2f} mCPU ({parts(none['mcpu'])})", "", ""),
        (f"the same with {_MANY}", f"{sum(many['mcpu'].values()):.2f} mCPU ({parts(many['mcpu'])})", "", ""),
        (
            f"requests to the cluster's API, an hour: with none, {_FEW}, {_MANY}",
            ", ".join(f"{each['kube_calls_an_hour']:.0f}" for each in (none, few, many)),
            "",
            "",
        ),
    ]
    return (
        "# Benchmarks of add-ons\n\n"
        f"Written by `make bench-addons` on {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores shared with others "
        f"(load {rest['load']:.0f}).\n\n"
        "## Rendering\n\n"
        f"By `navarch-render`, a process for each, with an entry's own values; {_RENDERINGS} times one after the "
        "other. The goal is at most a second.\n\n"
        + table(("entry", "objects", "packed", "half took", ""), rows)
        + "\n## At rest\n\n"
        f"{rest['clusters']} clusters of the simulated cloud, with API, workers and PostgreSQL as they are, while "
        "nothing happens to them. What a simulated cluster is asked about its add-ons is one question for all of them; "
        "a real one is asked for a list of each kind that they are made of.\n\n"
        + table(("what", "measured", "goal", ""), costs)
    )


if __name__ == "__main__":
    main()
