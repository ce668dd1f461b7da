"""The command `navarch-server`."""

import argparse
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from threading import Event as Flag
from types import FrameType
from typing import TYPE_CHECKING

import structlog

from navarch import __version__
from navarch.domain.errors import NavarchError
from navarch.settings import Settings, SettingsError, bounds, read_settings

if TYPE_CHECKING:
    from navarch.operate.chart_registry import Credentials
    from navarch.store.postgres import PostgresStore

EXIT_FOUND = 1


def run(arguments: list[str] | None = None) -> None:
    """Entry point."""
    options = _parser().parse_args(arguments)
    try:
        options.do(options)
    except SettingsError as error:
        sys.exit(f"navarch-server: {error}")
    except (NavarchError, OSError) as error:  # OSError: a file that the settings name
        sys.exit(f"navarch-server: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="navarch-server", description="Kubernetes as a service for OpenStack clouds")
    parser.add_argument("--config", type=Path, default=Path("/etc/navarch/navarch.toml"), help="settings (TOML)")
    parser.add_argument("--version", action="version", version=f"navarch-server {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, action, text in (
        ("all", _all, "API and worker in one process"),
        ("api", _api, "the HTTP service"),
        ("worker", _worker, "the worker"),
        ("console", _console, "the web pages"),
    ):
        command = commands.add_parser(name, help=text)
        command.set_defaults(do=action)
        if name == "api":
            command.add_argument("--port", type=int, help="instead of the one in the settings, for one more on a host")
            command.add_argument("--machines-port", type=int, help="the same for the port at which machines join")
    catalogue = commands.add_parser("catalogue", help="the add-ons that clusters can choose")
    deeds = catalogue.add_subparsers(required=True, metavar="DEED")
    listed = deeds.add_parser("list", help="list them")
    listed.add_argument("-o", "--output", choices=("text", "json"), default="text")
    listed.set_defaults(do=_catalogue_list)
    for name, action, text in (
        ("add", _catalogue_add, "add entries: a chart's folder, archive or oci:// address, or a folder of charts"),
        ("check", _catalogue_check, "say everything that is wrong with entries; needs no database"),
    ):
        command = deeds.add_parser(name, help=text)
        command.add_argument("place", metavar="PATH|oci://HOST/NAME:VERSION")
        command.add_argument("--ca", type=Path, metavar="FILE", help="the registry's CA certificates in PEM")
        command.add_argument("--user", default="navarch", help="of the registry (navarch)")
        command.add_argument("--password-file", type=Path, metavar="FILE", help="its password; without: as anybody")
        command.set_defaults(do=action)
    gone = deeds.add_parser("remove", help="take a version out of the catalogue")
    gone.add_argument("name")
    gone.add_argument("version")
    gone.set_defaults(do=_catalogue_remove)
    database = commands.add_parser("database", help="the private PostgreSQL, and the schema")
    database.add_argument("action", choices=("start", "stop", "migrate"))
    database.set_defaults(do=_database)
    keys = commands.add_parser("keys", help="make keys; change the keys that secrets are sealed with")
    deeds = keys.add_subparsers(required=True, metavar="DEED")
    make = deeds.add_parser("make", help="make keys, and a certificate for a trial")
    make.add_argument("folder", type=Path)
    make.add_argument("--certificate-for", action="append", default=[], metavar="NAME", help="host name or address")
    make.set_defaults(do=_make_keys)
    rotate = deeds.add_parser("rotate", help="seal anew, with the first key of each file, what is sealed with another")
    rotate.add_argument("--retire", action="store_true", help="then take the other keys out of the files")
    rotate.set_defaults(do=_rotate_keys)
    doctor = commands.add_parser("doctor", help="check this installation, and say what to fix")
    doctor.set_defaults(do=_doctor)
    explain = commands.add_parser("explain", help="what would be done next for a cluster, and why it is not yet")
    explain.add_argument("cluster", help="id, or name")
    explain.add_argument("--project", metavar="ID", help="the project, where several clusters have that name")
    explain.set_defaults(do=_explain)
    for name, action, text in (
        ("pause", _pause, "have the workers leave a project, or everything, alone"),
        ("resume", _resume, "end such a pause"),
    ):
        command = commands.add_parser(name, help=text)
        what = command.add_mutually_exclusive_group(required=True)
        what.add_argument("--project", metavar="ID")
        what.add_argument("--everything", action="store_true")
        if name == "pause":
            command.add_argument("--reason", default="", metavar="TEXT", help="for those who find it later")
        command.set_defaults(do=action)
    forget = commands.add_parser("forget", help="drop a cluster that can never be deleted; what stays is written down")
    forget.add_argument("cluster", help="id, or name")
    forget.add_argument("--project", metavar="ID", help="the project, where several clusters have that name")
    forget.add_argument("--reason", required=True, metavar="TEXT", help="for those who ask later")
    forget.add_argument(
        "--proof", required=True, type=Path, metavar="FILE", help="where to write what stays; a new file"
    )
    forget.set_defaults(do=_forget)
    pauses = commands.add_parser("pauses", help="list what is paused")
    pauses.set_defaults(do=_pauses)
    for command in (doctor, explain, pauses):
        command.add_argument("-o", "--output", choices=("text", "json"), default="text")
    return parser


def _doctor(options: argparse.Namespace) -> None:
    from navarch.doctor.finding import Level, show
    from navarch.doctor.installation import examine

    findings = []
    for finding in examine(options.config):
        findings.append(finding)
        if options.output == "text":
            show(finding)
    if options.output == "json":
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        levels = [finding.level for finding in findings]
        print("\n" + ", ".join(f"{levels.count(level)} {level}" for level in Level))
    if any(finding.level is Level.FAIL for finding in findings):
        sys.exit(EXIT_FOUND)


def _explain(options: argparse.Namespace) -> None:
    from navarch.main import wire
    from navarch.operate import explain
    from navarch.operate.database import open_store

    settings = read_settings(options.config)
    store = open_store(settings, name="navarch-explain", read_only=True)
    try:
        dependencies = wire.dependencies_for(settings, store, None)
        explanation = explain.explain(store, dependencies, explain.find(store, options.cluster, options.project))
    finally:
        store.close()
    if options.output == "json":
        print(json.dumps(explain.document(explanation), indent=2))
    else:
        print(explain.text(explanation))


def _pause(options: argparse.Namespace) -> None:
    from navarch.operate.pause import pause

    with _store(options, "pause") as store:
        print(pause(store, options.project, options.reason))


def _resume(options: argparse.Namespace) -> None:
    from navarch.operate.pause import resume

    with _store(options, "resume") as store:
        try:
            print(resume(store, options.project))
        except LookupError as error:
            sys.exit(f"navarch-server: {error.args[0]}")


def _forget(options: argparse.Namespace) -> None:
    from navarch.domain.errors import NavarchError
    from navarch.operate.forget import forget

    with _store(options, "forget") as store:
        try:
            told = forget(store, options.cluster, options.project, reason=options.reason, proof=options.proof)
        except (NavarchError, OSError) as error:
            sys.exit(f"navarch-server: {error}")
    print(told)


def _pauses(options: argparse.Namespace) -> None:
    from navarch.operate.pause import listed

    with _store(options, "pauses") as store:
        print(listed(store, as_json=options.output == "json"))


def _catalogue_list(options: argparse.Namespace) -> None:
    from navarch.main.wire import required_entries
    from navarch.operate.catalogue import listed

    with _store(options, "catalogue") as store:
        print(listed(store, (entry.card for entry in required_entries()), as_json=options.output == "json"))


def _catalogue_add(options: argparse.Namespace) -> None:
    from navarch.addons.catalogue import names
    from navarch.main.wire import renderer_of
    from navarch.operate.catalogue import add

    settings = read_settings(options.config)
    with _store(options, "catalogue") as store:
        told, good = add(store, renderer_of(settings), options.place, _registry_user(options), names())
    print(told)
    if not good:
        sys.exit(EXIT_FOUND)


def _catalogue_check(options: argparse.Namespace) -> None:
    from navarch.addons.catalogue import names
    from navarch.main.wire import renderer_of
    from navarch.operate.catalogue import check

    told, good = check(renderer_of(read_settings(options.config)), options.place, _registry_user(options), names())
    print(told)
    if not good:
        sys.exit(EXIT_FOUND)


def _registry_user(options: argparse.Namespace) -> "Credentials":
    from navarch.operate.chart_registry import Credentials

    file: Path | None = options.password_file
    return Credentials(options.ca, options.user, file.read_text("utf-8").strip() if file is not None else "")


def _catalogue_remove(options: argparse.Namespace) -> None:
    with _store(options, "catalogue") as store:
        store.remove_entry(options.name, options.version)
    print(f"removed: {options.name} {options.version}")


@contextmanager
def _store(options: argparse.Namespace, doing: str) -> "Iterator[PostgresStore]":
    from navarch.operate.database import open_store

    store = open_store(read_settings(options.config), name=f"navarch-{doing}")
    try:
        yield store
    finally:
        store.close()


def _rotate_keys(options: argparse.Namespace) -> None:
    from navarch.main import wire
    from navarch.operate.rotation import retire, rotate

    keys = read_settings(options.config).keys
    sealers = wire.sealers(read_settings(options.config))
    with _store(options, "keys") as store:
        rotation = rotate(store, *sealers)
    print(rotation.told())
    if not rotation.done:
        sys.exit(EXIT_FOUND)
    for path in (keys.sealing_file, keys.worker_file):
        if options.retire:
            print(f"{path}: keys taken out: {retire(path)}")


def _make_keys(options: argparse.Namespace) -> None:
    from navarch.operate.keys import make_certificates, make_keys

    made = make_keys(options.folder)
    if options.certificate_for:
        made += make_certificates(options.folder, tuple(options.certificate_for))
    for path in made:
        print(path)


def _database(options: argparse.Namespace) -> None:
    from navarch.operate.database import local_database, open_store
    from navarch.store.local_postgres import CannotStart

    settings = read_settings(options.config)
    private = local_database(settings)
    try:
        if options.action == "migrate":
            store = open_store(settings, name="migrate")
            print("applied:", ", ".join(store.migrate()) or "nothing, the schema is current")
            store.close()
        elif private is None:
            raise SettingsError("database.dsn names a server that is not Navarch's to start or stop")
        elif options.action == "start":
            private.start()
        else:
            private.stop()
    except CannotStart as error:
        raise SettingsError(str(error)) from error


def _all(options: argparse.Namespace) -> None:
    _serve(read_settings(options.config), api=True, worker=True)


def _api(options: argparse.Namespace) -> None:
    settings = read_settings(options.config)
    for option, setting in (("port", "port"), ("machines-port", "machines_port")):
        port = getattr(options, setting)
        if port is not None:
            out_of_bounds = bounds.wrong(f"api.{setting}", port)
            if out_of_bounds is not None:
                raise SettingsError(f"--{option}: {out_of_bounds}")
            settings = replace(settings, api=replace(settings.api, **{setting: port}))
    _serve(settings, api=True, worker=False)


def _worker(options: argparse.Namespace) -> None:
    _serve(read_settings(options.config), api=False, worker=True)


def _console(options: argparse.Namespace) -> None:
    from navarch.main.console import serve_console
    from navarch.operate.database import open_store

    settings = read_settings(options.config)
    _log_json()
    store = open_store(settings, name="navarch-console")
    try:
        serve_console(settings, store)
    finally:
        store.close()
        structlog.get_logger().info("stopped")


def _serve(settings: Settings, *, api: bool, worker: bool) -> None:
    from navarch.main import wire
    from navarch.operate.database import local_database, open_store
    from navarch.store.local_postgres import CannotStart

    _log_json()
    log = structlog.get_logger()
    # uvicorn raises the signal that ended it once more: without this it would end the process, and the worker beside it
    # in the middle of what it does.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: sys.exit(0))
    private = local_database(settings)
    if private is not None:
        try:
            private.start()
        except CannotStart as error:
            raise SettingsError(str(error)) from error
    store = open_store(settings, name=f"navarch-{'all' if api and worker else 'api' if api else 'worker'}")
    applied = store.migrate()
    if applied:
        log.info("schema changed", migrations=applied)
    running = wire.start_worker(settings, store, log, name=f"{socket.gethostname()}-{os.getpid()}") if worker else None
    try:
        if api:
            wire.serve_api(settings, store, log)
        else:
            _until_signalled()
    finally:
        if running is not None:
            running.stop()
        store.close()
        log.info("stopped")


def _until_signalled() -> None:
    stop = Flag()

    def asked(signum: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked)
    stop.wait()


def _log_json() -> None:
    """One line of JSON an event, on standard error."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
