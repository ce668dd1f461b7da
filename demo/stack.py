"""A Navarch on the lab: keys, settings, its place in Keystone's catalogue, and its processes.

State in one folder; every process is recorded with its PID and ended by it. PostgreSQL is Navarch's private one.
"""

import json
import os
import secrets
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from demo.steps import StepFailed, tail, until

_API_USER = "navarch-api"

HOST = "198.51.100.1"  # this machine, as the lab's machines see it
PORT = 9443
PROCESSES = ("api", "worker")
CONSOLE = "console"  # for people alone: what only needs a Navarch does not start it
CONSOLE_PORT = 9447
RENDERER = Path(os.environ.get("NAVARCH_CACHE", "/var/cache/navarch"), "tools", "navarch-render")


@dataclass(frozen=True, slots=True)
class Lab:
    """The lab as its `env` command describes it. `registry`: of container images; empty where it has none."""

    clouds_file: Path
    ca_file: Path
    registry: str = ""

    def cloud(self, name: str) -> dict[str, dict[str, str]]:
        """The entry of that name in clouds.yaml."""
        entry: dict[str, dict[str, str]] = yaml.safe_load(self.clouds_file.read_text())["clouds"][name]
        return entry

    def connect(self, name: str) -> Any:
        """OpenStack as that user: an openstacksdk connection, whatever the environment says."""
        return connect(self.clouds_file, name)

    def environment(self, cloud: str) -> dict[str, str]:
        """What an OpenStack tool needs to act as that user."""
        return {"OS_CLIENT_CONFIG_FILE": str(self.clouds_file), "OS_CLOUD": cloud}


def connect(clouds_file: Path, name: str) -> Any:
    """An openstacksdk connection as a user of a clouds.yaml."""
    import openstack.config
    from openstack.connection import Connection

    settings = openstack.config.OpenStackConfig(config_files=[str(clouds_file)], load_envvars=False)
    return Connection(config=settings.get_one(cloud=name))


def command(name: str) -> str:
    """A command of this workspace."""
    return str(Path(sys.executable).parent / name)


def find_lab() -> Lab:
    """The running lab. Raises StepFailed where there is none."""
    asked = subprocess.run([command("navarch-lab"), "env"], capture_output=True, text=True, check=False)
    if asked.returncode:
        raise StepFailed(f"no lab: {asked.stderr.strip()}\nStart one with: navarch-lab up")
    values = dict(
        line.removeprefix("export ").split("=", 1) for line in asked.stdout.splitlines() if line.startswith("export ")
    )
    return Lab(Path(values["OS_CLIENT_CONFIG_FILE"]), Path(values["OS_CACERT"]), values.get("NAVARCH_REGISTRY", ""))


