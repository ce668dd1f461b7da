"""What `make dist` builds: the same bytes each time, and an installation that runs without the checkout."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import navarch

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
PARTS = {"navarch": ROOT, "navarch-lab": ROOT / "lab", "navarch-images": ROOT / "images"}
BESIDE_SRC: dict[str, set[str]] = {
    "navarch": {"navarch/console/static/vendor/htmx-4.0.1.min.js"},
    "navarch-lab": {"navarch_lab/openstack.lock"},
    "navarch-images": {"navarch_images/c/pause.c", "navarch_images/go/etcd/go.sum"},
}


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="nv-dist-"))  # pytest's own folders are closed to user postgres
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def built(folder: Path) -> Path:
    run("scripts/dist", folder / "dist", SOURCE_DATE_EPOCH="1700000000")
    return folder / "dist"


@pytest.fixture(scope="module")
def programs(folder: Path, built: Path) -> Path:
    """The programs of an environment of its own, with navarch installed."""
    run(sys.executable, "-m", "venv", folder / "venv")
    install("navarch", built, folder / "venv/bin/pip")
    return folder / "venv/bin"


def install(name: str, built: Path, pip: Path) -> None:
    """With the command that the requirements begin with."""
    requirements = built / f"{name}-{navarch.__version__}-requirements.txt"
    said = re.search(r"^#   pip (install .*)$", requirements.read_text(), re.M)
    assert said is not None
    run(pip, *said[1].replace("FOLDER", str(built)).split(), cwd=built)


def test_another_checkout_at_another_time_gives_the_same_bytes(folder: Path, built: Path) -> None:
    copy = folder / "elsewhere"
    for name in run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
            (copy / name).chmod(0o700 if os.access(ROOT / name, os.X_OK) else 0o600)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    run(copy / "scripts/dist", cwd=copy, SOURCE_DATE_EPOCH="1700000000", TZ="Asia/Tokyo")
    assert (copy / "dist/SHA256SUMS").read_text() == (built / "SHA256SUMS").read_text()


@pytest.mark.parametrize("name", PARTS)
def test_a_wheel_holds_the_whole_package_and_its_licence(built: Path, name: str) -> None:
    part, stem = PARTS[name], f"{name.replace('-', '_')}-{navarch.__version__}"
    tracked = [file for file in run("git", "ls-files", "src", cwd=part).splitlines() if (part / file).exists()]
    with zipfile.ZipFile(built / f"{stem}-py3-none-any.whl") as wheel:
        held = set(wheel.namelist())
    assert {file.removeprefix("src/") for file in tracked} - held == set()
    assert held >= BESIDE_SRC[name]
    assert {f"{stem}.dist-info/licenses/LICENSE", f"{stem}.dist-info/licenses/NOTICE"} <= held
    with tarfile.open(built / f"{stem}.tar.gz") as archive:
        assert {f"{stem}/LICENSE", f"{stem}/NOTICE"} <= {entry.name for entry in archive if entry.isfile()}


@pytest.mark.parametrize("name", PARTS)
def test_the_requirements_pin_every_version_with_hashes_as_the_lock_does(built: Path, name: str) -> None:
    pin = re.compile(r"^([a-z0-9-]+)(?:\[.*\])?==(\S+) \\$", re.M)
    locked = dict(pin.findall((ROOT / "requirements.lock").read_text()))
    text = (built / f"{name}-{navarch.__version__}-requirements.txt").read_text()
    pinned = dict(pin.findall(text))
    assert pinned.pop(name) == navarch.__version__
    assert pinned.items() <= locked.items()
    assert {"openstacksdk"} <= pinned.keys()
    assert not {"pytest", "mypy", "mkdocs-material"} & pinned.keys()
    assert len(re.findall("--hash=sha256:", text)) > len(pinned)


def test_what_was_measured_with_is_installed(programs: Path) -> None:
    listed = json.loads(run(programs / "pip", "list", "--format", "json"))
    assert {"uvloop", "httptools", "navarch"} <= {package["name"] for package in listed}


def test_the_programs_say_their_version_and_their_commands(programs: Path) -> None:
    assert run(programs / "navarch", "--version") == f"navarch {navarch.__version__}\n"
    assert run(programs / "navarch-server", "--version") == f"navarch-server {navarch.__version__}\n"
    assert "worker" in run(programs / "navarch-server", "--help")
    assert "nodegroup" in run(programs / "navarch", "--help")


def test_a_cluster_comes_and_goes_without_the_checkout(folder: Path, programs: Path) -> None:
    """All of Navarch before the simulated cloud: API, worker, PostgreSQL with its schema, command line."""
    module = re.search(r"-m (navarch\.\S+)$", run("make", "-n", "play"), re.M)
    assert module is not None
    state = folder / "play"
    state.mkdir()
    command = [programs / "python", "-m", module[1], "--folder", state, "--speed", "10"]
    with subprocess.Popen(command, cwd=state, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as playing:
        try:
            assert playing.stdout is not None
            said = ""
            while "Ctrl-C" not in said:
                line = playing.stdout.readline()
                assert line, said
                said += line
            exports = dict(word.split("=", 1) for word in re.findall(r"^ *export (.*)$", said, re.M)[0].split())
            del exports["PATH"]
            run(programs / "navarch", "cluster", "create", "demo", "--wait", cwd=state, **exports)
            shown = json.loads(run(programs / "navarch", "cluster", "show", "demo", "-o", "json", cwd=state, **exports))
            assert shown["status"]["phase"] == "Ready"
            run(programs / "navarch", "cluster", "delete", "demo", "--yes", "--wait", cwd=state, **exports)
        finally:
            playing.send_signal(signal.SIGINT)
            playing.wait(60)
    assert playing.returncode == 0


@pytest.mark.parametrize("name", ["navarch-lab", "navarch-images"])
def test_the_lab_and_the_images_may_be_installed_beside_it(built: Path, programs: Path, name: str) -> None:
    install(name, built, programs / "pip")
    assert f"{name} [" in run(programs / name, "--help", cwd=built)
