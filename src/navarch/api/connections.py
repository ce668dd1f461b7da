"""What one connection, and one address, may take of the server: uvicorn itself bounds neither the head of a request nor
the time that it takes to arrive, and waits for ever for somebody who does not read an answer.

A connection has `head_seconds` from its handshake, or from the first byte of a further request, to say what it wants,
and `body_seconds` for the body; who reads nothing of an answer for `unread_seconds` is cut off. Where there are too
many connections, the one goes that has waited longest without a request.
"""

import asyncio
import ipaddress
import socket
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, cast

import uvloop
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

_HEADER_COSTS = 32  # bytes, beside its name and value: what many empty ones take in memory
_TOO_LONG = b"the head of the request is too long"


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of a listener. `head_bytes`: of the URL and all headers. `connections`, and `per_address` of them from one
    address, of IPv6 from one /64. `balancers` hide whose connections they pass on, and are not bounded by address."""

    head_bytes: int = 32 * 1024
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    unread_seconds: float = 30.0
    connections: int = 5000
    per_address: int = 200
    balancers: tuple[Network, ...] = ()


class Loop(uvloop.Loop):
    """uvloop with a bound for handshakes that a server can have: its own is a minute, and uvicorn leaves it at that."""

    handshake_seconds = 10.0

    async def create_server(self, *args: Any, **options: Any) -> Any:
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = self.handshake_seconds
        return await super().create_server(*args, **options)


def origin(address: str, balancers: tuple[Network, ...] = ()) -> str | None:
    """Whose an address is, as far as that can be told: its own, of IPv6 its /64's; None: anybody's."""
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return None
    read = getattr(read, "ipv4_mapped", None) or read
    if any(read in network for network in balancers):
        return None
    return str(read if read.version == 4 else ipaddress.ip_network((read, 64), strict=False))


class Doors:
    """Who is connected to a listener; `connected`: how many are. For its event loop alone."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._of_origin: Counter[str] = Counter()
        self.connected = 0
        self._idle: OrderedDict[BoundedProtocol, None] = OrderedDict()  # without a request, in the order of waiting

    def enter(self, connection: "BoundedProtocol") -> bool:
        """Whether it may come in. It counts from here on, whether or not."""
        self.connected += 1
        if connection.origin is not None:
            self._of_origin[connection.origin] += 1
            if self._of_origin[connection.origin] > self.bounds.per_address:
                return False
        if self.connected > self.bounds.connections:
            if not self._idle:
                return False
            longest, _ = self._idle.popitem(last=False)
            longest.transport.abort()
        self.idle(connection)
        return True

    def leave(self, connection: "BoundedProtocol") -> None:
        """It is gone."""
        self.busy(connection)
        self.connected -= 1
        if connection.origin is not None:
            self._of_origin[connection.origin] -= 1
            if not self._of_origin[connection.origin]:
                del self._of_origin[connection.origin]

    def idle(self, connection: "BoundedProtocol") -> None:
        """It waits for a request."""
        self._idle[connection] = None

    def busy(self, connection: "BoundedProtocol") -> None:
        """It has one."""
        self._idle.pop(connection, None)


class _Part(Enum):
    """What of a request is being read."""

    NONE = auto()
    HEAD = auto()
    BODY = auto()


class _TooLong(Exception):
    """Ends the parsing."""


class BoundedProtocol(HttpToolsProtocol):
    """A connection. `origin`: see `origin`."""

    origin: str | None = None

    def __init__(self, doors: Doors, **parts: Any) -> None:
        super().__init__(**parts)
        self._doors, self._bounds = doors, doors.bounds
        self._part, self._too_long = _Part.NONE, False
        self._understood = self._fed = 0  # bytes of a head; of one that comes in pieces, from the second on
        self._until: asyncio.TimerHandle | None = None  # a request has to be read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.origin = origin(self.client[0], self._bounds.balancers) if self.client else None
        # The kernel counts: over TLS uvloop hands an answer on as a whole and tells nobody that it waits, and what is
        # dropped here would be kept there, megabytes for as long as somebody reads a byte of them now and then.
        connected = transport.get_extra_info("socket")
        with suppress(OSError):  # it is gone already
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(self._bounds.unread_seconds * 1000))
        if self._doors.enter(self):
            self._expect(self._bounds.head_seconds)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._doors.leave(self)
        self._read_whole()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        before = self._part
        if before is _Part.HEAD:
            self._fed += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._part is _Part.BODY:
            if self._until is None or before is not _Part.BODY:
                self._expect(self._bounds.body_seconds)
        elif self._part is _Part.HEAD and self._fed > self._bounds.head_bytes:
            self._refuse_long_head()
        elif self._part is _Part.NONE and self.cycle is not None and not self.cycle.response_complete:
            self._read_whole()
        elif self._until is None or before is _Part.BODY:
            # Also where nothing of a request was read: line ends before one are no request.
            self._expect(self._bounds.head_seconds)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._part, self._understood, self._fed = _Part.HEAD, 0, 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + _HEADER_COSTS)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._part = _Part.BODY
        self._doors.busy(self)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._part = _Part.NONE
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.pipeline and not self.transport.is_closing():
            self._doors.idle(self)
            if self._part is _Part.NONE:
                self._read_whole()  # from here on uvicorn's bound of silence between requests holds

    def send_400_response(self, msg: str) -> None:
        if self._too_long:
            self._refuse_long_head()
        else:
            super().send_400_response(msg)

    def _count(self, more: int) -> None:
        self._understood += more
        if self._understood > self._bounds.head_bytes:
            self._too_long = True
            raise _TooLong

    def _refuse_long_head(self) -> None:
        self.transport.write(
            STATUS_LINE[431]
            + b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: "
            + str(len(_TOO_LONG)).encode()
            + b"\r\n\r\n"
            + _TOO_LONG
        )
        self.transport.close()

    def _expect(self, seconds: float) -> None:
        self._read_whole()
        self._until = self.loop.call_later(seconds, self.transport.abort)

    def _read_whole(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None


def bounded(doors: Doors) -> type[asyncio.Protocol]:
    """What uvicorn makes each connection of a listener with."""

    def made(**parts: Any) -> BoundedProtocol:
        return BoundedProtocol(doors, **parts)

    return cast(type[asyncio.Protocol], cast(Callable[..., asyncio.Protocol], made))
