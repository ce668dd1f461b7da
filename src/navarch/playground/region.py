"""A whole Navarch on this machine in a folder of its own: PostgreSQL, API and workers before a simulated cloud.

For trying (`navarch.playground`) and measuring (`benchmarks.scale`). It needs neither root nor a lab, and begins with
nothing at every start: the cloud forgets when it ends, so its clusters are not kept either.
"""

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Any

import yaml

from navarch.operate.keys import make_certificates, make_keys
from navarch.store.local_postgres import CannotStart, LocalPostgres

_HOST = "127.0.0.1"
_START_SECONDS, _STOP_SECONDS = 60.0, 40.0
_LOG_LINES = 15
_BEHIND_THE_SCENES = 5  # nice value, a third of the others' share: whoever waits for the API's answer goes first


class PlaygroundError(Exception):
    """It cannot be started, or a part of it ended: the message says which, `log` is the end of what that part said."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to start. `projects` are names, each with a user of the same name; the rest is as in the simulator's and
    the server's options. `durable`: PostgreSQL survives a power cut, as it has to where speed is measured. `console`:
    with the web pages. `renderer`: the program navarch-render; with it, the add-ons in the folder `entries` can be
    chosen."""

    projects: tuple[str, ...] = ("alpha", "beta")
    apis: int = 1
    workers: int = 1
    worker_threads: int = 24
    worker_calls: int = 24
    boot_seconds: float = 3.0
    speed: float = 1.0
    faults: float = 0.0
    doomed: str = ""
    durable: bool = False
    console: bool = False
    renderer: Path | None = None
    entries: Path | None = None


