"""No secret anywhere but where it belongs: not in logs, not in the database in clear, not in what people are answered.

A cluster is made, built by a worker and joined by its machine, with things going wrong on the way. Cloud and Keystone
are stand-ins that keep what they were given: what was secret in it is then searched for everywhere else.
"""

import base64
import json
import logging
import re
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
import structlog
from prometheus_client import generate_latest
from psycopg import sql
from tests.integration.api_fixtures import MACHINE_TOKENS, OFFER, SEALER, WORKERS_SEALER, Api, MakeApi, plenty, routes
from tests.integration.catalogue_fixtures import ICON, Unchanging, add_entry

from navarch.addons.client import KubernetesClusters
from navarch.api.keystone import KeystoneIdentity, keystone_session
from navarch.bootstrap.pki import ClusterSecrets
from navarch.bootstrap.vault import SECRETS, open_secrets
from navarch.clouds.contract import Endpoint
from navarch.domain.cloud import CloudState, Resource
from navarch.domain.errors import Permanent, Responsible
from navarch.domain.observed import KnownObject, Observed
from navarch.domain.offer import Offer, Quota
from navarch.domain.openstack.resources import FloatingIP, LoadBalancer, Port
from navarch.domain.openstack.steps import CreateServer
from navarch.domain.openstack.waiting import settled
from navarch.domain.rehearsal import nothing_yet
from navarch.domain.spec import Cluster, Owner
from navarch.domain.steps import Step
from navarch.main.server import _log_json
from navarch.reconcile.clock import Clock
from navarch.reconcile.dependencies import Dependencies, JoinEndpoint, read_password
from navarch.reconcile.runtime import Threads
from navarch.reconcile.worker import Worker
from navarch.store.local_postgres import LocalPostgres
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres

CUSTOMERS_TOKEN = "gAAAAABcustomers-own-token-3f8a1c"
SERVICE_TOKEN = "gAAAAABnavarchs-own-token-77d0e2"
SERVICE_PASSWORD = "correct-horse-battery-staple"
ADDONS_PASSWORD = "seven-green-lamps-over-the-quay"
COMPONENTS = ("etcd", "coredns", "calico", "kube-proxy", "cloud-controller", "cinder-csi", "metrics-server", "pause")
OFFER = replace(
    OFFER, releases=tuple(replace(r, components=tuple((c, "v1") for c in COMPONENTS)) for r in OFFER.releases)
)
KEYS = {"the sealing key": b"k" * 32, "the key of report tokens": b"r" * 32}  # api_fixtures'


# -- the search


def spellings(secret: str) -> set[str]:
    """How a secret may stand in a text: as it is, in a literal, in JSON, in a URL, in base64, in hexadecimal."""
    raw = secret.encode()
    encoded = base64.b64encode(raw).decode().rstrip("=")
    return {
        secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret), encoded,
        encoded.replace("+", "-").replace("/", "_"), raw.hex(),
    }  # fmt: skip


def pieces(secret: str) -> list[str]:
    """A long secret betrays itself by any of its lines: each is looked for. PEM's frames are no secret."""
    lines = [line for line in secret.splitlines() if len(line) >= 16 and not line.startswith("-----")]
    return [secret, *lines]


def found(secrets: dict[str, str], places: dict[str, str]) -> list[tuple[str, str]]:
    """(secret, place) wherever one stands in the other."""
    wanted = {name: {s for piece in pieces(secret) for s in spellings(piece)} for name, secret in secrets.items()}
    return [
        (name, place)
        for place, text in places.items()
        for name, spelt in wanted.items()
        if any(spelling in text for spelling in spelt)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "token={}", "{!r}", '{{"password": "{}"}}', "Traceback ...\n  password = {!r}\n",
    ],
)  # fmt: skip
def test_the_search_finds_a_secret_in_a_text(text: str) -> None:
    assert found({"it": SERVICE_PASSWORD}, {"log": text.format(SERVICE_PASSWORD)}) == [("it", "log")]


@pytest.mark.parametrize(
    "spelt",
    [
        lambda s: json.dumps({"key": s}),
        lambda s: str({"key": s}),
        lambda s: base64.b64encode(s.encode()).decode(),
        lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
        lambda s: "\\x" + s.encode().hex(),
        lambda s: f"https://example.org/?key={quote(s)}",
        lambda s: s.splitlines()[2],
    ],
)
def test_the_search_finds_a_key_in_every_spelling_and_in_part(spelt: Any) -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqG\nAQQg+/x0abcdefghijklmnop\n-----END\n"
    assert found({"it": pem}, {"row": spelt(pem), "other": "BEGIN PRIVATE KEY"}) == [("it", "row")]


