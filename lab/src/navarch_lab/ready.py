"""Seeing that a service is ready: its port, its socket, its first answer, or its own word in its log.

Ports are probed in the network namespace of the caller.
"""

import http.client
import socket
from collections.abc import Callable
from pathlib import Path

Probe = Callable[[Path, int], bool]
_ACCEPTS = 0x10000
"""Flag of a listening socket in /proc/net/unix."""


def listens(port: int, address: str = "127.0.0.1") -> Probe:
    def probe(_log: Path, _size: int) -> bool:
        try:
            with socket.create_connection((address, port), 1):
                return True
        except OSError:
            return False

    return probe


def answers_http(port: int) -> Probe:
    """Any HTTP answer will do: an API that wants a token is up."""

    def probe(_log: Path, _size: int) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return True

    return probe


def listening_sockets(table: str) -> set[str]:
    """Paths of the Unix sockets that take connections, in the text of /proc/net/unix."""
    rows = (line.split(maxsplit=7) for line in table.splitlines()[1:])
    return {row[7] for row in rows if len(row) == 8 and int(row[3], 16) & _ACCEPTS}


def bound(*paths: Path) -> Probe:
    """Every Unix socket is listened on, which the file of a dead process is not.

    Read from the kernel's table, not tried: octavia's driver agent loops for ever over a connection that says nothing.
    """

    def probe(_log: Path, _size: int) -> bool:
        # Of the calling thread: it may be in another network namespace than the process's first.
        table = Path("/proc/thread-self/net/unix").read_text()
        return {str(path.resolve()) for path in paths} <= {str(Path(p).resolve()) for p in listening_sockets(table)}

    return probe


def says(*words: str) -> Probe:
    """One of the words appears in the log after the process was started; no words: it is ready when it runs."""

    def probe(log: Path, size: int) -> bool:
        if not any(words):
            return True
        try:
            with log.open("rb") as file:
                file.seek(size)
                text = file.read().decode(errors="replace")
        except OSError:
            return False
        return any(word in text for word in words)

    return probe
