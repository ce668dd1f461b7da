"""Seeing that a service is ready: its port, its socket, its first answer, or its own word in its log.

Ports are probed in the network namespace of the caller.
"""

import http.client
import socket
from collections.abc import Callable
from pathlib import Path

Probe = Callable[[Path, int], bool]


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


def accepts(*paths: Path) -> Probe:
    """Every Unix socket takes a connection; one left behind by a dead process does not."""

    def probe(_log: Path, _size: int) -> bool:
        for path in paths:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                try:
                    connection.connect(str(path))
                except OSError:
                    return False
        return True

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