# -- the stand-ins


class Keystone(BaseHTTPRequestHandler):
    """Enough of Keystone for a service user with a password, and for one customer's token."""

    broken = False

    def do_GET(self) -> None:
        if self.path.startswith("/v3/auth/tokens"):
            asked = self.headers["X-Subject-Token"]
            if self.broken or self.headers["X-Auth-Token"] != SERVICE_TOKEN:
                self._say(500, {"error": {"message": f"cannot validate {asked} for {self.headers['X-Auth-Token']}"}})
            elif asked == CUSTOMERS_TOKEN:
                self._say(200, self._token("ann", "alpha"))
            else:
                self._say(404, {"error": {"message": f"no token {asked}"}})
        else:
            root = f"http://{self.headers['Host']}/v3/"
            version = {"id": "v3.14", "status": "stable", "links": [{"rel": "self", "href": root}]}
            self._say(200, {"version": version, "versions": {"values": [version]}})

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if said["auth"]["identity"]["password"]["user"]["password"] == SERVICE_PASSWORD:
            self._say(201, self._token("navarch", "service"), {"X-Subject-Token": SERVICE_TOKEN})
        else:
            self._say(401, {"error": {"message": "who are you?"}})

    def _token(self, name: str, project: str) -> Any:
        domain = {"id": "default", "name": "Default"}
        return {
            "token": {
                "methods": ["password"], "user": {"id": f"{name}-id", "name": name, "domain": domain},
                "project": {"id": project, "name": project, "domain": domain}, "catalog": [],
                "roles": [{"id": "m", "name": "member"}], "issued_at": datetime.now(UTC).isoformat(),
                "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
            }
        }  # fmt: skip

    def _say(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, *_: Any) -> None:
        """The stand-in's own log is not under test."""


class ImaginedCloud:
    """A cloud where every step succeeds at once, but for the first server, whose building is refused; it keeps what it
    was told in private."""

    endpoint = Endpoint("https://keystone.example.org/v3", "RegionOne")

    def __init__(self, store: PostgresStore) -> None:
        self._store, self._lock = store, threading.Lock()
        self._seen = nothing_yet()
        self.private: list[str] = []

    def observe(
        self, owner: Owner, kinds: frozenset[StrEnum] | None = None, known: Collection[KnownObject] = ()
    ) -> CloudState:
        with self._lock:
            seen = self._seen.cloud.seen
        return CloudState({kind: seen[kind] for kind in seen if kinds is None or kind in kinds})

    def controller_files(
        self, cluster: Cluster, seen: Observed, password: str, offer: Offer
    ) -> Mapping[str, str] | None:
        return {"cloud.conf": password}

    def senders(self, owner: Owner, address: str) -> tuple[str, ...]:
        return ()

    def carry_out(self, owner: Owner, step: Step, *, private: str = "") -> Resource | None:
        with self._lock:
            if private:
                self.private.append(private)
            if isinstance(step, CreateServer) and sum("#cloud-config" in p for p in self.private) == 1:
                raise Permanent(
                    "no host", reason="NoValidHost", responsible=Responsible.CLOUD_OPERATOR, remedy="add hosts"
                )
            made = step.imagined(self._seen)
            if made is not None:
                made = _addressed(made, len(tuple(self._seen.cloud.everything())))
            self._seen = step.after(self._seen, made, datetime.now(UTC))
            self._seen = replace(self._seen, cloud=settled(self._seen.cloud))
            return made

    def console(self, owner: Owner, server_id: str, lines: int = 50) -> str:
        return "login:"

    def offer(self) -> Offer:
        return OFFER

    def quota(self, project_id: str) -> Quota:
        return plenty()


def _addressed(resource: Resource, number: int) -> Resource:
    """With addresses that can be written into a configuration; the public one leads nowhere, at once."""
    match resource:
        case Port():
            return replace(resource, address=f"10.0.0.{number + 10}")
        case LoadBalancer():
            return replace(resource, vip_address="10.0.0.9")
        case FloatingIP():
            return replace(resource, address="127.0.0.1")
        case _:
            return resource


# -- the story


