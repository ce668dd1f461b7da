"""MariaDB's first start, and the schema of every service.

The schemas of one installation are always the same, and bringing them about costs more than a minute of CPU. So the
first lab keeps what came out, and every later one loads it. Nothing of a lab is in there: no password, user, address.
"""

import gzip
import hashlib
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from navarch_lab import processes
from navarch_lab.conf.ini import Context
from navarch_lab.credentials import write_private
from navarch_lab.progress import LabError, Progress
from navarch_lab.topology import APIS, REGION

_AGAIN = "navarch-lab up again; if it fails in the same way, navarch-lab destroy and start from empty"


@dataclass(frozen=True, slots=True)
class Schema:
    """How one service's databases get their tables, and their first rows."""

    service: str
    databases: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    """Bring the tables up to date; the same in every lab. Each is idempotent."""
    first_rows: tuple[tuple[str, ...], ...] = ()
    """Run in every new lab, after the tables are there. Each is idempotent."""
    environment: tuple[tuple[str, str], ...] = ()
    tolerated: str = ""
    """Output that means "this was done before" although the command failed."""


def schemas(context: Context) -> tuple[Schema, ...]:
    """All schemas, the longest first: a few are made at a time and the longest decides how long all take."""
    etc, bin_folder = context.layout.etc, context.installed.bin
    nova = (f"{bin_folder}/nova-manage", "--config-file", f"{etc}/nova/nova.conf")
    keystone = (f"{bin_folder}/keystone-manage", "--config-file", f"{etc}/keystone/keystone.conf")
    identity = APIS["keystone"]
    # nova fills these in from its own settings, so that no lab's password is written into its database.
    database = "{scheme}://{username}:{password}@{hostname}:{port}/%s?{query}"
    transport = "{scheme}://{username}:{password}@{hostname}:{port}/"

    def simple(service: str, program: str, file: str, *words: str, **environment: str) -> Schema:
        command = (f"{bin_folder}/{program}", "--config-file", f"{etc}/{service}/{file}", *words)
        return Schema(service, (service,), (command,), environment=tuple(environment.items()))

    return (
        Schema(
            "keystone",
            ("keystone",),
            ((*keystone, "db_sync"),),
            (
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
            ("nova_api", "nova_cell0", "nova_cell1"),
            (
                (*nova, "api_db", "sync"),
                (*nova, "cell_v2", "map_cell0", "--database_connection", database % "nova_cell0"),
                (*nova, "db", "sync"),
                (
                    *nova, "cell_v2", "create_cell", "--name", "cell1",
                    "--database_connection", database % "nova_cell1", "--transport-url", transport,
                ),
            ),
            tolerated="already exists",
        ),
        simple("neutron", "neutron-db-manage", "neutron.conf", "upgrade", "heads"),
        simple("cinder", "cinder-manage", "cinder.conf", "db", "sync"),
        simple("glance", "glance-manage", "glance-api.conf", "db_sync"),
        simple("octavia", "octavia-db-manage", "octavia.conf", "upgrade", "head"),
        simple(
            "placement", "placement-manage", "placement.conf", "db", "sync",
            OS_PLACEMENT_CONFIG_DIR=f"{etc}/placement",
        ),
    )  # fmt: skip


def marker(context: Context, service: str) -> Path:
    """Exists when the schema of this very installation is in place."""
    return context.layout.data / "schemas" / f"{service}-{context.installed.venv.name}"


def kept(context: Context, schema: Schema) -> Path:
    """Where the tables of this schema, of this installation, are kept for later labs."""
    recipe = repr([[Path(word).name for word in command] for command in schema.commands])
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    folder = context.layout.cache / "schemas" / context.installed.venv.name
    return folder / f"{schema.service}-{digest}.sql.gz"


def ensure_schema(context: Context, schema: Schema, environment: Mapping[str, str], progress: Progress) -> None:
    """Bring the service's databases to this installation's schema, with their first rows, unless they are."""
    done = marker(context, schema.service)
    if done.exists():
        return
    log = context.layout.log / f"schema-{schema.service}.log"
    variables = {**environment, **dict(schema.environment)}
    done.parent.mkdir(parents=True, exist_ok=True)
    loading = done.with_name(f"{schema.service}-loading")
    if loading.exists():
        _sql(context, "".join(f"DROP DATABASE IF EXISTS {name};\n" for name in schema.databases))
        loading.unlink()
    _sql(context, "".join(f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8;\n" for name in schema.databases))
    stored = kept(context, schema)
    if stored.exists() and _empty(context, schema):
        with progress.step(f"schema of {schema.service}, as kept"):
            loading.touch()
            _sql(context, gzip.decompress(stored.read_bytes()).decode())
            loading.unlink()
    else:
        fresh = _empty(context, schema)
        with progress.step(f"schema of {schema.service}", log):
            for command in schema.commands:
                _run(command, variables, log, schema.tolerated)
        if fresh:
            _keep(context, schema, stored)
    if schema.service == "keystone":
        make_keys(context.layout.data / "keystone" / "fernet-keys")
        make_keys(context.layout.data / "keystone" / "credential-keys")
    for command in schema.first_rows:
        with progress.step(f"first rows of {schema.service}", log):
            _run(command, variables, log, schema.tolerated)
    done.touch()


def make_keys(folder: Path) -> None:
    """A repository of keystone's Fernet keys as its own tool lays it out: 0 is staged, 1 is in use."""
    for name in ("0", "1"):
        if not (folder / name).exists():
            write_private(folder / name, Fernet.generate_key().decode())


def _keep(context: Context, schema: Schema, path: Path) -> None:
    socket = f"--socket={context.layout.mariadb_socket}"
    command = ["mariadb-dump", "--no-defaults", "--user=root", socket, "--single-transaction", "--skip-comments"]
    done = subprocess.run([*command, "--databases", *schema.databases], capture_output=True, check=False)
    if done.returncode:
        return  # the next lab makes it anew: slower, not wrong
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(gzip.compress(done.stdout))
    temporary.rename(path)


def _empty(context: Context, schema: Schema) -> bool:
    names = ",".join(f"'{name}'" for name in schema.databases)
    count = _sql(context, f"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema IN ({names});\n")
    return count.split()[-1] == "0"


def _run(command: Sequence[str], environment: Mapping[str, str], log: Path, tolerated: str) -> None:
    process = processes.run_first(command, environment, nice=-10)
    with log.open("a") as file:
        file.write(process.stdout)
    if process.returncode and not (tolerated and tolerated in process.stdout):
        words = " ".join(word for word in command[3:5] if not word.startswith("-"))
        raise LabError(f"{Path(command[0]).name} {words} failed", log=log, remedy=_AGAIN)


def create_mariadb(data: Path, log: Path, progress: Progress) -> None:
    """The empty data folder. A half-made one (no marker) is thrown away and made again."""
    if (data / ".complete").exists():
        return
    if data.exists():
        shutil.rmtree(data)
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


def create_user(context: Context) -> None:
    """The one user all services share; harmless when it is there."""
    password = context.passwords["database"]
    text = f"CREATE USER IF NOT EXISTS 'openstack'@'127.0.0.1' IDENTIFIED BY '{password}';\n"
    _sql(context, text + "GRANT ALL ON *.* TO 'openstack'@'127.0.0.1';\n")


def _sql(context: Context, text: str) -> str:
    """Run statements as MariaDB's root, whom it knows by the socket."""
    command = ["mariadb", "--no-defaults", "-u", "root", "-S", str(context.layout.mariadb_socket)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"MariaDB refuses: {done.stderr.strip()}", log=context.layout.log / "mariadb.log")
    return done.stdout
