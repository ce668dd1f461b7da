"""How requests come in, over a real connection."""

import contextlib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from navarch.operate.keys import make_certificates

PROGRAM = """
import sys
from pathlib import Path
from fastapi import FastAPI, Request
from navarch.api.serving import Listener, serve

app, other = FastAPI(), FastAPI()

@app.get("/")
def who(request: Request) -> dict[str, str]:
    return {"client": request.client.host, "scheme": request.url.scheme}

@other.get("/")
def elsewhere() -> str:
    return "the other one"

folder = Path(sys.argv[2])
serve(*(
    Listener(what, "127.0.0.1", int(port), folder / "api.crt", folder / "api.key")
    for what, port in ((app, sys.argv[1]), (other, sys.argv[3]))
))
"""


@dataclass
class Served:
    """A process with two listeners."""

    url: str
    other: str
    trusted: ssl.SSLContext
    process: subprocess.Popen[bytes]

    def get(self, url: str, **options: Any) -> httpx.Response:
        return httpx.get(url, verify=self.trusted, trust_env=False, **options)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    make_certificates(tmp_path, ("127.0.0.1",))
    first, second = free_ports(2)
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(first), str(tmp_path), str(second)])
    trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    served = Served(f"https://127.0.0.1:{first}/", f"https://127.0.0.1:{second}/", trusted, process)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                served.get(served.url)
                break
            except httpx.ConnectError:
                assert time.monotonic() < end, "it never listened"
                time.sleep(0.05)
        yield served
    finally:
        process.terminate()
        process.wait()


def test_a_caller_does_not_choose_the_address_that_is_logged(served: Served) -> None:
    lie = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "http", "Forwarded": "for=203.0.113.7"}
    assert served.get(served.url, headers=lie).json() == {"client": "127.0.0.1", "scheme": "https"}


def test_each_application_is_at_its_own_port_and_all_end_together(served: Served) -> None:
    assert served.get(served.other).json() == "the other one"
    served.process.terminate()
    served.process.wait(20)
    for url in (served.url, served.other):
        with pytest.raises(httpx.ConnectError):
            served.get(url)


def test_where_one_cannot_listen_none_does(served: Served, tmp_path: Path) -> None:
    (free,) = free_ports(1)
    taken = str(httpx.URL(served.other).port)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(free), str(tmp_path), taken], stderr=subprocess.DEVNULL
    )
    assert process.wait(60) != 0
