"""The API over a real PostgreSQL, with a stand-in for Keystone at the Identity contract."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from tests.integration.some_values import NOON

from navarch.addons.catalogue import names
from navarch.api.app import create_app
from navarch.api.identity import Caller, Identity, IdentityUnavailable, Unauthenticated
from navarch.api.settings import ApiSettings
from navarch.bootstrap.pki import make_cluster_secrets
from navarch.bootstrap.sealing import Sealer
from navarch.bootstrap.tickets import MachineTokens
from navarch.bootstrap.vault import SECRETS, close_secrets
from navarch.charts.rendering import Renderer
from navarch.domain.offer import (
    Allowance,
    ExternalNetwork,
    Flavor,
    Offer,
    Quota,
    Release,
    VolumeType,
)
from navarch.domain.rehearsal import rehearse
from navarch.domain.status import MachineCount, Phase, Status
from navarch.main.wire import required_entries
from navarch.store.contract import Claim
from navarch.store.postgres import PostgresStore

SEALER, WORKERS_SEALER = Sealer(b"k" * 32), Sealer(b"w" * 32)
API_URL = "https://198.51.100.9:6443"
MACHINE_TOKENS = MachineTokens(b"r" * 32)
ROOT_PATHS = (
    "/healthz", "/readyz", "/openapi.json", "/bootstrap/v1/join", "/bootstrap/v1/reports",
)  # fmt: skip
OFFER = Offer(
    flavors=(
        Flavor("f1", "m1.tiny", 1, 512, 1),
        Flavor("f2", "m1.small", 1, 2048, 20),
        Flavor("f3", "c1.small", 2, 2048, 20),
        Flavor("f4", "m1.medium", 2, 4096, 20),
    ),
    zones=("z1", "z2", "z3"),
    volume_types=(VolumeType("hdd", ("z1",)), VolumeType("ssd", ("z1", "z2", "z3"))),
    external_networks=(ExternalNetwork("n1", "public", ("198.51.100.0/24",)),),
    releases=(
        Release("1.37.2", "i2", "node-1.37.2", "b2", (("etcd", "3.6.8-0"),), 5),
        Release("1.36.9", "i1", "node-1.36.9", "b1", (("etcd", "3.6.8-0"),), 5),
    ),
    read_at=NOON,
)


def plenty(**used: int) -> Quota:
    """A quota of 100 of everything, of which so many are used."""
    resources = (
        "instances", "cores", "ram", "volumes", "gigabytes", "networks", "subnets", "routers", "ports",
        "security_groups", "floating_ips", "load_balancers", "server_groups",
    )  # fmt: skip
    limits = {"ram": 1_000_000, "gigabytes": 10_000, "cores": 1000}
    return Quota(
        tuple(Allowance(name, limits.get(name, 100), used.get(name, 0)) for name in resources),
        read_at=datetime.now(UTC) + timedelta(hours=1),
    )


@dataclass
class Tokens:
    """Keystone's stand-in: tokens are names of callers."""

    callers: dict[str, Caller] = field(default_factory=dict)
    away: bool = False

    def known(self, token: str) -> Caller | None:
        return None

    def met(self, token: str) -> bool:
        return False

    def caller(self, token: str) -> Caller:
        if self.away:
            raise IdentityUnavailable("Keystone does not answer")
        if token not in self.callers:
            raise Unauthenticated("unknown token")
        return self.callers[token]


def _caller(name: str, project_id: str | None, *roles: str) -> Caller:
    return Caller(f"{name}-id", name, project_id, roles, datetime.now(UTC) + timedelta(hours=1))