class Stack:
    """Navarch's own processes, beside the lab."""

    def __init__(
        self, folder: Path, lab: Lab, *, host: str = HOST, port: int = PORT, worker: Mapping[str, object] | None = None
    ) -> None:
        """`worker`: more settings of the worker."""
        self.folder, self.lab, self.host, self.port = folder, lab, host, port
        self.keys = folder / "keys"
        self._worker = {"api_source_cidrs": [f"{host}/32"], **(worker or {})}
        self._started: dict[str, subprocess.Popen[bytes]] = {}  # our own children have to be waited for
        self.settings = folder / "navarch.toml"

    @property
    def url(self) -> str:
        """Where people reach it."""
        return f"https://{self.host}:{self.port}"

    @property
    def console_url(self) -> str:
        """Where the console's pages are, once it was started."""
        return f"https://{self.host}:{CONSOLE_PORT}"

    @property
    def ca_file(self) -> Path:
        """The CA of its certificate."""
        return self.keys / "ca.crt"

    def prepare(self) -> None:
        """Keys, certificate, settings, clouds.yaml that trusts both CAs, service and endpoint in Keystone."""
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        subprocess.run(
            [command("navarch-server"), "keys", "make", str(self.keys), "--certificate-for", self.host],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        cloud = self.lab.cloud("navarch")
        password = self.keys / "cloud.password"
        password.touch(mode=0o600)
        password.write_text(cloud["auth"]["password"])
        values: dict[str, dict[str, object]] = {
            "api": {
                "certificate": "keys/api.crt",
                "key": "keys/api.key",
                "certificate_ca": "keys/ca.crt",
                "public_url": self.url,
                "password_file": "keys/api.password",
                "listen": self.host,
                "port": self.port,
                "machines_listen": self.host,
            },
            "cloud": {
                "auth_url": cloud["auth"]["auth_url"],
                "password_file": "keys/cloud.password",
                "region": cloud["region_name"],
                "ca_file": str(self.lab.ca_file),
            },
            "keys": {
                "sealing_file": "keys/sealing.key",
                "report_file": "keys/report.key",
                "worker_file": "keys/worker.key",
            },
            "catalogue": {"renderer": str(RENDERER)},
            "database": {"private_folder": "postgres"},
            "worker": self._worker,
            "console": {"listen": self.host, "port": CONSOLE_PORT, "sealing_file": "keys/console.key"},
        }
        if self.lab.registry:
            values["images"] = {"registry": self.lab.registry, "ca_file": str(self.lab.ca_file)}
        self.settings.write_text(_toml(values))
        bundle = self.folder / "ca-bundle.crt"  # people's tools speak to OpenStack and to Navarch with one CA setting
        bundle.write_text(self.lab.ca_file.read_text() + self.ca_file.read_text())
        clouds = yaml.safe_load(self.lab.clouds_file.read_text())
        for entry in clouds["clouds"].values():
            entry["cacert"] = str(bundle)
        clouds_file = self.folder / "clouds.yaml"
        clouds_file.touch(mode=0o600)
        clouds_file.write_text(yaml.safe_dump(clouds))
        self.register()

    def environment(self, cloud: str = "alpha") -> dict[str, str]:
        """What `navarch` and other OpenStack tools need to act as a customer."""
        return {
            "OS_CLIENT_CONFIG_FILE": str(self.folder / "clouds.yaml"),
            "OS_CLOUD": cloud,
            "OS_CACERT": str(self.folder / "ca-bundle.crt"),  # one left in the environment would win over clouds.yaml's
        }

    def register(self) -> None:
        """Have service type `kubernetes` with this endpoint in Keystone's catalogue."""
        admin = self.lab.connect("admin")
        identity = admin.identity
        service = next(iter(identity.services(type="kubernetes")), None)
        if service is None:
            service = identity.create_service(type="kubernetes", name="navarch", description="Kubernetes as a service")
        url = f"{self.url}/kaas/v1"
        region = self.lab.cloud("admin")["region_name"]
        endpoints = list(identity.endpoints(service_id=service.id, interface="public"))
        for endpoint in endpoints:
            if endpoint.url != url:
                identity.update_endpoint(endpoint, url=url)
        if not endpoints:
            identity.create_endpoint(service_id=service.id, interface="public", url=url, region_id=region)
        self._ensure_api_user(identity)
        admin.close()

    def _ensure_api_user(self, identity: Any) -> None:
        """The user that validates tokens: `reader` on the system, and nothing else."""
        file = self.keys / "api.password"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24))
        password = file.read_text()
        user = next(iter(identity.users(name=_API_USER, domain_id="default")), None)
        if user is None:
            user = identity.create_user(name=_API_USER, password=password, domain_id="default")
        else:
            identity.update_user(user, password=password)
        role = next(iter(identity.roles(name="reader")))
        identity.put(f"/system/users/{user.id}/roles/{role.id}")

    def start(self, *names: str) -> None:
        """Have these processes running (all by default) and answering."""
        subprocess.run([command("navarch-server"), "--config", str(self.settings), "database", "start"], check=True)
        for name in names or PROCESSES:
            if self.pid(name) is None:
                self._spawn(name)
        if "api" in (names or PROCESSES):
            until("Navarch's API is ready", self._answers, seconds=60, every=0.2)

    def stop(self, *names: str, database: bool = True) -> None:
        """End these processes (all by default), and PostgreSQL with the last of them."""
        going = names or (*PROCESSES, CONSOLE)
        for name in going:
            self.signal(name, signal.SIGTERM)
        for name in going:
            until(f"{name} ended", partial(self._ended, name), seconds=40, every=0.1)
            if name in self._started:
                self._started.pop(name).wait()
        if database and not any(self.pid(n) for n in (*PROCESSES, CONSOLE)) and self.settings.exists():
            subprocess.run([command("navarch-server"), "--config", str(self.settings), "database", "stop"], check=True)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one of ours, by its recorded PID."""
        pid = self.pid(name)
        if pid is not None:
            os.kill(pid, number)

    def pid(self, name: str) -> int | None:
        """PID of a running process of ours, or None."""
        try:
            pid = int((self.folder / f"{name}.pid").read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, ValueError, IndexError):
            return None
        ours = name.encode() in words and str(self.settings).encode() in words
        return pid if ours and state != "Z" else None

    def _ended(self, name: str) -> bool:
        return self.pid(name) is None

    def log(self, name: str) -> Path:
        """Log of a process."""
        return self.folder / f"{name}.log"

    def _spawn(self, name: str) -> None:
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                [command("navarch-server"), "--config", str(self.settings), name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        self._started[name] = process
        (self.folder / f"{name}.pid").write_text(f"{process.pid}\n")

    def _answers(self) -> bool:
        started = self._started.get("api")
        # /proc shows no words of a process that is just about to be another program.
        if self.pid("api") is None and (started is None or started.poll() is not None):
            raise StepFailed(f"Navarch's API ended\n{tail(self.log('api'))}")
        context = ssl.create_default_context(cafile=str(self.ca_file))
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5, context=context) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _toml(values: dict[str, dict[str, object]]) -> str:
    lines = []
    for section, entries in values.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in entries.items()]
        lines.append("")
    return "\n".join(lines)
