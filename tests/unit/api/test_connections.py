"""What a connection may take, and what becomes of one that takes more: over real sockets, with short bounds."""

import contextlib
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from navarch.api.connections import BoundedProtocol, Bounds, Doors, Loop, bounded, origin
from navarch.operate.keys import make_certificates

SHORT = Bounds(head_bytes=4096, head_seconds=0.4, body_seconds=0.4, unread_seconds=0.4, connections=50, per_address=20)
LONGER = 0.4 * 3  # seconds
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class App:
    """Says whether it has read a body, and sends as much as the path says. `ended` counts its answers."""

    def __init__(self) -> None:
        self.ended = 0
        self.hold = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            while (await receive()).get("more_body"):
                pass
            content = b"x" * int(scope["path"].strip("/") or 2)
            headers = [(b"content-length", str(len(content)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": content})
        finally:
            self.ended += 1


class Served:
    def __init__(self, app: App, bounds: Bounds, loop: type[Loop], **options: str) -> None:
        self.app, self.doors = app, Doors(bounds)
        config = uvicorn.Config(
            app,
            port=0,
            loop=loop,  # type: ignore[arg-type]
            http=bounded(self.doors),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
            **options,  # type: ignore[arg-type]
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive()
            time.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()


Serve = Callable[..., Served]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with contextlib.ExitStack() as stack:

        def started(bounds: Bounds = SHORT, loop: type[Loop] = Loop, **options: str) -> Served:
            served = Served(App(), bounds, loop, **options)
            stack.callback(served.stop)
            return served

        yield started


def answer(connection: socket.socket) -> bytes:
    """What comes until the other side has closed."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            said += part
    return said


def first_line(connection: socket.socket) -> bytes:
    """Of a whole answer: its head may come before its body."""
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
            head, found, body = answer.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if found and len(body) >= (int(length[1]) if length else 0):
                break
    except ConnectionError:
        pass
    return answer.partition(b"\r\n")[0]


def drips(connection: socket.socket, piece: bytes) -> float:
    """Seconds until the other side has had enough of a piece again and again."""
    began = time.monotonic()
    connection.settimeout(0.05)
    while time.monotonic() - began < 5:
        try:
            connection.sendall(piece)
            if connection.recv(4096) == b"":
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    return time.monotonic() - began


LONG_HEADS = {
    "one long header": b"GET / HTTP/1.1\r\nX-A: " + b"a" * 5000 + b"\r\n\r\n",
    "many small headers": b"GET / HTTP/1.1\r\n" + b"A:b\r\n" * 200 + b"\r\n",
    "a long URL": b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("head", LONG_HEADS.values(), ids=LONG_HEADS)
@pytest.mark.parametrize("piece", [100_000, 512])
def test_a_head_that_is_too_long_is_refused(serve: Serve, head: bytes, piece: int) -> None:
    served = serve()
    with served.connect() as connection:
        for start in range(0, len(head), piece):
            with contextlib.suppress(ConnectionError):
                connection.sendall(head[start : start + piece])
            time.sleep(0.002)
        assert first_line(connection) == b"HTTP/1.1 431 Request Header Fields Too Large"
    assert served.app.ended == 0


def test_a_head_without_end_is_not_kept(serve: Serve) -> None:
    served = serve(replace(SHORT, head_seconds=60))
    with served.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-A: ")
        sent = 0
        with contextlib.suppress(ConnectionError):
            for _ in range(100_000):
                connection.sendall(b"a" * 4096)
                sent += 4096
        assert sent < 8 * 1024 * 1024  # what sockets hold; 400 MB were offered


def test_a_head_as_long_as_may_be_is_answered(serve: Serve) -> None:
    with serve().connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-A: " + b"a" * 3900 + b"\r\n\r\n")
        assert first_line(connection) == b"HTTP/1.1 200 OK"


SLOW = {
    "nothing": b"",
    "a head": b"X",
    "line ends that begin no request": b"\r\n",
}


@pytest.mark.parametrize("piece", SLOW.values(), ids=SLOW)
def test_who_does_not_say_what_they_want_has_to_go(serve: Serve, piece: bytes) -> None:
    with serve().connect() as connection:
        if piece == b"X":
            connection.sendall(b"GET / HTTP/1.1\r\nX-")
        assert 0.3 < drips(connection, piece) < 2


@pytest.mark.parametrize("piece", SLOW.values(), ids=SLOW)
def test_nor_does_it_help_to_have_asked_before(serve: Serve, piece: bytes) -> None:
    with serve().connect() as connection:
        connection.sendall(ASK)
        assert first_line(connection) == b"HTTP/1.1 200 OK"
        if piece:
            connection.sendall(b"GET / HTTP/1.1\r\nX-" if piece == b"X" else piece)
            assert 0.3 < drips(connection, piece) < 2


def test_a_body_that_drips_is_given_up(serve: Serve) -> None:
    with serve().connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n")
        assert 0.3 < drips(connection, b"{") < 2


def test_a_connection_is_kept_between_requests(serve: Serve) -> None:
    with serve().connect() as connection:
        for _ in range(3):
            connection.sendall(ASK)
            assert first_line(connection) == b"HTTP/1.1 200 OK"
            time.sleep(LONGER)


def test_a_body_in_pieces_and_requests_in_a_row_are_answered(serve: Serve) -> None:
    with serve().connect() as connection:
        head = b"POST / HTTP/1.1\r\nContent-Length: 4\r\n"
        for piece in (
            head,
            b"\r\n",
            b"ab",
            b"cd" + head,
            b"\r\nabcd" + ASK + ASK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        ):
            connection.sendall(piece)
            time.sleep(0.05)
        assert answer(connection).count(b"HTTP/1.1 200 OK") == 4


@pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "tls"])
def test_who_does_not_read_is_dropped_and_holds_up_nobody(serve: Serve, tmp_path: Path, over_tls: bool) -> None:
    """With what the kernel had for it: else it could be read from there for minutes, a window at a time."""
    make_certificates(tmp_path, ("127.0.0.1",))
    files = {"ssl_certfile": str(tmp_path / "api.crt"), "ssl_keyfile": str(tmp_path / "api.key")}
    served = serve(**files) if over_tls else serve()
    trust = ssl.create_default_context(cafile=tmp_path / "ca.crt")

    def connect() -> socket.socket:
        connection = served.connect()
        return trust.wrap_socket(connection, server_hostname="127.0.0.1") if over_tls else connection

    with connect() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.sendall(ASK.replace(b"/ ", b"/50000000 "))
        with connect() as other:
            other.sendall(ASK)
            assert first_line(other) == b"HTTP/1.1 200 OK"
        while served.doors.connected:  # whoever reads before it is dropped is not dropped
            time.sleep(0.05)
        assert len(answer(reader)) < 1_000_000
    assert served.app.ended == 2


def test_who_reads_slowly_but_does_gets_all(serve: Serve) -> None:
    with serve(replace(SHORT, unread_seconds=1.0)).connect() as reader:
        reader.sendall(ASK.replace(b"/ ", b"/8000000 "))
        read = 0
        while read < 8_000_000:
            part = reader.recv(400_000)
            assert part
            read += len(part)
            time.sleep(0.05)


def test_one_address_has_so_many_connections_and_no_more(serve: Serve) -> None:
    served = serve(replace(SHORT, head_seconds=60))
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(served.connect()) for _ in range(SHORT.per_address)]
        with served.connect() as refused:
            with contextlib.suppress(ConnectionError):
                refused.sendall(ASK)
            assert first_line(refused) == b""
        held[0].close()
        time.sleep(0.2)
        with served.connect() as next_one:
            next_one.sendall(ASK)
            assert first_line(next_one) == b"HTTP/1.1 200 OK"


def test_of_too_many_the_one_goes_that_has_waited_longest(serve: Serve) -> None:
    here = ipaddress.ip_network("127.0.0.0/8")
    served = serve(replace(SHORT, head_seconds=60, body_seconds=60, balancers=(here,)))
    with contextlib.ExitStack() as stack:
        busy = stack.enter_context(served.connect())
        busy.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n")
        time.sleep(0.1)
        held = [stack.enter_context(served.connect()) for _ in range(SHORT.connections - 1)]
        time.sleep(0.2)
        new = stack.enter_context(served.connect())
        new.sendall(ASK)
        assert first_line(new) == b"HTTP/1.1 200 OK"
        assert answer(held[0]) == b""  # gone
        busy.sendall(b"{}")
        assert first_line(busy) == b"HTTP/1.1 200 OK"
        held[1].sendall(ASK)
        assert first_line(held[1]) == b"HTTP/1.1 200 OK"


def test_nothing_is_remembered_of_who_is_gone(serve: Serve) -> None:
    served = serve()
    for content in (ASK, b"", b"GET / HT", LONG_HEADS["a long URL"], b"\x00\x01"):
        with served.connect() as connection:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            answer(connection)
    time.sleep(0.2)
    assert (served.doors.connected, dict(served.doors._of_origin), list(served.doors._idle)) == (0, {}, [])


def test_a_handshake_that_never_comes_is_not_waited_for(serve: Serve, tmp_path: Path) -> None:
    class Impatient(Loop):
        handshake_seconds = 0.4

    make_certificates(tmp_path, ("127.0.0.1",))
    served = serve(SHORT, Impatient, ssl_certfile=str(tmp_path / "api.crt"), ssl_keyfile=str(tmp_path / "api.key"))
    with served.connect() as connection:
        began = time.monotonic()
        assert answer(connection) == b""
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("address", "whose"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("10.1.2.3", None),
        ("::ffff:10.1.2.3", None),
        ("2001:db8:ffff::1", None),
        ("", None),
        ("somewhere", None),
    ],
)
def test_whose_an_address_is(address: str, whose: str | None) -> None:
    balancers = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8:ffff::/48"))
    assert origin(address, balancers) == whose


def test_it_is_uvicorns_protocol() -> None:
    made = bounded(Doors(SHORT))(
        config=uvicorn.Config(App()),  # type: ignore[call-arg]
        server_state=uvicorn.server.ServerState(),
        app_state={},
    )
    assert isinstance(made, BoundedProtocol)