@dataclass
class Api:
    """A caller's way into the service under test."""

    client: TestClient
    store: PostgresStore
    tokens: Tokens
    token: str = "ann"

    @property
    def app(self) -> FastAPI:
        """The application that answers."""
        assert isinstance(self.client.app, FastAPI)
        return self.client.app

    def as_(self, token: str) -> "Api":
        """The same service, somebody else calling."""
        return replace(self, token=token)

    def call(self, method: str, path: str, **options: Any) -> Any:
        """One request; paths are below /kaas/v1 but for those of operators and machines."""
        headers = {"X-Auth-Token": self.token} | options.pop("headers", {})
        url = path if path.startswith("/kaas") or path.split("?")[0] in ROOT_PATHS else f"/kaas/v1{path}"
        return self.client.request(method, url, headers=headers, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.call("POST", path, json=body, **options)

    def patch(self, path: str, body: Any, **options: Any) -> Any:
        return self.call("PATCH", path, json=body, **options)

    def delete(self, path: str, **options: Any) -> Any:
        return self.call("DELETE", path, **options)

    def create(self, name: str = "shop", **spec: Any) -> dict[str, Any]:
        """An accepted cluster."""
        answer = self.post("/clusters", {"name": name, "spec": spec})
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def make_ready(self, cluster_id: str) -> None:
        """Give a cluster keys and an address, as a worker does."""
        claim = self.claim(cluster_id)
        secrets = make_cluster_secrets(datetime.now(UTC))
        self.store.seal(cluster_id, claim.token, SECRETS, close_secrets(SEALER, cluster_id, secrets))
        groups = (("default", MachineCount(2, 1)),)
        status = Status(Phase.READY, 1, groups=groups, api_url=API_URL, api_internal_address="10.0.0.9")
        self.store.record(cluster_id, claim.token, status, look_again_after=3600)

    def claim(self, cluster_id: str) -> Claim:
        """As a worker would hold it."""
        claim = self.store.claim_cluster(cluster_id, "w", lease=60)
        assert claim is not None
        return claim


def routes(app: Any) -> dict[tuple[str, str], str | None]:
    """Every (method, path) that the application answers, and the model of its body."""
    return {
        (method, str(context.path)): (getattr(context, "openapi_extra", None) or {}).get("x-body")
        for context in iter_route_contexts(app.routes)
        for method in set(context.methods or ()) - {"HEAD"}
    }


def errors(answer: Any) -> dict[str, str]:
    """Bad fields of a refusal."""
    return {e["field"]: e["detail"] for e in answer.json()["errors"]}


MakeApi = Callable[..., Api]


@pytest.fixture
def make_api(store: PostgresStore) -> Iterator[MakeApi]:
    """Builds the service with settings changed, or with another identity service than `Tokens`. `address`: from where
    it is asked; by default from nowhere that bounds would count."""
    running = ExitStack()

    def make(
        *,
        identity: Identity | None = None,
        renderer: Renderer | None = None,
        address: str = "testclient",
        **changes: Any,
    ) -> Api:
        tokens = Tokens(
            {
                "ann": _caller("ann", "alpha", "member", "reader"),
                "rob": _caller("rob", "alpha", "reader"),
                "bea": _caller("bea", "beta", "member", "reader"),
                "nobody": _caller("nobody", "alpha"),
                "root": _caller("root", "admin", "admin", "member", "reader"),
                "system": replace(_caller("system", None, "admin"), system_scope=True),
                "customer-admin": replace(_caller("boss", "alpha", "admin"), is_admin_project=False),
            }
        )
        settings = ApiSettings(**{"quota_wait": 0.0, "watch_interval": 0.05} | changes)
        app = create_app(
            store,
            identity or tokens,
            SEALER,
            MACHINE_TOKENS,
            settings,
            lambda c: rehearse(c, now=datetime.now(UTC), addons=names()),
            renderer=renderer,
            required=required_entries(),
        )
        # Entered: all requests share one event loop, as in a process. Without, each has its own, and what the
        # application has for one loop (limits, locks) would be woken in another, or never.
        client = running.enter_context(TestClient(app, raise_server_exceptions=False, client=(address, 50000)))
        return Api(client, store, tokens)

    with running:
        yield make


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    """The service with the cloud's offer and alpha's quotas read."""
    made = make_api()
    made.store.write_offer(OFFER)
    for project in ("alpha", "beta"):
        made.store.write_quota(project, plenty())
    return made
