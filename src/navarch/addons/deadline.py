"""Network connections whose every wait ends when the time of the thread that waits is up.

A time-out for each read bounds no call: one byte before each of them passes makes an answer that never ends. Here the
whole call is bounded, from the handshake to the last byte of the body, also while a server drips headers.
"""

import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import monotonic

import httpcore

_PIECE = 16 * 1024  # bytes that are written at a time, between two looks at the clock


class _Thread(threading.local):
    ends: float | None = None


_thread = _Thread()


@contextmanager
def ends_at(moment: float) -> Iterator[None]:
    """Within the block, nothing that this thread waits for on the network lasts beyond the moment (monotonic)."""
    before, _thread.ends = _thread.ends, moment
    try:
        yield
    finally:
        _thread.ends = before


class BoundedNetwork(httpcore.NetworkBackend):
    """Connections that keep to `ends_at`."""

    def __init__(self) -> None:
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """See httpcore."""
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._plain.connect_tcp(host, port, left, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, plain: httpcore.NetworkStream) -> None:
        self._plain = plain

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._plain.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            self._plain.write(buffer[start : start + _PIECE], _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._plain.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            left = _left(timeout, httpcore.ConnectTimeout)
        except httpcore.ConnectTimeout:
            self.close()  # nobody else has it yet
            raise
        return _Stream(self._plain.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> object:
        return self._plain.get_extra_info(info)


def _left(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    """How long this one wait may be. Raises `late` where no time is left."""
    if _thread.ends is None:
        return timeout
    left = _thread.ends - monotonic()
    if left <= 0:
        raise late("the time for this call is up")
    return left if timeout is None else min(timeout, left)
