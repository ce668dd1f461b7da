"""How requests come in, over a real connection."""

import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from navarch.operate.keys import make_certificates

PROGRAM = """
import sys
from pathlib import Path
from fastapi import FastAPI, Request
from navarch.api.serving import serve

app = FastAPI()

@app.get("/")
def who(request: Request) -> dict[str, str]:
    return {"client": request.client.host, "scheme": request.url.scheme}

folder = Path(sys.argv[2])
serve(app, host="127.0.0.1", port=int(sys.argv[1]), certificate=folder / "api.crt", key=folder / "api.key")
"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    make_certificates(tmp_path, ("127.0.0.1",))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(port), str(tmp_path)])
    try:
        yield f"https://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait()


def test_a_caller_does_not_choose_the_address_that_is_logged(url: str, tmp_path: Path) -> None:
    lie = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "http", "Forwarded": "for=203.0.113.7"}
    trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    end = time.monotonic() + 60
    while True:
        try:
            answer = httpx.get(url, headers=lie, verify=trusted, trust_env=False)
            break
        except httpx.ConnectError:
            assert time.monotonic() < end, "it never listened"
            time.sleep(0.05)
    assert answer.json() == {"client": "127.0.0.1", "scheme": "https"}
