"""Installing what the lab runs: Debian packages, a virtual environment with OpenStack, and OVS/OVN of Debian 13.

Everything but the Debian packages lies in the cache under a name made from its inputs, so it is built once and any
number of labs share it. Nothing is started by installing.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from navarch_lab.layout import Installed, Layout
from navarch_lab.progress import LabError, Progress

DEBIAN_PACKAGES = (
    "mariadb-server",
    "rabbitmq-server",
    "memcached",
    "haproxy",
    "dnsmasq-base",
    "iproute2",
    "ethtool",
    "iptables",
    "qemu-utils",
    "e2fsprogs",
    "util-linux",
    "mmdebstrap",
    "xfsprogs",
    "systemd-container",
    "gcc",
    "libc6-dev",
    "python3-dev",
)
"""gcc and the headers are for uWSGI, which comes as source only."""

UV_VERSION = "0.13.9"
OVS_SUITE = "trixie"
OVS_PACKAGES = ("openvswitch-switch", "ovn-central", "ovn-host")
OVS_PROGRAMS = (
    "ovsdb-server",
    "ovsdb-tool",
    "ovsdb-client",
    "ovs-vswitchd",
    "ovs-vsctl",
    "ovs-ofctl",
    "ovs-appctl",
    "ovs-dpctl",
    "ovn-northd",
    "ovn-controller",
    "ovn-nbctl",
    "ovn-sbctl",
    "ovn-appctl",
)


def lock_file() -> Path:
    """The pinned requirements of the services: beside the package in a wheel, beside `src` in a checkout."""
    packaged = Path(__file__).with_name("openstack.lock")
    return packaged if packaged.exists() else Path(__file__).parents[2] / "openstack.lock"


def digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def venv_path(cache: Path, lock_text: str) -> Path:
    """Where the environment of exactly these requirements and this Python lies."""
    return cache / "venvs" / f"openstack-{digest(lock_text, platform.python_version(), platform.machine())}"


def ovs_path(cache: Path) -> Path:
    return cache / "ovs" / f"{OVS_SUITE}-{digest(OVS_SUITE, *OVS_PACKAGES, *OVS_PROGRAMS)}"


def find(layout: Layout) -> Installed:
    """What is installed; raises LabError with the remedy when something is missing."""
    venv, ovs = venv_path(layout.cache, lock_file().read_text()), ovs_path(layout.cache)
    if not _complete(venv) or not _complete(ovs) or missing_packages(DEBIAN_PACKAGES):
        raise LabError("the lab is not installed, or not at this version", remedy="navarch-lab install")
    return Installed(venv, ovs / "bin", ovs / "usr" / "share")


def install(layout: Layout, progress: Progress) -> Installed:
    """Install what is missing; does nothing when nothing is."""
    logs = layout.cache / "log"
    logs.mkdir(parents=True, exist_ok=True)
    _install_packages(logs / "apt.log", progress)
    _install_ovs(ovs_path(layout.cache), logs / "ovs.log", progress)
    _install_venv(layout.cache, logs / "venv.log", progress)
    return find(layout)


def _complete(folder: Path) -> bool:
    return (folder / ".complete").exists()


def run(command: Sequence[str], log: Path, remedy: str, environment: dict[str, str] | None = None) -> None:
    """Run a command with its output appended to a log; LabError when it fails."""
    with log.open("ab") as output:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, env=environment
        )
    if done.returncode:
        raise LabError(f"{command[0]} failed with exit code {done.returncode}", remedy=remedy, log=log)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Two installs at once would build the same folder: the second waits and finds it done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(path.name + ".lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# -- Debian packages


def missing_packages(wanted: Sequence[str]) -> list[str]:
    listed = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *wanted],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    installed = {line.split()[0] for line in listed.splitlines() if line.endswith(" installed")}
    return [package for package in wanted if package not in installed]


def _install_packages(log: Path, progress: Progress) -> None:
    missing = missing_packages(DEBIAN_PACKAGES)
    if not missing:
        progress.say("Debian packages: all there")
        return
    if os.geteuid() != 0:
        raise LabError(f"Debian packages are missing: {' '.join(missing)}", remedy="run `navarch-lab install` as root")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=600"]
    with progress.step(f"Debian packages ({', '.join(missing)})", log), _nothing_starts():
        remedy = "see the log; are the package sources reachable?"
        run([*apt, "update"], log, remedy, environment)
        run([*apt, "install", "--no-install-recommends", *missing], log, remedy, environment)


@contextmanager
def _nothing_starts() -> Iterator[None]:
    """While packages are installed no service of theirs may start on the host: the lab runs its own."""
    policy = Path("/usr/sbin/policy-rc.d")
    before = policy.read_bytes() if policy.exists() else None
    mode = policy.stat().st_mode if before is not None else 0o755
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        if before is None:
            policy.unlink()
        else:
            policy.write_bytes(before)
            policy.chmod(mode)


# -- OpenStack


def _uv(cache: Path, log: Path) -> Path:
    folder = cache / "tools" / f"uv-{UV_VERSION}"
    if not (folder / "bin" / "uv").exists():
        remedy = "Python's venv module and its package index are needed: apt-get install python3-venv"
        run([sys.executable, "-m", "venv", str(folder)], log, remedy)
        run([str(folder / "bin" / "pip"), "install", "-q", f"uv=={UV_VERSION}"], log, remedy)
    return folder / "bin" / "uv"


def _install_venv(cache: Path, log: Path, progress: Progress) -> None:
    lock = lock_file()
    folder = venv_path(cache, lock.read_text())
    with _only_one(folder):
        if _complete(folder):
            progress.say(f"OpenStack services: {folder}")
            return
        shutil.rmtree(folder, ignore_errors=True)
        with progress.step("OpenStack services (Python packages from openstack.lock)", log):
            uv = str(_uv(cache, log))
            environment = {
                **os.environ,
                "UV_CACHE_DIR": str(cache / "uv"),
                "UV_PYTHON_DOWNLOADS": "never",
                "UV_LINK_MODE": "hardlink",
            }
            remedy = "see the log; is the Python package index reachable? Running it again goes on from its cache"
            run([uv, "venv", "-q", "--python", sys.executable, str(folder)], log, remedy, environment)
            python = str(folder / "bin" / "python")
            sync = [uv, "pip", "sync", "-q", "--python", python, "--require-hashes", "--compile-bytecode", str(lock)]
            run(sync, log, remedy, environment)
        (folder / ".complete").touch()


# -- OVS and OVN


def suite_sources(text: str, suite: str, host_suite: str) -> str:
    """The host's package sources (either apt format) for another suite; entries of third parties are left out."""
    deb822 = any(line.startswith("Types:") for line in text.splitlines())
    entries = text.split("\n\n") if deb822 else text.splitlines()
    kept = [
        entry
        for entry in entries
        if host_suite in entry and "backports" not in entry and not entry.lstrip().startswith("# deb")
    ]
    return ("\n\n" if deb822 else "\n").join(kept).replace(host_suite, suite) + "\n" if kept else ""


