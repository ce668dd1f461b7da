"""`navarch-server doctor`: whether this installation can work, from its settings to what its cloud offers.

Nothing is changed. `navarch doctor` looks at a cloud with a customer's eyes; this one uses what Navarch itself uses:
its keys, its database, its service user.
"""

import binascii
import os
import ssl
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from urllib.parse import urlsplit

from cryptography import x509

from navarch.bootstrap.sealing import load_keys
from navarch.bootstrap.tickets import MachineTokens
from navarch.doctor.finding import Finding, fail, ok, warn
from navarch.doctor.service_user import examine_cloud
from navarch.domain.errors import NavarchError, Responsible
from navarch.operate.database import local_database, open_store
from navarch.settings import Settings, SettingsError, read_settings
from navarch.store.contract import Unavailable
from navarch.store.operator_side import Fleet, Server
from navarch.store.postgres import PostgresStore

OLDEST_POSTGRES = 14
_CERTIFICATE_ENDS_SOON = 21  # days
_THREADS_A_CONNECTION = 4  # of a worker's; they wait for the cloud for most of their time
_CLOCKS_DIFFER = 2.0  # seconds
_QUEUE_IS_OLD = 60.0  # seconds
_OFFER_IS_OLD = 300.0  # seconds; workers read it every minute
_ANSWERS_WITHIN = 5.0  # seconds


def examine(path: Path) -> Iterator[Finding]:
    """All checks in order; one that breaks is a finding and does not keep the others from being made."""
    try:
        settings = read_settings(path)
    except SettingsError as error:
        yield fail("settings", str(error), "Correct the file; docs/operate/settings.md lists every setting.")
        return
    yield ok("settings", str(path))
    checks: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("keys", _keys),
        ("API certificate", _certificate),
        ("registry", _registry),
        ("charts", _charts),
        ("database", _database),
        ("cloud", examine_cloud),
    )
    for subject, check in checks:
        try:
            yield from check(settings)
        except (NavarchError, OSError, ValueError) as error:
            yield fail(subject, str(error), "Correct what is named; then run this again.")


# -- files


_OF_ONE_SIDE = {
    "API key": "the API",
    "API password": "the API",
    "workers' key": "a worker",
    "cloud password": "a worker",
}  # what the other side need not have


def _keys(settings: Settings) -> Iterator[Finding]:
    """What is secret is there, can be read by us and by nobody else, and is what it should be."""
    secret = {
        "sealing key": settings.keys.sealing_file,
        "workers' key": settings.keys.worker_file,
        "report key": settings.keys.report_file,
        "API key": settings.api.key,
        "API password": settings.api.password_file,
        "cloud password": settings.cloud.password_file,
    }
    usable = set()
    for subject, path in secret.items():
        try:
            mode = path.stat().st_mode & 0o777
            path.read_bytes()
        except OSError as error:
            if isinstance(error, FileNotFoundError) and subject in _OF_ONE_SIDE:
                yield warn(subject, f"{path} is not there", f"Fine where {_OF_ONE_SIDE[subject]} does not run.")
                continue
            fix = (
                "Make it (`navarch-server keys make FOLDER` makes keys), and run this as the user that Navarch runs as."
            )
            yield fail(subject, f"{path}: {error.strerror}", fix)
            continue
        if mode & 0o077:
            yield fail(subject, f"{path}: others may read it (mode {mode:04o})", f"chmod 600 {path}")
            continue
        usable.add(subject)
    if "sealing key" in usable:
        load_keys(settings.keys.sealing_file)
    if "workers' key" in usable:
        load_keys(settings.keys.worker_file)
    if "report key" in usable:
        try:
            MachineTokens(b64decode(settings.keys.report_file.read_text()))
        except (binascii.Error, ValueError) as error:
            fix = "Move it away and run `navarch-server keys make FOLDER`; machines that boot now are made anew."
            yield fail("report key", f"{settings.keys.report_file}: {error}", fix)
    for subject in ("cloud password", "API password"):
        if subject in usable and not secret[subject].read_text().strip():
            yield fail(subject, f"{secret[subject]} is empty", "Write the password into it, alone.")
    if len(usable) == len(secret):
        yield ok("secret files", f"{', '.join(secret)}: only their owner reads them")


# -- the API's certificate


