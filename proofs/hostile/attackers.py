"""python -m proofs.hostile.attackers PORT SECONDS

Attacks an API on this host's loopback for so long, from addresses of their own (127.0.1.x), without credentials. Prints
as JSON how often each was let in, refused and cut off. Bounded: `IDLE` + `SLOW` + `JUNK` connections at a time, and
`JUNK_A_SECOND` requests a second.
"""

import asyncio
import itertools
import json
import secrets
import socket
import ssl
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from time import monotonic

import uvloop

IDLE, SLOW, JUNK = 1000, 50, 40  # connections
JUNK_A_SECOND = 500
_ADDRESSES = 50  # of idle ones; slow readers and junk come from 20 others
_SLOW_BYTES = 1024  # read a second
_PIPELINED = 40
_ESTABLISHED = 1  # tcp_info's state
_GATHERED_IN = 10.0  # seconds: who attacks is not what is measured, so they do not all come in the same moment

Seen = Counter[str]
Attack = Callable[["Place", int, Seen], Awaitable[None]]


class Place:
    """What is attacked, and until when."""

    def __init__(self, port: int, seconds: float) -> None:
        self.port, self.ends = port, monotonic() + seconds
        self.tls = ssl.create_default_context()
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE

    async def connect(self, address: str, *, small: bool = False) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection from an address of the loopback. `small`: with little room for what is not read."""
        raw = socket.socket()
        raw.setblocking(False)
        if small:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.bind((address, 0))
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", self.port))
        limit = 2048 if small else 65536
        return await asyncio.open_connection(sock=raw, ssl=self.tls, server_hostname="127.0.0.1", limit=limit)


async def idle(place: Place, number: int, seen: Seen) -> None:
    """A connection that says nothing."""
    reader, writer = await place.connect(f"127.0.1.{1 + number % _ADDRESSES}")
    seen["idle: connected"] += 1
    await reader.read(1)
    seen["idle: cut off"] += 1
    writer.close()


async def slow(place: Place, number: int, seen: Seen) -> None:
    """Asks for much at once and hardly reads."""
    reader, writer = await place.connect(f"127.0.1.{101 + number % 10}", small=True)
    seen["slow: connected"] += 1
    writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * _PIPELINED)
    connection = writer.get_extra_info("socket")
    while _stands(connection) and await reader.read(_SLOW_BYTES):  # what was sent before would last for minutes
        await asyncio.sleep(1)
    seen["slow: cut off"] += 1
    writer.close()


def _stands(connection: socket.socket) -> bool:
    """Whether the other end has not given it up, which who hardly reads would not see in what it reads."""
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED


async def junk(place: Place, number: int, seen: Seen) -> None:
    """Shows one made-up token after the other."""
    reader, writer = await place.connect(f"127.0.1.{151 + number % 20}")
    due = monotonic()
    for count in itertools.count():
        due += JUNK / JUNK_A_SECOND
        if (early := due - monotonic()) > 0:
            await asyncio.sleep(early)
        else:
            due = monotonic()
        token = f"gAAAAAB{secrets.token_urlsafe(120)}"
        writer.write(f"GET /kaas/v1/clusters HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        seen[f"junk: {head.split()[1].decode()}"] += 1
        (length,) = (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        assert count < 1_000_000


async def _again_and_again(attack: Attack, place: Place, number: int, seen: Seen) -> None:
    await asyncio.sleep(_GATHERED_IN * number / _OF[attack])
    while monotonic() < place.ends:
        try:
            async with asyncio.timeout(max(0.01, place.ends - monotonic())):
                await attack(place, number, seen)
        except TimeoutError:
            return
        except (OSError, asyncio.IncompleteReadError):
            seen[f"{attack.__name__}: broken off"] += 1
            await asyncio.sleep(0.2)


_OF: dict[Attack, int] = {idle: IDLE, slow: SLOW, junk: JUNK}


async def _attack(port: int, seconds: float) -> Seen:
    place, seen = Place(port, seconds), Seen()
    everybody = [(attack, number) for attack, count in _OF.items() for number in range(count)]
    await asyncio.gather(*(_again_and_again(attack, place, number, seen) for attack, number in everybody))
    return seen


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(_attack(int(sys.argv[1]), float(sys.argv[2])))))
