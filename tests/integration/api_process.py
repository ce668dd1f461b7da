"""The HTTP service as a process of its own, with a stand-in for Keystone.

    python -m tests.integration.api_process DSN PORT FOLDER QUOTA_WAIT

FOLDER holds api.crt and api.key. Everything but the tokens is what `navarch-server api` runs.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.integration.api_fixtures import MACHINE_TOKENS, SEALER, Tokens, _caller

from navarch.addons.catalogue import names
from navarch.api.app import create_app
from navarch.api.serving import Listener, serve
from navarch.api.settings import ApiSettings
from navarch.domain.rehearsal import rehearse
from navarch.store.postgres import PostgresStore


def main(dsn: str, port: str, folder: str, quota_wait: str) -> None:
    store = PostgresStore(dsn, max_connections=8)
    app = create_app(
        store,
        Tokens({"ann": _caller("ann", "alpha", "member", "reader")}),
        SEALER,
        MACHINE_TOKENS,
        ApiSettings(quota_wait=float(quota_wait), clusters_per_project=100_000),
        lambda c: rehearse(c, now=datetime.now(UTC), addons=names()),
    )
    keys = Path(folder)
    serve(Listener(app, "127.0.0.1", int(port), keys / "api.crt", keys / "api.key"))


if __name__ == "__main__":
    main(*sys.argv[1:])