@dataclass(frozen=True)
class Told:
    """What was secret, and everything that was said or kept."""

    secrets: dict[str, str]
    places: dict[str, str]


@pytest.fixture
def keystone() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Keystone)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v3"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def told(
    keystone: str,
    make_api: MakeApi,
    store: PostgresStore,
    server: LocalPostgres,
    dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Told]:
    """The story, told to its end."""
    caplog.set_level(logging.WARNING)  # as _log_json has it
    _log_json()
    try:
        session = keystone_session(keystone, username="navarch", password=SERVICE_PASSWORD)
        api = make_api(
            identity=KeystoneIdentity(session, cluster_domain="navarch", service_user="navarch"),
            renderer=Unchanging(),
            quota_wait=5.0,
        ).as_(CUSTOMERS_TOKEN)
        cloud = ImaginedCloud(store)
        secrets, answers = _live(api, cloud, monkeypatch)
        said = capsys.readouterr()
        logs = {"log": said.out + said.err + caplog.text, "PostgreSQL's log": server.log.read_text()}
        yield Told(secrets, answers | _rows(dsn) | logs)
    finally:
        structlog.reset_defaults()


def _of_an_addon(api: Api) -> dict[str, Any]:
    """Choose one with a password among its values, change it, and see what a change would do."""
    add_entry(api.store, "default", "1.0.0", files={"icon.svg": ICON})
    asked = {"entry": "default", "values": {"password": ADDONS_PASSWORD}}
    answers = {
        "what an add-on would make": api.post("/clusters/shop/addons?dry_run=true", asked),
        "a chosen add-on": api.post("/clusters/shop/addons", asked),
        "what its change would do": api.patch(
            "/clusters/shop/addons/default?dry_run=true", {"values": {"password": f"{ADDONS_PASSWORD}-and-more"}}
        ),
    }
    assert [a.status_code for a in answers.values()] == [200, 202, 200]
    return answers


def _the_only_kubeconfig(api: Api) -> str:
    (known,) = api.get("/clusters/shop/kubeconfigs").json()["kubeconfigs"]
    return str(known["id"])


def _live(api: Api, cloud: ImaginedCloud, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, str], dict[str, str]]:
    store, runtime = api.store, Threads()
    dependencies = Dependencies(
        cloud, KubernetesClusters(), store, SEALER, WORKERS_SEALER,
        JoinEndpoint("https://kaas.example.org", "the CA", MACHINE_TOKENS), (), runtime, Clock(runtime.now),
    )  # fmt: skip
    store.write_offer(OFFER)
    id_ = api.create()["id"]
    worker = Worker(dependencies, structlog.get_logger(), name="w", threads=2, calls=4)
    worker.start()
    try:
        _until(lambda: any(e.event.reason == "NoValidHost" for e in store.events(id_)))
        assert api.patch("/clusters/shop", {"labels": {"try": "again"}}).status_code == 200
        _until(lambda: len(_tickets(cloud)) >= 4 and store.cluster(id_, project_id=None).status.api_url is not None)
        name, ticket = next((m, word) for m, word in reversed(_tickets(cloud)) if m.endswith("-cp-0"))
        body = {"machine": name, "ticket": ticket, "nonce": "nonce-of-this-machine-only", "boot": {"uptime_seconds": 3}}
        with monkeypatch.context() as broken:  # a fault of ours, with every key of the cluster at hand
            broken.setattr(PostgresStore, "add_report", _fail)
            answers = {"a failed join": api.post("/bootstrap/v1/join", body)}
        joined = api.post("/bootstrap/v1/join", body)
        assert joined.status_code == 200, joined.text
        bearer = {"Authorization": f"Bearer {joined.json()['report_token']}"}
        said = {"machine": name, "phase": "KubeadmInit", "state": "failed", "at": "now", "log": "no route to host"}
        assert api.post("/bootstrap/v1/reports", said, headers=bearer).status_code == 204
        _until(lambda: "Kubernetes API" in str(store.cluster(id_, project_id=None).status.conditions))
        answers |= {
            "a stolen ticket": api.post("/bootstrap/v1/join", body | {"nonce": "another-machine's-nonce"}),
            "a foreign report": api.post("/bootstrap/v1/reports", said | {"machine": "other"}, headers=bearer),
            "a spoilt report": api.post("/bootstrap/v1/reports", said | {"state": "?"}, headers=bearer),
            "a bad body": api.post("/clusters", {"name": "!", "token": 1}),
            "a wrong token": api.as_(CUSTOMERS_TOKEN + "x").get("/clusters"),
        }
        issued = api.post("/clusters/shop/kubeconfigs", {})
        assert issued.status_code == 201, issued.text
        assert [a.status_code for a in answers.values()] == [500, 403, 422, 422, 422, 401]
        answers |= _of_an_addon(api)
        for method, path in routes(api.client.app):
            if method == "GET":
                answer = api.get(path.format(cluster=id_, name="default", kubeconfig=_the_only_kubeconfig(api)))
                assert answer.status_code == 200, path
                answers[path] = answer
        monkeypatch.setattr(Keystone, "broken", True)
        answers["a broken Keystone"] = api.as_(CUSTOMERS_TOKEN + "y").get("/clusters")
        assert answers["a broken Keystone"].status_code == 503
    finally:
        worker.stop()
    kept, password = store.sealed(id_, SECRETS), read_password(dependencies, id_)
    assert kept is not None and password is not None
    secrets = _of_the_cluster(open_secrets(SEALER, id_, kept)) | {
        "a customer's token": CUSTOMERS_TOKEN,
        "Navarch's token": SERVICE_TOKEN,
        "Navarch's password": SERVICE_PASSWORD,
        "the password of the cluster's user": password,
        "a report token": joined.json()["report_token"],
        "a machine's nonce": body["nonce"],
        "an add-on's password": ADDONS_PASSWORD,
        "an issued key": _client_key(issued.json()["kubeconfig"]),
        **{name: key.decode() for name, key in KEYS.items()},
        **{f"the ticket of {machine}, {n}": word for n, (machine, word) in enumerate(_tickets(cloud))},
    }
    figures = {
        "the API's metrics": api.app.state.metrics.registry,
        "the worker's": dependencies.metrics.registry,
    }
    return secrets, {
        **{name: answer.text + str(answer.headers) for name, answer in answers.items()},
        **{name: generate_latest(registry).decode() for name, registry in figures.items()},
    }


