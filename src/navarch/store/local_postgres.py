"""A PostgreSQL of one's own in a data folder: for trying, developing and testing, and for small installations.

It listens on a Unix socket in that folder and nowhere else, uses little memory, and goes on running when the process
that started it ends. Needs PostgreSQL's server programs (Debian: `apt-get install postgresql`).
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

_DEBIAN = Path("/usr/lib/postgresql")
_DATABASE = "navarch"
_SOCKET_PATH_LIMIT = 107  # sockaddr_un
_END_SECONDS = 10.0
_SETTINGS = """\
# Written by Navarch at every start.
listen_addresses = ''
unix_socket_directories = '{run}'
unix_socket_permissions = 0700
max_connections = 60
shared_buffers = 32MB
work_mem = 2MB
maintenance_work_mem = 32MB
wal_buffers = 1MB
max_wal_size = 256MB
min_wal_size = 32MB
max_worker_processes = 2
max_parallel_workers = 0
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 0
max_logical_replication_workers = 0
autovacuum_max_workers = 1
wal_level = minimal
max_wal_senders = 0
huge_pages = off
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
fsync = {durable}
synchronous_commit = {durable}
full_page_writes = {durable}
"""


class CannotStart(RuntimeError):
    """PostgreSQL is not installed or did not start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class _Account:
    """Whom the server runs as: PostgreSQL refuses to run as root."""

    name: str
    uid: int
    gid: int


class LocalPostgres:
    """The server in `folder` (made if missing; every folder above it must be searchable by user `postgres` when we are
    root). `durable=False` trades safety in a power cut for speed: for tests alone. `programs`: where initdb is."""

    def __init__(self, folder: Path, *, durable: bool = True, programs: Path | None = None) -> None:
        self._folder = folder.absolute()
        self._data, self._run, self._log = self._folder / "data", self._folder / "run", self._folder / "postgres.log"
        self._durable, self._programs = durable, programs

    @property
    def dsn(self) -> str:
        """How to connect, once started."""
        return f"host={self._run} dbname={_DATABASE} user={_DATABASE}"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self._log

    @property
    def pid(self) -> int | None:
        """The server's process id, or None if it does not run."""
        try:
            pid = int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        return pid if pid in self._processes() else None  # the number may have gone to another program by now

    def start(self) -> None:
        """Have it running, with an empty or the earlier database. Raises CannotStart."""
        account = self._account()
        socket = self._run / ".s.PGSQL.5432"
        if len(str(socket)) > _SOCKET_PATH_LIMIT:
            raise CannotStart(f"{socket} is too long for a Unix socket: choose a shorter folder")
        running = self.pid
        if running is not None:
            try:
                self._ensure_database()
            except CannotStart:
                if self.pid == running:
                    raise  # else it was just dying when we looked
            else:
                return
        self._prepare(account)
        command = [self._program("pg_ctl"), "start", "-w", "-t", "60", "-s", "-D", self._data, "-l", self._log]
        self._call(account, command, f"see {self._log}")
        self._ensure_database()

    def stop(self) -> None:
        """End it and its connections; fine if it does not run. Raises CannotStart where it does not end in 60 s."""
        if self.pid is not None:
            command = [self._program("pg_ctl"), "stop", "-w", "-t", "60", "-s", "-m", "fast", "-D", self._data]
            self._call(self._account(), command, f"see {self._log}")

    def _processes(self) -> list[int]:
        """The server's processes: they work in the data folder. What was killed and not yet buried works nowhere."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if (folder / "cwd").readlink() == self._data.resolve():
                    found.append(int(folder.name))
            except OSError:
                continue
        return found

    def _clear_after_kill(self) -> None:
        """Remove the lock files of a server that was killed. PostgreSQL does so itself, but not while its process is a
        zombie, as for ever in a container whose first process does not reap. Its backends must have ended before."""
        lock, end = self._data / "postmaster.pid", time.monotonic() + _END_SECONDS
        while lock.exists() and self._processes():
            if time.monotonic() > end:
                raise CannotStart(f"processes of an earlier server still run in {self._data}: {self._processes()}")
            time.sleep(0.1)
        lock.unlink(missing_ok=True)
        (self._run / ".s.PGSQL.5432.lock").unlink(missing_ok=True)

    def _prepare(self, account: _Account) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for folder in (self._data, self._run):
            folder.mkdir(mode=0o700, exist_ok=True)
        self._log.touch(mode=0o600)
        if os.geteuid() == 0:
            for path in (self._data, self._run, self._log):
                os.chown(path, account.uid, account.gid)
        if not (self._data / "PG_VERSION").exists():
            # Made aside and moved into place, so that a killed initdb leaves nothing half made.
            fresh = self._run / "initdb"
            shutil.rmtree(fresh, ignore_errors=True)
            command = [self._program("initdb"), "-D", fresh, "-U", _DATABASE, "-E", "UTF8", "--locale=C.UTF-8"]
            self._call(account, [*command, "--auth=trust", *([] if self._durable else ["--no-sync"])], "")
            with (fresh / "postgresql.conf").open("a") as file:
                file.write("\ninclude 'navarch.conf'\n")
            self._data.rmdir()
            fresh.rename(self._data)
        durable = "on" if self._durable else "off"
        self._clear_after_kill()
        (self._data / "navarch.conf").write_text(_SETTINGS.format(run=self._run, durable=durable))

    def _log_end(self) -> str:
        try:
            return "\n" + "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])
        except OSError:
            return ""

    def _ensure_database(self) -> None:
        try:
            with psycopg.connect(self.dsn.replace(f"dbname={_DATABASE}", "dbname=postgres"), autocommit=True) as admin:
                found = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_DATABASE,)).fetchone()
                if found is None:
                    admin.execute(f"CREATE DATABASE {_DATABASE}")
        except psycopg.Error as error:
            raise CannotStart(f"PostgreSQL in {self._folder} does not answer: {error}") from error

    def _account(self) -> _Account:
        if os.geteuid() != 0:
            own = pwd.getpwuid(os.geteuid())
            return _Account(own.pw_name, own.pw_uid, own.pw_gid)
        try:
            found = pwd.getpwnam("postgres")
        except KeyError:
            raise CannotStart("there is no user postgres: apt-get install postgresql") from None
        return _Account(found.pw_name, found.pw_uid, found.pw_gid)

    def _program(self, name: str) -> Path:
        if self._programs is not None:
            return self._programs / name
        versions = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
        usable = [path for path in versions if float(path.parts[-3]) >= 14]
        if self._made_by() is not None:
            usable = [path for path in usable if path.parts[-3] == self._made_by()]
        if not usable:
            raise CannotStart(
                f"no PostgreSQL {self._made_by() or '14 or later'} in {_DEBIAN}: apt-get install postgresql"
            )
        return usable[-1]

    def _made_by(self) -> str | None:
        """The major version that made the data, or None: only that one may open it."""
        try:
            return (self._data / "PG_VERSION").read_text().strip()
        except OSError:
            return None

    def _call(self, account: _Account, command: list[Any], hint: str) -> None:
        as_whom: dict[str, Any] = {}
        if os.geteuid() == 0:
            as_whom = {"user": account.uid, "group": account.gid, "extra_groups": []}
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(  # a file, not a pipe: the server keeps what it inherits open for ever
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                start_new_session=True,
                check=False,
                **as_whom,
            )
            if done.returncode:
                output.seek(0)
                said = output.read()[-2000:].strip()
                raise CannotStart(f"{Path(command[0]).name} as {account.name} failed: {said} {hint}{self._log_end()}")
