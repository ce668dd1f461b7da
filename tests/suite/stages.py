"""What `make test` consists of."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

VERSION = "1.37.2"
BUDGET = 45 * 60.0  # seconds for everything where the caches are warm; CI ends a run after 90 minutes
ROOT = Path(__file__).parents[2]
_CHROMIUM = ROOT / "tests" / "browser" / "install-chromium"
_ON_THE_LAB = ("tests/contract", "tests/integration")


def _bin(name: str) -> str:
    """A command of this workspace."""
    return str(Path(sys.executable).with_name(name))


_REGISTER = (_bin("navarch-images"), "register", VERSION, "--cloud", "admin")


@dataclass(frozen=True, slots=True)
class Stage:
    """A command. The stages of a lane run one after the other, in the order of the list; lanes run side by side.
    `after` names stages of other lanes that must have ended well before this one begins.

    `lab`: it gets the variables that `navarch-lab env` prints. `tests`: it runs pytest, once, which times its tests.
    """

    name: str
    lane: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()
    lab: bool = False
    tests: bool = False

    @property
    def slug(self) -> str:
        """Its name in names of files."""
        return "-".join("".join(c if c.isalnum() else " " for c in self.name.lower()).split())


def stages(environ: dict[str, str] | None = None) -> tuple[Stage, ...]:
    """All of them. In CI the lab begins empty."""
    ci = (os.environ if environ is None else environ).get("CI") == "true"
    empty = (_stage("lab: empty", "lab", _bin("navarch-lab"), "destroy"),) if ci else ()
    return (
        # What the lab needs: nothing to do where the caches are warm.
        _stage("packages", "lab", str(ROOT / "demo" / "install-packages")),
        _stage("lab: packages and services", "lab", _bin("navarch-lab"), "install"),
        _stage("Kubernetes from source", "lab", _bin("navarch-images"), "bundle", VERSION),
        _stage("programs of Navarch's own", "lab", _bin("navarch-images"), "tools"),  # the lab's registry among them
        _stage("what looks at images", "lab", _bin("navarch-images"), "tools", "govulncheck"),
        _stage("node image", "lab", _bin("navarch-images"), "node", VERSION),
        *empty,
        _stage("lab: up", "lab", _bin("navarch-lab"), "up"),
        _stage("node image in Glance", "lab", *_REGISTER, lab=True),
        _pytest("contract and integration on the lab", "lab", "-m", "lab", *_ON_THE_LAB, lab=True),
        _pytest("end to end", "lab", "-m", "not proof", "tests/e2e", after=("Chromium",), lab=True),
        _stage("the README's first command: make demo", "lab", sys.executable, "-m", "demo.story", "up"),
        _stage("and its second: make demo-clean", "lab", sys.executable, "-m", "demo.story", "clean"),
        # It needs no lab: this lane is through earlier than the other.
        _pytest("the console in a browser", "lab", "tests/browser", after=("packages", "Chromium")),
        # What needs no lab.
        # After all others that install packages: Debian's package manager works for one at a time.
        _stage("Chromium", "no lab", str(_CHROMIUM), after=("lab: packages and services",)),
        Stage("check", "no lab", (str(ROOT / "scripts" / "check"),), tests=True),
        _pytest("chaos: a simulated cloud in virtual time", "no lab", "tests/chaos"),
        _pytest(
            "integration: PostgreSQL, Kubernetes API",
            "no lab",
            *("-m", "not lab and not proof", *_ON_THE_LAB, "tests/suite"),
            after=("packages", "Kubernetes from source", "programs of Navarch's own", "what looks at images"),
        ),
    )


def _stage(name: str, lane: str, *command: str, after: tuple[str, ...] = (), lab: bool = False) -> Stage:
    return Stage(name, lane, command, after, lab)


def _pytest(name: str, lane: str, *words: str, after: tuple[str, ...] = (), lab: bool = False) -> Stage:
    return Stage(name, lane, (_bin("pytest"), *words), after, lab, tests=True)
