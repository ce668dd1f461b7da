"""python -m proofs.autoscaling [CHAPTER...] [--page FILE] [--keep]

Runs the chapters (all by default) on this host's lab, as proofs.lifecycle does. Needs root, and that no other Navarch
listens on the lab's address. Exit code 1 where a chapter did not come to its end, or missed a goal.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.tables import table
from demo.steps import StepFailed, Teller

from proofs.autoscaling.chapters import CHAPTERS
from proofs.lifecycle.__main__ import run
from proofs.lifecycle.results import Results
from proofs.lifecycle.scene import FOLDER, scene


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m proofs.autoscaling", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help=", ".join(CHAPTERS))
    parser.add_argument("--page", type=Path, help="write the page there")
    parser.add_argument("--keep", action="store_true", help="leave clusters and Navarch as they are, for a look")
    options = parser.parse_args()
    if unknown := set(options.chapters) - CHAPTERS.keys():
        parser.error(f"no such chapter: {', '.join(sorted(unknown))}; there are {', '.join(CHAPTERS)}")
    tell, found = Teller(FOLDER / "log"), list[Results]()
    try:
        tell.title("What is needed")
        with scene(tell, keep=options.keep) as made:
            for name, chapter in CHAPTERS.items():
                if name in options.chapters or not options.chapters:
                    tell.title(name)
                    found.append(run(name, chapter, made))
                    for figure in found[-1].figures:
                        tell.say(f"{'MISSED  ' if figure.met is False else ''}{figure.what}: {figure.measured}")
                    if found[-1].failure:
                        tell.say(found[-1].failure)
    except StepFailed as error:
        sys.exit(f"proof-autoscaling: {error}")
    if options.page:
        options.page.write_text(_page(found))
    bad = [results.chapter for results in found if not results.well]
    sys.exit(f"proof-autoscaling: not as it should be: {', '.join(bad)}" if bad else 0)


def _page(found: list[Results]) -> str:
    parts = ["# Autoscaling on the lab\n\nWritten by `make proof-autoscaling`.\n"]
    for results in found:
        rows: list[tuple[object, ...]] = [
            (
                figure.what,
                figure.measured,
                figure.goal,
                "" if figure.met is None else ("met" if figure.met else "**missed**"),
            )
            for figure in results.figures
        ]
        head = (
            f"## {results.chapter}\n\n{results.about}\n\n{results.date}, at {results.commit}, {results.seconds:.0f} s\n"
        )
        failure = f"\nIt came to no end: {results.failure}\n" if results.failure else ""
        parts.append(f"{head}{failure}\n{table(('figure', 'measured', 'goal', ''), rows)}")
    return "\n".join(parts)


if __name__ == "__main__":
    main()