def _host_sources(suite: str) -> str:
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if line.count("=") == 1
    )
    host_suite = release.get("VERSION_CODENAME", "bookworm").strip('"')
    candidates = [*sorted(Path("/etc/apt/sources.list.d").glob("*.sources")), Path("/etc/apt/sources.list")]
    for path in candidates:
        if path.exists() and (text := suite_sources(path.read_text(), suite, host_suite)):
            return text
    return ""


def _wrapper(tree: Path, program: str) -> str:
    """A Debian 13 program on a Debian 12 host: started by its own dynamic linker, with its own libraries."""
    places = (f"usr/lib/openvswitch-switch/{program}", f"usr/sbin/{program}", f"usr/bin/{program}")
    path = next((tree / place for place in places if (tree / place).is_file()), None)
    if path is None:
        raise LabError(f"{program} is not in the {OVS_SUITE} packages", remedy="report this: the packages changed")
    machine = f"{platform.machine()}-linux-gnu"
    libraries = tree / "usr/lib" / machine
    linker = next(iter(sorted(libraries.glob("ld-linux-*.so.*"))), None)
    if linker is None:
        raise LabError(f"no dynamic linker in {libraries}", remedy="navarch-lab install again; see the log")
    return f'#!/bin/sh\nexec {linker} --argv0 {program} --library-path {libraries} {path} "$@"\n'


def _install_ovs(folder: Path, log: Path, progress: Progress) -> None:
    with _only_one(folder):
        if _complete(folder):
            progress.say(f"OVS and OVN: {folder}")
            return
        shutil.rmtree(folder, ignore_errors=True)
        with progress.step(f"OVS and OVN of Debian 13 (Debian 12's ovs-vswitchd aborts under load) -> {folder}", log):
            work = folder.with_name(folder.name + ".work")
            work.mkdir(parents=True, exist_ok=True)
            options = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
            kept = [line for line in options.splitlines() if line.startswith("Acquire::")]
            (work / "apt.conf").write_text("\n".join(kept) + "\n")
            (work / "debian.sources").write_text(_host_sources(OVS_SUITE))
            sources = [str(work / "debian.sources")] if (work / "debian.sources").stat().st_size else []
            command = ["mmdebstrap", "--variant=extract", f"--aptopt={work / 'apt.conf'}"]
            include = f"--include={','.join(OVS_PACKAGES)}"
            remedy = "see the log; are the package sources reachable?"
            run([*command, include, OVS_SUITE, str(folder), *sources], log, remedy)
            shutil.rmtree(work)
            programs = folder / "bin"
            if programs.is_symlink():
                programs.unlink()
            programs.mkdir(exist_ok=True)
            for program in OVS_PROGRAMS:
                path = programs / program
                path.write_text(_wrapper(folder, program))
                path.chmod(0o755)
        (folder / ".complete").touch()