def _certificate(settings: Settings) -> Iterator[Finding]:
    """People and machines that trust `certificate_ca` can believe who answers at the two addresses."""
    api = settings.api
    urls = {"public_url": api.public_url, "machines_url": api.where_machines_join()}
    wrong = {name: url for name, url in urls.items() if not _is_https(url)}
    for name, url in wrong.items():
        yield fail(name, f"{url} is no https address", f"Set api.{name} to https://NAME:PORT.")
    if wrong:
        return
    if not api.key.exists():
        return  # told among the files: the API runs elsewhere
    for path in (api.certificate, api.key, api.certificate_ca):
        path.read_bytes()  # ssl's own error would not name the file
    client = ssl.create_default_context(cafile=str(api.certificate_ca))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    subject, fix = "API certificate", "Get a certificate for this name from the CA in api.certificate_ca."
    names = sorted({urlsplit(url).hostname or "" for url in urls.values()})
    for name in names:
        try:
            server.load_cert_chain(api.certificate, api.key)
            _shake_hands(client, server, name)
        except ssl.SSLCertVerificationError as error:
            yield fail(subject, f"{api.certificate} for {name}: {error.verify_message}", fix)
            return
        except ssl.SSLError as error:
            fix = "api.certificate and api.key must be PEM files that belong together."
            yield fail(subject, f"{api.certificate} with {api.key}: {error}", fix)
            return
    ends = x509.load_pem_x509_certificate(api.certificate.read_bytes()).not_valid_after_utc
    left = (ends - datetime.now(UTC)).days
    detail = f"good for {', '.join(names)}, signed by {api.certificate_ca}, ends in {left} days"
    if left < _CERTIFICATE_ENDS_SOON:
        yield warn(subject, detail, "Renew it, then restart the API processes one after the other.")
    else:
        yield ok(subject, detail)
    yield _reachable("API", urls["public_url"], client)
    yield _reachable("machines' endpoint", urls["machines_url"], client)


def _registry(settings: Settings) -> Iterator[Finding]:
    """Where machines pull images from. Each is told of it when it joins."""
    images = settings.images
    if not images.registry:
        return
    url, trusted = f"{images.registry}/v2/", ssl.create_default_context(cafile=images.ca_file)
    try:
        with urllib.request.urlopen(url, timeout=_ANSWERS_WITHIN, context=trusted):  # noqa: S310 - https
            yield ok("registry", f"answers at {images.registry}")
    except urllib.error.HTTPError as error:
        fix = "Machines pull without a password: let everybody read (docs/operate/images.md)."
        yield fail("registry", f"{url} answers {error.code}", fix)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        fix = "Can this host, and can machines, reach it, and is images.ca_file the CA of its certificate?"
        yield warn("registry", f"{url} does not answer: {getattr(error, 'reason', error)}", fix)


def _charts(settings: Settings) -> Iterator[Finding]:
    """Workers render the add-ons that every cluster has; where none runs, the API can do without."""
    told = fail if settings.keys.worker_file.exists() else warn
    program = settings.catalogue.renderer or which("navarch-render")
    fix = "`navarch-images tools` builds it; name it in catalogue.renderer, or put it into the PATH."
    if program is None and settings.cloud.simulator:
        yield ok("charts", "none is rendered: the cloud is simulated")
    elif program is None:
        yield told("charts", "there is no navarch-render: no worker starts without it, and no add-on is chosen", fix)
    elif not os.access(program, os.X_OK):
        yield fail("charts", f"{program} cannot be run", fix)
    else:
        yield ok("charts", f"rendered by {program}")


