"""Runs applications on uvicorn, over TLS."""

import gc
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE

from navarch.api.connections import Bounds, Doors, bounded

_GRACE_SECONDS = 3  # for answers under way; open streams are cut, their watchers come back


@dataclass(frozen=True, slots=True)
class Listener:
    """An application, where it listens, and with which certificate."""

    app: ASGIApp
    host: str
    port: int
    certificate: Path
    key: Path
    bounds: Bounds = field(default_factory=Bounds)


def serve(listener: Listener, *others: Listener) -> None:
    """Answer requests until SIGTERM or SIGINT. Each listener has an event loop and threads of its own: what fills one
    of them does not hold up another. Raises SystemExit where it cannot listen."""
    # What lives as long as the process is set aside: to go through all of it again and again stopped every answer for a
    # tenth of a second each time.
    gc.collect()
    gc.freeze()
    with _running(others):
        _server(listener).run()


@contextmanager
def _running(listeners: Sequence[Listener]) -> Iterator[None]:
    servers = [_server(listener) for listener in listeners]
    threads = [threading.Thread(target=server.run, name="listener") for server in servers]
    for thread in threads:
        thread.start()
    try:
        for server, thread in zip(servers, threads, strict=True):
            while not server.started:
                if not thread.is_alive():
                    raise SystemExit(STARTUP_FAILURE)  # it has said why
                time.sleep(0.01)
        yield
    finally:
        for server in servers:
            server.should_exit = True
        for thread in threads:
            thread.join()


def _server(listener: Listener) -> uvicorn.Server:
    config = uvicorn.Config(
        listener.app,
        host=listener.host,
        port=listener.port,
        ssl_certfile=listener.certificate,
        ssl_keyfile=listener.key,
        loop="navarch.api.connections:Loop",
        http=bounded(Doors(listener.bounds)),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # A balancer on the same host passes TCP on: a header that says who calls is the caller's own word.
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return uvicorn.Server(config)
