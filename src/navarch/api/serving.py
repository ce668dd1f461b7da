"""Runs the application on uvicorn, over TLS."""

import gc
from pathlib import Path

import uvicorn
from fastapi import FastAPI

_GRACE_SECONDS = 3  # for answers under way; open streams are cut, their watchers come back


def serve(app: FastAPI, *, host: str, port: int, certificate: Path, key: Path) -> None:
    """Answer requests until SIGTERM or SIGINT. Raises SystemExit where it cannot listen."""
    # What lives as long as the process is set aside: to go through all of it again and again stopped every answer for a
    # tenth of a second each time.
    gc.collect()
    gc.freeze()
    uvicorn.run(
        app,
        host=host,
        port=port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        log_config=None,
        access_log=False,
        server_header=False,
        # A balancer on the same host passes TCP on: a header that says who calls is the caller's own word.
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