def _fail(*_: Any, **__: Any) -> None:
    raise RuntimeError("a fault of ours")


def _until(true: Any) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def _tickets(cloud: ImaginedCloud) -> list[tuple[str, str]]:
    """(machine, ticket) of every server that was asked for."""
    found = (re.search(r'"ticket": "([^"]+)", "machine": "([^"]+)"', text) for text in cloud.private)
    return [(match[2], match[1]) for match in found if match]


def _of_the_cluster(secrets: ClusterSecrets) -> dict[str, str]:
    """All but what every client of a cluster gets to see: certificates and a public key."""
    public = ("ca_cert", "etcd_ca_cert", "front_proxy_ca_cert", "sa_public")
    return {f.name: getattr(secrets, f.name) for f in fields(secrets) if f.name not in public}


def _client_key(kubeconfig: str) -> str:
    match = re.search(r"client-key-data: (\S+)", kubeconfig)
    assert match is not None
    return base64.b64decode(match[1]).decode()


def _rows(dsn: str) -> dict[str, str]:
    """Every row of every table, with all its columns, as PostgreSQL writes it: bytes in hexadecimal."""
    with psycopg.connect(dsn) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return {
            f"table {table}": "\n".join(
                row[0] for row in connection.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table)))
            )
            for (table,) in tables
        }


def test_no_secret_is_said_or_kept_in_clear(told: Told) -> None:
    assert found(told.secrets, told.places) == []
    for table in ("clusters", "node_groups", "machines", "phase_reports", "tickets", "secrets", "events", "quotas"):
        assert told.places[f"table {table}"], table
    for line in ("a request failed", "RuntimeError: a fault of ours", '"event": "cycle"', '"status": 503'):
        assert line in told.places["log"], line
    assert "navarch_api_requests_total" in told.places["the API's metrics"]
    assert "navarch_step_seconds_count{" in told.places["the worker's"]
    assert "NoValidHost" in told.places["/kaas/v1/clusters/{cluster}/events"]


def test_a_secret_in_any_of_the_places_would_be_found(told: Told) -> None:
    assert len(told.secrets) >= 18
    assert all(len(secret) >= 16 for secret in told.secrets.values())
    for place, text in told.places.items():
        leaked = {place: text + json.dumps({"oops": list(told.secrets.values())})}
        assert {name for name, _ in found(told.secrets, leaked)} == set(told.secrets), place