class Playground:
    """The processes in `folder`. Who starts it stops it; a second start ends what the first left running."""

    def __init__(self, folder: Path, wanted: Wanted) -> None:
        self.folder, self.wanted = folder.absolute(), wanted
        self.keys, self.settings = self.folder / "keys", self.folder / "navarch.toml"
        self.clouds, self.socket = self.folder / "clouds.yaml", self.folder / "simulator.sock"
        self.postgres = LocalPostgres(self.folder / "postgres", durable=wanted.durable)
        self.url = self.openstack = ""  # of the API, of the simulated cloud (host:port)
        self.console_url = ""
        self.urls: tuple[str, ...] = ()  # one for each API process; `url` is the first
        self._machines_ports: list[int] = []
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock: IO[str] | None = None

    @property
    def auth_url(self) -> str:
        """The simulated Keystone's."""
        return f"https://{self.openstack}/identity/v3"

    @property
    def names(self) -> tuple[str, ...]:
        """Its processes beside PostgreSQL, in the order to start them."""
        apis = ("api", *(f"api-{n}" for n in range(2, self.wanted.apis + 1)))
        workers = (f"worker-{n}" for n in range(1, self.wanted.workers + 1))
        return "simulator", *apis, *workers, *(("console",) if self.wanted.console else ())

    # -- starting and stopping

    def start(self) -> None:
        """Have everything running and answering. Raises PlaygroundError, and leaves nothing running then."""
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        if not self._locked():
            raise PlaygroundError(f"another one is running in {self.folder}: end it first")
        self._end_all()
        try:
            self._prepare()
            self.postgres.start()
            for name in self.names:
                self.start_process(name)
            self._until("Navarch's API and its worker are ready", self._ready)
            self._fill_catalogue()
        except (CannotStart, OSError) as error:
            self.stop()
            raise PlaygroundError(str(error)) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything that runs here, also what another start left, and who started it if that still runs. Nothing
        is left running."""
        if not self.folder.exists():
            return
        end = monotonic() + _STOP_SECONDS
        while not self._locked() and monotonic() < end:
            self._ask_starter_to_end()
            sleep(0.2)
        self._end_all()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _locked(self) -> bool:
        """Have the folder to ourselves, unless another process has. It goes with this process, however that ends."""
        if self._lock is not None:
            return True
        lock = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return False
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock
        return True

    def _ask_starter_to_end(self) -> None:
        try:
            os.kill(int((self.folder / "lock").read_text()), signal.SIGTERM)
        except (OSError, ValueError):
            return  # it ended by itself, or is just beginning

    def _end_all(self) -> None:
        pids = {name: self.pid(name) for name in self._names_on_disk()}
        for pid in pids.values():
            if pid is not None:
                os.kill(pid, signal.SIGTERM)
        for name in pids:
            self._until_gone(name)
        self._running.clear()
        self.postgres.stop()

    def start_process(self, name: str) -> None:
        """One of `names`, or a further worker."""
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                self._command(name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for who started us: the order of the end is ours
                cwd="/",
            )
        if name.startswith("worker"):
            _give_way(process.pid)  # as deploy/systemd has it for workers
        self._running[name] = process
        (self.folder / f"{name}.pid").write_text(f"{process.pid}\n")

    def kill(self, name: str) -> None:
        """Let a process die without a word."""
        self._running[name].kill()
        self._running.pop(name).wait()

    def pid(self, name: str) -> int | None:
        """PID of a running process of ours, or None."""
        try:
            pid = int((self.folder / f"{name}.pid").read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, ValueError, IndexError):
            return None
        return pid if state != "Z" and str(self.folder).encode() in words else None

    def check(self) -> None:
        """Raises PlaygroundError where a process ended by itself."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise PlaygroundError(f"{name} {_how_it_ended(process.returncode)}", self._log_end(name))

    def log(self, name: str) -> Path:
        """Log of a process."""
        return self.folder / f"{name}.log"

    def environment(self, project: str) -> dict[str, str]:
        """What `navarch` and other OpenStack tools need to act as a project's user, and `navarch-play` to find us."""
        return {"OS_CLIENT_CONFIG_FILE": str(self.clouds), "OS_CLOUD": project, "NAVARCH_PLAY": str(self.folder)}

    def password(self) -> str:
        """That of every user of the simulated cloud."""
        return (self.keys / "cloud.password").read_text()

    # -- details

    def _prepare(self) -> None:
        """Keys, certificate, settings, clouds.yaml; the last world's database and logs go."""
        shutil.rmtree(self.folder / "postgres", ignore_errors=True)
        for left in (*self.folder.glob("*.log"), *self.folder.glob("*.pid"), *self.folder.glob("*.sock")):
            left.unlink()
        make_keys(self.keys)
        make_certificates(self.keys, (_HOST,))
        password = self.keys / "cloud.password"
        if not password.exists():
            password.touch(mode=0o600)
            password.write_text(secrets.token_urlsafe(12))
        shutil.copy(password, self.keys / "api.password")  # all users of the simulated cloud have one password
        cloud, console, *ports = _free_ports(2 + 2 * self.wanted.apis)
        ports, self._machines_ports = ports[: self.wanted.apis], ports[self.wanted.apis :]
        self.console_url = f"https://{_HOST}:{console}"
        self.urls, self.openstack = tuple(f"https://{_HOST}:{port}" for port in ports), f"{_HOST}:{cloud}"
        self.url = self.urls[0]
        self.settings.write_text(_toml(self._settings(ports[0], console)))
        self.clouds.touch(mode=0o600)
        entries = {name: self._entry(name, password.read_text()) for name in (*self.wanted.projects, "admin")}
        self.clouds.write_text(yaml.safe_dump({"clouds": entries}))

    def _settings(self, port: int, console_port: int) -> dict[str, dict[str, object]]:
        return {
            "api": {
                "certificate": "keys/api.crt",
                "key": "keys/api.key",
                "certificate_ca": "keys/ca.crt",
                "public_url": self.url,
                "password_file": "keys/api.password",
                "listen": _HOST,
                "port": port,
                "machines_listen": _HOST,
                "machines_port": self._machines_ports[0],
            },
            "cloud": {
                "simulator": str(self.socket),
                "auth_url": self.auth_url,
                "password_file": "keys/cloud.password",
                "ca_file": str(self.keys / "ca.crt"),
            },
            # Of nobody: so that plans show what they show where an operator gives prices.
            "prices": {
                "currency": "EUR",
                "flavor_hour": ["m1.small=0.021", "m1.medium=0.042", "m1.large=0.084"],
                "volume_gib_month": ["ssd=0.10", "*=0.06"],
                "balancer_hour": "0.012",
                "floating_address_hour": "0.004",
            },
            "keys": {
                "sealing_file": "keys/sealing.key",
                "report_file": "keys/report.key",
                "worker_file": "keys/worker.key",
            },
            "database": {"private_folder": "postgres"},
            "catalogue": {"renderer": str(self.wanted.renderer)} if self.wanted.renderer is not None else {},
            "console": {"listen": _HOST, "port": console_port, "sealing_file": "keys/console.key"},
            "worker": {
                "threads": self.wanted.worker_threads,
                "calls": self.wanted.worker_calls,
                "api_source_cidrs": [f"{_HOST}/32"],
                "upgrades_spread_minutes": 0,
            },
        }

    def _fill_catalogue(self) -> None:
        """Offer add-ons, where there is what renders them. Raises PlaygroundError where an entry is not good."""
        if self.wanted.renderer is None or self.wanted.entries is None:
            return
        server = str(Path(sys.executable).parent / "navarch-server")
        command = [server, "--config", str(self.settings), "catalogue", "add", str(self.wanted.entries)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PlaygroundError("the catalogue could not be filled", f"{done.stdout}{done.stderr}")

    def _entry(self, name: str, password: str) -> dict[str, Any]:
        return {
            "auth": {
                "auth_url": self.auth_url,
                "username": name,
                "password": password,
                "project_name": name,
                "user_domain_name": "Default",
                "project_domain_name": "Default",
            },
            "region_name": "RegionOne",
            "cacert": str(self.keys / "ca.crt"),
        }

    def _command(self, name: str) -> list[str]:
        if name != "simulator":
            role, _, number = name.partition("-")
            command = [str(Path(sys.executable).parent / "navarch-server"), "--config", str(self.settings), role]
            if role == "api" and number:
                place = int(number) - 1
                command += ["--port", self.urls[place].rpartition(":")[2]]
                command += ["--machines-port", str(self._machines_ports[place])]
            return command
        wanted = self.wanted
        options = {
            "--listen": self.socket,
            "--speed": wanted.speed,
            "--boot-seconds": wanted.boot_seconds,
            "--faults": wanted.faults,
            "--doomed": wanted.doomed,
            "--openstack": self.openstack,
            "--certificate": self.keys / "api.crt",
            "--key": self.keys / "api.key",
            "--password-file": self.keys / "cloud.password",
            "--navarch-url": f"{self.url}/kaas/v1",
        }
        words = [f"{name}={value}" for name, value in options.items()]
        words += [f"--project={project}" for project in wanted.projects]
        return [sys.executable, "-m", "navarch.simulator.process", *words]

    def _ready(self) -> bool:
        """Whether every API process answers and a worker has read what the cloud offers."""
        return all(self._answers(url) for url in self.urls) and (not self.wanted.console or self._shows_pages())

    def _answers(self, url: str) -> bool:
        context = ssl.create_default_context(cafile=str(self.keys / "ca.crt"))
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5, context=context) as answer:  # noqa: S310
                return bool(json.load(answer)["checks"]["offer"] == "read")
        except (urllib.error.URLError, OSError):
            return False

    def _shows_pages(self) -> bool:
        context = ssl.create_default_context(cafile=str(self.keys / "ca.crt"))
        try:
            with urllib.request.urlopen(f"{self.console_url}/healthz", timeout=5, context=context) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _names_on_disk(self) -> list[str]:
        return [path.stem for path in self.folder.glob("*.pid")]

    def _until(self, what: str, so: Callable[[], bool]) -> None:
        end = monotonic() + _START_SECONDS
        while not so():
            self.check()
            if monotonic() > end:
                raise PlaygroundError(f"not so after {_START_SECONDS:.0f} s: {what}")
            sleep(0.1)

    def _until_gone(self, name: str) -> None:
        end = monotonic() + _STOP_SECONDS
        while (pid := self.pid(name)) is not None:
            process = self._running.get(name)
            if process is not None:
                process.poll()
            if monotonic() > end:
                os.kill(pid, signal.SIGKILL)
            sleep(0.05)

    def _log_end(self, name: str) -> str:
        return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-_LOG_LINES:])


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended with {code}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"


def _give_way(pid: int) -> None:
    """Let others go first. Linux weighs sessions against each other, where it does, and processes only within one."""
    os.setpriority(os.PRIO_PROCESS, pid, _BEHIND_THE_SCENES)
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(_BEHIND_THE_SCENES))


def _free_ports(count: int) -> list[int]:
    listeners = [socket.create_server((_HOST, 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def _toml(values: dict[str, dict[str, object]]) -> str:
    lines = []
    for section, entries in values.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in entries.items()]
        lines.append("")
    return "\n".join(lines)
