"""python -m proofs.lifecycle [CHAPTER...] [--page FILE] [--json FILE] [--keep] [--report-only]

Runs the chapters (all by default) on this host's lab. Needs root, and that no other Navarch listens on the lab's
address (after `make demo`: `make demo-clean`). What each chapter measured is kept in a folder of its own
(/var/lib/navarch-proof), and page and JSON hold the last of each that was run; chapters of the page that were not run
on this host stay as they are. Exit code 1 where a chapter did not come to its end, or missed a goal.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import traceback
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import monotonic

from demo.steps import StepFailed, Teller

from proofs import kept
from proofs.lifecycle.broken import broken
from proofs.lifecycle.hosts import hosts
from proofs.lifecycle.kills import kills
from proofs.lifecycle.page import page
from proofs.lifecycle.repairs import repair
from proofs.lifecycle.results import Results
from proofs.lifecycle.rollouts import change, upgrade_1, upgrade_3
from proofs.lifecycle.scene import FOLDER, Scene, scene
from proofs.lifecycle.sizes import sizes
from proofs.lifecycle.stops import stop
from proofs.lifecycle.windows import windows

CHAPTERS: dict[str, Callable[[Scene, Results], None]] = {
    "change": change,
    "upgrade-3": upgrade_3,
    "upgrade-1": upgrade_1,
    "repair": repair,
    "hosts": hosts,
    "sizes": sizes,
    "broken": broken,
    "windows": windows,
    "stop": stop,
    "kills": kills,
}
_ROOT = Path(__file__).parents[2]
_KEPT = FOLDER / "results"


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m proofs.lifecycle", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help=", ".join(CHAPTERS))
    parser.add_argument("--page", type=Path, help="write the page there")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--keep", action="store_true", help="leave clusters and Navarch as they are, for a look")
    parser.add_argument("--report-only", action="store_true", help="run nothing: page and JSON of what was run last")
    options = parser.parse_args()
    if unknown := set(options.chapters) - CHAPTERS.keys():
        parser.error(f"no such chapter: {', '.join(sorted(unknown))}; there are {', '.join(CHAPTERS)}")
    names = [name for name in CHAPTERS if name in options.chapters or not options.chapters]
    if not options.report_only:
        try:
            _run(names, keep=options.keep)
        except StepFailed as error:
            sys.exit(f"proof-lifecycle: {error}")
        except KeyboardInterrupt:
            sys.exit(130)
    found = [results for name in CHAPTERS if (results := kept.last(_KEPT, name)) is not None]
    if not found:
        sys.exit("proof-lifecycle: no chapter was run yet")
    if options.page:
        before = options.page.read_text() if options.page.exists() else ""
        options.page.write_text(page(found, _machine(), before, CHAPTERS))
    if options.json:
        options.json.write_text(json.dumps([each.as_json() for each in found], indent=1) + "\n")
    bad = [results.chapter for results in found if results.chapter in names and not results.well]
    sys.exit(f"proof-lifecycle: not as it should be: {', '.join(bad)}" if bad else 0)


def _run(names: list[str], *, keep: bool) -> None:
    tell = Teller(FOLDER / "log")
    tell.title("What is needed")
    with scene(tell, keep=keep) as made:
        for name in names:
            tell.title(name)
            results = run(name, CHAPTERS[name], made)
            kept.keep(_KEPT, results)
            kept.told(tell, results)


def run(name: str, chapter: Callable[[Scene, Results], None], made: Scene) -> Results:
    """One chapter's results, also where it fails: the next one may tell something all the same."""
    about = " ".join((chapter.__doc__ or "").split())
    results = Results(name, about, f"{datetime.now().astimezone():%Y-%m-%d %H:%M}", _commit())
    began = monotonic()
    try:
        chapter(made, results)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this chapter's failure, and is told with its place
        frames = traceback.extract_tb(error.__traceback__)[1:]
        places = " → ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
        results.failure = f"{type(error).__name__}: {error}\n({places})"
    results.seconds = round(monotonic() - began, 1)
    return results


def _commit() -> str:
    """Of the sources, with a word where they were changed since."""

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", _ROOT, *words], capture_output=True, text=True, check=False).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + (", changed" if git("status", "--porcelain", "src") else "")


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}"


if __name__ == "__main__":
    main()
