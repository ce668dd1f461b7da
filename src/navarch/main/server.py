"""The command `navarch-server`."""

import argparse
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from threading import Event as Flag
from types import FrameType

import structlog

from navarch.domain.errors import NavarchError
from navarch.main.settings import Settings, SettingsError, read_settings

EXIT_SETTINGS = 2


def run(arguments: list[str] | None = None) -> None:
    """Entry point."""
    options = _parser().parse_args(arguments)
    try:
        options.do(options)
    except SettingsError as error:
        sys.exit(f"navarch-server: {error}")
    except NavarchError as error:
        sys.exit(f"navarch-server: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="navarch-server", description="Kubernetes as a service for OpenStack clouds")
    parser.add_argument("--config", type=Path, default=Path("/etc/navarch/navarch.toml"), help="settings (TOML)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, action, text in (
        ("all", _all, "API and worker in one process"),
        ("api", _api, "the HTTP service"),
        ("worker", _worker, "the worker"),
    ):
        command = commands.add_parser(name, help=text)
        command.set_defaults(do=action)
    database = commands.add_parser("database", help="the private PostgreSQL, and the schema")
    database.add_argument("action", choices=("start", "stop", "migrate"))
    database.set_defaults(do=_database)
    keys = commands.add_parser("keys", help="make keys, and a certificate for a trial")
    keys.add_argument("folder", type=Path)
    keys.add_argument("--certificate-for", action="append", default=[], metavar="NAME", help="host name or address")
    keys.set_defaults(do=_keys)
    return parser


def _keys(options: argparse.Namespace) -> None:
    from navarch.main.keys import make_certificates, make_keys

    made = make_keys(options.folder)
    if options.certificate_for:
        made += make_certificates(options.folder, tuple(options.certificate_for))
    for path in made:
        print(path)


def _database(options: argparse.Namespace) -> None:
    from navarch.main.wire import open_store, private_database
    from navarch.store.private import CannotStart

    settings = read_settings(options.config)
    private = private_database(settings)
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
    _serve(read_settings(options.config), api=True, worker=False)


def _worker(options: argparse.Namespace) -> None:
    _serve(read_settings(options.config), api=False, worker=True)


def _serve(settings: Settings, *, api: bool, worker: bool) -> None:
    from navarch.main import wire
    from navarch.store.private import CannotStart

    _log_json()
    log = structlog.get_logger()
    private = wire.private_database(settings)
    if private is not None:
        try:
            private.start()
        except CannotStart as error:
            raise SettingsError(str(error)) from error
    store = wire.open_store(settings, name=f"navarch-{'all' if api and worker else 'api' if api else 'worker'}")
    applied = store.migrate()
    if applied:
        log.info("schema changed", migrations=applied)
    running = wire.start_worker(settings, store, log, name=f"{socket.gethostname()}-{os.getpid()}") if worker else None
    try:
        if api:
            wire.serve_api(settings, store)
        else:
            _until_signalled()
    finally:
        if running is not None:
            running.stop()
        store.close()


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
