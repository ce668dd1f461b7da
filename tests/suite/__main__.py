"""The whole suite, from what needs nothing to a real cluster: `make test`, or `python -m tests.suite`.

    --list            only say which stages there are
    --only STAGE...   only these; what they come after is taken to be there

Each stage's output goes to build/test/, and is shown where it fails; then nothing more begins. build/test-stages.json
says after each stage how many seconds each took. On a fresh machine what is needed is installed and built, and kept in
the cache for the next time.
"""

import argparse
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from threading import Thread
from time import monotonic
from types import FrameType

from demo.stack import find_lab
from tests.suite import report
from tests.suite.machine import lacks
from tests.suite.run import Run
from tests.suite.stages import BUDGET, ROOT, Stage, stages
from tests.suite.tell import Teller

_BUILD = ROOT / "build"
_LAB_UP = "lab: up"


def main() -> int:
    """Entry point; gives the exit code."""
    every = stages()
    parser = argparse.ArgumentParser(prog="python -m tests.suite", description="The whole suite.")
    parser.add_argument("--list", action="store_true", help="only say which stages there are")
    parser.add_argument("--only", nargs="+", metavar="STAGE", default=[], help="only stages whose names begin so")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{stage.lane:8} {stage.name}" for stage in every))
        return 0
    missing = lacks()
    if missing:
        print("\n".join(f"test: {line}" for line in missing), file=sys.stderr)
        return 1
    return _run(_chosen(every, options.only))


def _chosen(every: tuple[Stage, ...], only: list[str]) -> tuple[Stage, ...]:
    """Those whose names begin with one of the words; all where there is none."""
    found = [s for s in every if not only or s.name.startswith(tuple(only))]
    names = {s.name for s in found}
    return tuple(replace(s, after=tuple(n for n in s.after if n in names)) for s in found)


def _run(chosen: tuple[Stage, ...]) -> int:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    began = monotonic()
    teller = Teller(_BUILD / "test-stages.json")
    run = Run(chosen, _BUILD / "test", _lab_environment, teller.tell)
    threads = run.start()
    try:
        _wait(threads, teller)
    except KeyboardInterrupt:
        teller.say("interrupted")
        run.stop()
        for thread in threads:
            thread.join()
    finally:
        if any(e.stage.name == _LAB_UP for e in run.ended):
            subprocess.run([*_lab_command(chosen), "down"], check=False)
    return _conclusion(run, monotonic() - began)


def _wait(threads: list[Thread], teller: Teller) -> None:
    while any(thread.is_alive() for thread in threads):
        for thread in threads:
            thread.join(1.0)
        teller.heartbeat()


def _conclusion(run: Run, seconds: float) -> int:
    """Print what is to be said of the whole, and give the exit code."""
    tests = report.timed(run.timings(e.stage) for e in run.ended if e.stage.tests)
    print(f"\nThe slowest of {len(tests)} tests:\n{report.slowest(tests)}")
    print(f"\n{report.table(run.ended, seconds, BUDGET)}")
    print(f"\ntest: {'all well' if run.well else 'FAILED'} in {seconds:.0f} s")
    return 0 if run.well else 1


def _lab_command(chosen: tuple[Stage, ...]) -> list[str]:
    return [next(s.command[0] for s in chosen if s.name == _LAB_UP)]


def _lab_environment() -> Mapping[str, str]:
    """As `eval "$(navarch-lab env)"` would have it."""
    lab = find_lab()
    return {"OS_CLIENT_CONFIG_FILE": str(lab.clouds_file), "OS_CACERT": str(lab.ca_file)}


if __name__ == "__main__":
    sys.exit(main())
