"""MariaDB's first start, and the schema of every service: each made once, and again when its version changes."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from navarch_lab.conf.ini import Context
from navarch_lab.progress import LabError, Progress
from navarch_lab.topology import APIS, DATABASES, REGION


@dataclass(frozen=True, slots=True)
class Schema:
    """The commands that bring one service's schema (and first data) up to date. Each is idempotent."""

    service: str
    commands: tuple[tuple[str, ...], ...]
    environment: tuple[tuple[str, str], ...] = ()
    tolerated: str = ""
    """Output that means "this was done before" although the command failed."""


def schemas(context: Context) -> tuple[Schema, ...]:
    """All schemas, the longest first: they run a few at a time and the longest decides how long all take."""
    etc, bin_folder = context.layout.etc, context.installed.bin
    nova = (f"{bin_folder}/nova-manage", "--config-file", f"{etc}/nova/nova.conf")
    keystone = (f"{bin_folder}/keystone-manage", "--config-file", f"{etc}/keystone/keystone.conf")
    root = ("--keystone-user", "root", "--keystone-group", "root")
    identity = APIS["keystone"]
    return (
        Schema(
            "keystone",
            (
                (*keystone, "db_sync"),
                (*keystone, "fernet_setup", *root),
                (*keystone, "credential_setup", *root),
                (
                    *keystone, "bootstrap", "--bootstrap-region-id", REGION,
                    "--bootstrap-public-url", identity.public_url,
                    "--bootstrap-internal-url", identity.internal_url,
                    "--bootstrap-admin-url", identity.internal_url,
                ),
            ),
            (("OS_BOOTSTRAP_PASSWORD", context.passwords["admin"]),),
        ),
        Schema(
            "nova",
            (
                (*nova, "api_db", "sync"),
                (*nova, "cell_v2", "map_cell0", "--database_connection", context.database_url("nova_cell0")),
                (*nova, "db", "sync"),
                (*nova, "cell_v2", "create_cell", "--name", "cell1"),
            ),
            tolerated="already exists",
        ),
        Schema(
            "neutron",
            ((f"{bin_folder}/neutron-db-manage", "--config-file", f"{etc}/neutron/neutron.conf", "upgrade", "heads"),),
        ),
        Schema(
            "cinder", ((f"{bin_folder}/cinder-manage", "--config-file", f"{etc}/cinder/cinder.conf", "db", "sync"),)
        ),
        Schema(
            "glance",
            ((f"{bin_folder}/glance-manage", "--config-file", f"{etc}/glance/glance-api.conf", "db_sync"),),
        ),
        Schema(
            "octavia",
            (
                (f"{bin_folder}/octavia-db-manage", "--config-file", f"{etc}/octavia/octavia.conf", "upgrade", "head"),
            ),
        ),
        Schema(
            "placement",
            (
                (
                    f"{bin_folder}/placement-manage", "--config-file", f"{etc}/placement/placement.conf",
                    "db", "sync",
                ),
            ),
            (("OS_PLACEMENT_CONFIG_DIR", f"{etc}/placement"),),
        ),
    )  # fmt: skip


def marker(context: Context, service: str) -> Path:
    """Exists when the schema of this very installation is in place."""
    return context.layout.data / "schemas" / f"{service}-{context.installed.venv.name}"


def migrate(context: Context, schema: Schema, environment: Mapping[str, str], progress: Progress) -> None:
    """Run a schema's commands unless they have been run for this installation."""
    done = marker(context, schema.service)
    if done.exists():
        return
    log = context.layout.log / f"schema-{schema.service}.log"
    with progress.step(f"schema of {schema.service}", log):
        for command in schema.commands:
            _run(command, {**environment, **dict(schema.environment)}, log, schema.tolerated)
    done.parent.mkdir(parents=True, exist_ok=True)
    done.touch()


def _run(command: Sequence[str], environment: Mapping[str, str], log: Path, tolerated: str) -> None:
    process = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=dict(environment),
    )
    with log.open("a") as file:
        file.write(process.stdout)
    if process.returncode and not (tolerated and tolerated in process.stdout):
        raise LabError(
            f"{Path(command[0]).name} {command[3] if len(command) > 3 else ''} failed",
            log=log,
            remedy="navarch-lab up again; if it fails in the same way, navarch-lab destroy and start from empty",
        )


def create_mariadb(data: Path, log: Path, progress: Progress) -> None:
    """The empty data folder. A half-made one (no marker) is thrown away and made again."""
    if (data / ".complete").exists():
        return
    if data.exists():
        subprocess.run(["rm", "-rf", str(data)], check=True)
    data.parent.mkdir(parents=True, exist_ok=True)
    with progress.step("MariaDB's data folder", log), log.open("ab") as output:
        command = [
            "mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}",
            "--auth-root-authentication-method=socket", "--skip-test-db",
        ]  # fmt: skip
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
        if done.returncode:
            raise LabError("mariadb-install-db failed", log=log, remedy="is the disk full? Then navarch-lab up again")
    (data / ".complete").touch()


def create_databases(context: Context) -> None:
    """Every database and the one user all services share; harmless when they are there."""
    password = context.passwords["database"]
    text = "".join(f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8;\n" for name in DATABASES)
    text += f"CREATE USER IF NOT EXISTS 'openstack'@'127.0.0.1' IDENTIFIED BY '{password}';\n"
    text += "GRANT ALL ON *.* TO 'openstack'@'127.0.0.1';\n"
    command = ["mariadb", "--no-defaults", "-u", "root", "-S", str(context.layout.mariadb_socket)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"creating databases: {done.stderr.strip()}", log=context.layout.log / "mariadb.log")
