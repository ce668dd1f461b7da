"""A cluster's API server on the loopback that answers whatever a test wants, byte by byte if need be."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from navarch.addons.contract import Access
from navarch.bootstrap import pki
from navarch.bootstrap.kubeconfig import SERVER_NAME, admin_access

NOW = datetime.now(UTC)
SECRETS = pki.make_cluster_secrets(NOW)
Answer = Callable[["Visit"], None]


@dataclass
class Visit:
    """One request on a connection: its head and the first line of it, and the way to answer."""

    head: str
    connection: socket.socket
    ended: threading.Event

    @property
    def request(self) -> str:
        return self.head.partition("\r\n")[0]

    @property
    def path(self) -> str:
        """Without its query."""
        return self.request.split(" ")[1].partition("?")[0]

    @property
    def query(self) -> str:
        return self.request.split(" ")[1].partition("?")[2]

    def say(self, body: bytes, *, status: int = 200, headers: str = "") -> None:
        """A whole answer."""
        head = f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        self.connection.sendall(head.encode() + body)

    def drip(self, text: bytes) -> None:
        """The bytes again and again, each after a moment, until nobody listens."""
        while not self.ended.wait(0.02):
            for byte in text:
                self.connection.sendall(bytes([byte]))
                if self.ended.wait(0.02):
                    return

    def pour(self, text: bytes) -> None:
        """The bytes again and again, as fast as they are taken."""
        while not self.ended.is_set():
            self.connection.sendall(text)


@dataclass
class HostileServer:
    """Where it listens, and what it was asked."""

    access: Access
    asked: list[str] = field(default_factory=list)


@contextmanager
def hostile(answer: Answer, folder: Path, *, silent_handshake: bool = False) -> Iterator[HostileServer]:
    """A server until the end of the block. `silent_handshake`: it takes connections and says nothing at all."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _certify(context, folder)
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    ca, certificate, key = admin_access(SECRETS, NOW)
    server = HostileServer(Access(f"https://127.0.0.1:{listener.getsockname()[1]}", ca, certificate, key, SERVER_NAME))
    threads: list[threading.Thread] = []

    def serve(plain: socket.socket) -> None:
        with plain, suppress(OSError):
            if silent_handshake:
                ended.wait()
                return
            with context.wrap_socket(plain, server_side=True) as connection:
                for head in _requests(connection):
                    visit = Visit(head, connection, ended)
                    server.asked.append(visit.request)
                    answer(visit)

    def listen() -> None:
        while not ended.is_set():
            with suppress(OSError):  # nobody came meanwhile, or it is the end
                plain, _ = listener.accept()
                threads.append(threading.Thread(target=serve, args=(plain,), daemon=True))
                threads[-1].start()

    threads.append(threading.Thread(target=listen, daemon=True))
    threads[0].start()
    try:
        yield server
    finally:
        ended.set()
        threads[0].join()
        listener.close()


def _requests(connection: socket.socket) -> Iterator[str]:
    """Heads of requests, one after another; bodies are read and forgotten."""
    waiting = b""
    while True:
        while b"\r\n\r\n" not in waiting:
            received = connection.recv(65536)
            if not received:
                return
            waiting += received
        head, _, waiting = waiting.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0].partition(b":")[2]) if lengths else 0
        while len(waiting) < length:
            waiting += connection.recv(65536)
        waiting = waiting[length:]
        yield head.decode()


def _certify(context: ssl.SSLContext, folder: Path) -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
    names = (x509.DNSName(SERVER_NAME),)
    made: Any = pki._issue(SECRETS, subject, (ExtendedKeyUsageOID.SERVER_AUTH,), names, timedelta(hours=1), NOW)
    pair = folder / "server.pem"
    pair.write_text("".join(made))
    context.load_cert_chain(pair)
