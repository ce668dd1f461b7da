"""python -m proofs.autoscaling [CHAPTER...] [--page FILE] [--keep]

Runs the chapters (all by default) on this host's lab, in one cluster. Needs root, and that no other Navarch listens on
the lab's address. What each chapter measured is kept (/var/lib/navarch-proof); the page has the last of each that was
run. Exit code 1 where a chapter did not come to its end, or missed a goal.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.tables import table
from demo.steps import StepFailed, Teller

from proofs import kept
from proofs.autoscaling.chapters import CHAPTERS
from proofs.autoscaling.inside import Inside
from proofs.lifecycle.__main__ import run
from proofs.lifecycle.results import Results
from proofs.lifecycle.scene import FOLDER, NEW, Scene, scene

_KEPT = FOLDER / "autoscaling"
_HEAD = """# Autoscaling on the lab

Written by `make proof-autoscaling`: a cluster of 1+1 on the one-machine OpenStack (2 cores shared by everything,
machines boot in ten seconds to a minute), with machines of 2 GiB. Times are those of a clock.
"""


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m proofs.autoscaling", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help=", ".join(CHAPTERS))
    parser.add_argument("--page", type=Path, help="write the page there")
    parser.add_argument("--keep", action="store_true", help="leave the cluster and Navarch as they are, for a look")
    options = parser.parse_args()
    if unknown := set(options.chapters) - CHAPTERS.keys():
        parser.error(f"no such chapter: {', '.join(sorted(unknown))}; there are {', '.join(CHAPTERS)}")
    names = [name for name in CHAPTERS if name in options.chapters or not options.chapters]
    tell = Teller(FOLDER / "log")
    tell.title("What is needed")
    try:
        with (
            scene(tell, keep=options.keep, versions=(NEW,)) as made,
            made.cluster("proof-scale", "--workers", "1", "--zone", "z1") as cluster,
        ):
            bad = [name for name in names if not _told(tell, made, name, Inside(made, cluster))]
    except StepFailed as error:
        sys.exit(f"proof-autoscaling: {error}")
    finally:
        if options.page:
            options.page.write_text(
                _page([found for name in CHAPTERS if (found := kept.last(_KEPT, name)) is not None])
            )
    sys.exit(f"proof-autoscaling: not as it should be: {', '.join(bad)}" if bad else 0)


def _told(tell: Teller, made: Scene, name: str, inside: Inside) -> bool:
    """Run a chapter, and tell and keep what it measured. Whether all is well."""
    tell.title(name)

    def chapter(_: Scene, results: Results) -> None:
        CHAPTERS[name](inside, results)

    chapter.__doc__ = CHAPTERS[name].__doc__
    results = run(name, chapter, made)
    inside.tidy()
    kept.told(tell, results)
    kept.keep(_KEPT, results)
    return results.well


def _page(found: list[Results]) -> str:
    parts = [_HEAD]
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
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    main()
