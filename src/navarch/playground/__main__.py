"""`make play`: a Navarch to play with, in seconds, without root and without a lab.

    python -m navarch.playground [--folder FOLDER] [--speed N]     until Ctrl-C
    python -m navarch.playground --stop [--folder FOLDER]

The cloud, its machines and their Kubernetes are simulated; everything else is what a real installation runs.
"""

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path
from threading import Event
from time import monotonic
from types import FrameType

from navarch.playground.folder import default_folder
from navarch.playground.region import Playground, PlaygroundError, Wanted

_LOOKS_EVERY = 1.0  # seconds, whether all processes still run


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m navarch.playground", description="A Navarch to play with.")
    parser.add_argument("--folder", type=Path, default=default_folder(), help="for everything it keeps (%(default)s)")
    parser.add_argument("--boot-seconds", type=float, default=3.0, help="from a running server to its first word")
    parser.add_argument("--speed", type=float, default=2.0, help="how much faster than the clock the cloud is")
    parser.add_argument(
        "--faults", type=float, default=0.0, help="share of the cloud's answers that are faults, 0 to 1"
    )
    parser.add_argument("--renderer", type=Path, default=_renderer(), help="navarch-render, for add-ons (%(default)s)")
    parser.add_argument("--stop", action="store_true", help="end what runs in the folder")
    options = parser.parse_args()
    entries = Path(__file__).parents[3] / "addons"  # of a checkout; a wheel has none
    wanted = Wanted(
        boot_seconds=options.boot_seconds,
        speed=options.speed,
        faults=options.faults,
        console=True,
        renderer=options.renderer,
        entries=entries if entries.is_dir() else None,
    )
    playground = Playground(options.folder, wanted)
    try:
        if options.stop:
            playground.stop()
        else:
            _play(playground)
    except PlaygroundError as error:
        if error.log:  # before the message, which would be lost above it
            print(error.log, file=sys.stderr)
        sys.exit(f"play: {error}")


def _renderer() -> Path | None:
    """What `navarch-images tools` built, or what is installed; None: add-ons cannot be tried."""
    built = Path(os.environ.get("NAVARCH_CACHE", "/var/cache/navarch")) / "tools" / "navarch-render"
    found = shutil.which("navarch-render")
    return built if built.is_file() else Path(found) if found else None


def _play(playground: Playground) -> None:
    began, ended = monotonic(), Event()

    def asked(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked)
    playground.start()
    try:
        print(_words(playground, monotonic() - began), flush=True)
        while not ended.wait(_LOOKS_EVERY):
            playground.check()
    except PlaygroundError as error:
        raise PlaygroundError(f"{error}: everything else was ended, too", error.log) from error
    finally:
        playground.stop()
    print("play: everything has ended", flush=True)


def _words(playground: Playground, seconds: float) -> str:
    project = playground.wanted.projects[0]
    exports = " ".join(f"{name}={value}" for name, value in playground.environment(project).items())
    program = Path(sys.executable).parent
    others = ", ".join(playground.wanted.projects[1:])
    return f"""\
Navarch is ready after {seconds:.0f} s: {playground.url}, and a simulated cloud with projects {project}, {others}.

The console: {playground.console_url}, user {project}, password {playground.password()}.
Browsers warn of its certificate once: it is of a CA of this playground's own, {playground.keys / "ca.crt"}.

In another terminal:

  export PATH={program}:$PATH {exports}
  navarch cluster create demo --wait
  navarch cluster show demo
  navarch cluster timeline demo
  navarch nodegroup scale default 5 -c demo --wait
  navarch cluster delete demo --yes --wait

Logs and state: {playground.folder}. Ctrl-C ends everything, as does `make play-stop`; clusters are not kept."""


if __name__ == "__main__":
    main()