def _is_https(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(parts.hostname)


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
    """A TLS handshake in memory: what a machine would say to this certificate. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(4):  # flights of TLS 1.3, and one to spare
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue


def _reachable(subject: str, url: str, trusted: ssl.SSLContext) -> Finding:
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/healthz", timeout=_ANSWERS_WITHIN, context=trusted):  # noqa: S310 - https
            return ok(subject, f"answers at {url}")
    except urllib.error.HTTPError as error:
        fix = "Something else answers there: look at the load balancer in front of Navarch."
        return warn(subject, f"{url} answers {error.code}", fix)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        fix = "If it is running: can this host, and can machines, reach that address? Machines boot by it."
        return warn(subject, f"{url} does not answer: {reason}", fix)


# -- the database


def _database(settings: Settings) -> Iterator[Finding]:
    """It answers, is new enough, has this version's schema and enough connections; and what the workers leave in it."""
    private = local_database(settings)
    if private is not None and private.pid is None:
        detail = f"the private PostgreSQL in {settings.database.private_folder} does not run"
        yield fail("database", detail, "`navarch-server database start`; the API and the worker also start it.")
        return
    store = open_store(settings, name="navarch-doctor", read_only=True)
    try:
        asked = datetime.now(UTC)
        server = store.server()
        answered = datetime.now(UTC)
        yield from _server(server, settings)
        yield _clock((server.now - (asked + (answered - asked) / 2)).total_seconds())
        if not server.missing and not server.changed:
            yield from _fleet(store)
    except Unavailable as error:
        yield fail("database", error.message, "Is the server up, and is database.dsn right? Look at PostgreSQL's log.")
    finally:
        store.close()


def _server(server: Server, settings: Settings) -> Iterator[Finding]:
    major = server.version // 10000
    if major < OLDEST_POSTGRES:
        yield fail("database", f"PostgreSQL {major}", f"Use PostgreSQL {OLDEST_POSTGRES} or later.")
    elif server.standby:
        yield fail("database", "this server is a standby: it takes no writes", "Point database.dsn to the primary.")
    else:
        yield ok("database", f"PostgreSQL {major}.{server.version % 10000} answers")
    if server.changed:
        detail = f"applied with another text: {', '.join(server.changed)}"
        yield fail("schema", detail, "This database was made by a changed Navarch: use that version, or restore.")
    elif server.missing:
        fix = "`navarch-server database migrate`; the API and the worker also do it when they start."
        yield warn("schema", f"not applied yet: {', '.join(server.missing)}", fix)
    elif server.unknown:
        fix = "A newer Navarch has been here: update this host, too. Older ones go on working meanwhile."
        yield warn("schema", f"ahead of this version by {', '.join(server.unknown)}", fix)
    else:
        yield ok("schema", "current")
    each = settings.database.pool_size + 1  # one more listens for notifications
    detail = f"{each} a process at most; the server admits {server.connections}, {server.used} are open"
    fix = "Raise max_connections, or lower database.pool_size. Count one API and one worker at least."
    if server.connections < each:
        yield fail("connections", detail, fix)
    elif server.connections < 2 * each:
        yield warn("connections", detail, fix)
    elif _THREADS_A_CONNECTION * settings.database.pool_size < settings.worker.threads:
        fix = f"Raise database.pool_size: {_THREADS_A_CONNECTION} of the worker's threads can share a connection."
        yield warn("connections", f"{detail}; worker.threads is {settings.worker.threads}", fix)
    else:
        yield ok("connections", detail)


def _clock(ahead: float) -> Finding:
    detail = f"the database's is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} this host's"
    if abs(ahead) > _CLOCKS_DIFFER:
        return warn("clock", detail, "Set both by NTP: deadlines, tickets and certificates go by this host's clock.")
    return ok("clock", detail)


def _fleet(store: PostgresStore) -> Iterator[Finding]:
    fleet = store.fleet()
    for pause in fleet.pauses:
        what = f"project {pause.project_id}" if pause.project_id else "everything"
        option = f"--project {pause.project_id}" if pause.project_id else "--everything"
        since = f"{pause.since:%Y-%m-%d %H:%M} UTC by {pause.paused_by}"
        detail = f"{what} since {since} ({pause.clusters} clusters)" + (f": {pause.reason}" if pause.reason else "")
        yield warn("paused", detail, f"When it is over: navarch-server resume {option}")
    yield _workers(fleet)
    ours = [f"{reason} ({n})" for type_, reason, responsible, n in fleet.conditions if _is_ours(type_, responsible)]
    clusters = sum(n for _, n in fleet.phases)
    if ours:
        fix = "`navarch cluster list --all-projects`, then `navarch-server explain CLUSTER`."
        yield warn("clusters", f"{clusters}; some wait for Navarch's operator: {', '.join(ours)}", fix)
    else:
        yield ok("clusters", ", ".join(f"{n} {phase}" for phase, n in fleet.phases) or "none yet")


def _workers(fleet: Fleet) -> Finding:
    if fleet.offer_read_at is None:
        return warn("workers", "none has read the cloud's offer yet", "Start one: systemctl start navarch-worker")
    age = (datetime.now(UTC) - fleet.offer_read_at).total_seconds()
    if age > _OFFER_IS_OLD:
        fix = "Is a worker running, and does the cloud answer it? Look at its log for `cloud's offer not read`."
        return fail("workers", f"none has read the cloud's offer for {age:.0f} s", fix)
    if fleet.oldest > _QUEUE_IS_OLD:
        detail = f"{fleet.due} clusters wait for one, the first for {fleet.oldest:.0f} s"
        return warn("workers", detail, "Start more workers, or raise worker.threads.")
    return ok("workers", f"read the cloud's offer {age:.0f} s ago; {fleet.due} clusters wait, {fleet.claimed} are held")


def _is_ours(type_: str, responsible: str) -> bool:
    return type_ != "Ready" and responsible == Responsible.NAVARCH_OPERATOR.value
