"""Commands in a pod's container, over a WebSocket: Kubernetes' exec, whose protocol is `v5.channel.k8s.io` (KEP-4006;
apimachinery's `remotecommand` constants name the channels).

Who answers is not trusted, as in `connection`: the caller bounds the time with `deadline.ends_at`, here the bytes are
counted, frames that say nothing among them.
"""

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import BINARY, CONT, Frame
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from navarch.addons import errors
from navarch.addons.deadline import BoundedNetwork
from navarch.addons.foreign import text
from navarch.domain.errors import Temporary

_PROTOCOL = Subprotocol("v5.channel.k8s.io")
_STDOUT, _STDERR, _ERROR = 1, 2, 3  # the first byte of each message
_PIECE = 64 * 1024  # bytes that are read at a time


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command is asked for: the URL with the command in its query, and what its server has to show."""

    url: str
    tls: ssl.SSLContext
    server_name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said; `code` is its exit status."""

    out: bytes
    err: str
    code: int


def run(place: Place, what: str, *, connect_seconds: float, most: int) -> Answer:
    """Run a command to its end, and read `most` bytes at most. Raises Temporary where it cannot be run, httpcore's
    errors where the network fails or the time is up, and ValueError and the like where the answer is none."""
    said = {_STDOUT: bytearray(), _STDERR: bytearray(), _ERROR: bytearray()}
    for message in _messages(place, what, connect_seconds, most):
        if message and message[0] in said:
            said[message[0]] += message[1:]
        if said[_ERROR]:
            return Answer(bytes(said[_STDOUT]), said[_STDERR].decode(errors="replace"), _exit_code(said[_ERROR], what))
    raise _not_run(what, "it ended without a status")


def _messages(place: Place, what: str, connect_seconds: float, most: int) -> Iterator[bytes]:
    """Each message of the server, until it ends the connection."""
    where = parse_uri(place.url.replace("https:", "wss:", 1))
    protocol = ClientProtocol(where, subprotocols=[_PROTOCOL], max_size=most)
    plain = BoundedNetwork().connect_tcp(where.host, where.port, connect_seconds)
    stream = plain.start_tls(place.tls, place.server_name, connect_seconds)
    try:
        protocol.send_request(protocol.connect())
        left, begun = most, bytearray()
        while True:
            for data in protocol.data_to_send():
                stream.write(data)
            received = stream.read(_PIECE)
            left -= len(received)
            if left < 0:
                raise errors.too_much(what, f"is longer than {most >> 20} MiB")
            if not received:
                return
            protocol.receive_data(received)
            for event in protocol.events_received():
                if isinstance(event, Frame) and event.opcode in (BINARY, CONT):
                    begun += event.data
                    if event.fin:
                        yield bytes(begun)
                        begun.clear()
            if trouble := protocol.handshake_exc or protocol.parser_exc:
                raise _not_run(what, trouble)
    finally:
        stream.close()


def _exit_code(status: bytes | bytearray, what: str) -> int:
    """From the Status object with which every command ends."""
    ended: Any = json.loads(status)
    if ended.get("status") == "Success":
        return 0
    causes = (ended.get("details") or {}).get("causes") or ()
    code = next((c["message"] for c in causes if c.get("reason") == "ExitCode"), None)
    if code is None:
        raise _not_run(what, ended.get("message"))
    return int(code)


def _not_run(what: str, why: object) -> Temporary:
    return Temporary(f"{what} cannot be run: {text(why, 200)}", reason=errors.NOT_ANSWERING, after=1.0)
