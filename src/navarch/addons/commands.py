"""Commands in a pod's container, over a WebSocket: Kubernetes' exec, whose protocol is
`v5.channel.k8s.io` (KEP-4006; apimachinery's `remotecommand` constants name the channels)."""

import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from navarch.addons import errors
from navarch.domain.errors import Temporary

_PROTOCOL = "v5.channel.k8s.io"
_STDOUT, _STDERR, _ERROR = 1, 2, 3  # the first byte of each message
_MOST = 4 * 2**20  # bytes of output: who answers is a customer's machine


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said; `code` is its exit status."""

    out: str
    err: str
    code: int


def run(
    url: str, tls: ssl.SSLContext, server_name: str, namespace: str, pod: str, command: Sequence[str], *, seconds: float
) -> Answer:
    """Run a command to its end. Raises Temporary where it cannot be run or does not end in time."""
    target, what = urlsplit(url), f"{command[0]} in {namespace}/{pod}"
    query = urlencode([("stdout", "true"), ("stderr", "true"), *(("command", word) for word in command)])
    path = f"wss://{target.netloc}/api/v1/namespaces/{namespace}/pods/{pod}/exec?{query}"
    said = {_STDOUT: b"", _STDERR: b"", _ERROR: b""}
    try:
        with connect(
            path,
            ssl=tls,
            server_hostname=server_name or target.hostname,
            subprotocols=[_PROTOCOL],  # type: ignore[list-item]  # a NewType of str
            open_timeout=seconds,
            close_timeout=1.0,
            max_size=_MOST,
            proxy=None,
            compression=None,
        ) as socket:
            while not said[_ERROR]:
                message = socket.recv(timeout=seconds)
                if isinstance(message, bytes) and message and message[0] in said:
                    said[message[0]] += message[1:]
                if sum(map(len, said.values())) > _MOST:
                    raise Temporary(f"{what} says more than is taken", reason=errors.NOT_ANSWERING)
    except (WebSocketException, OSError, TimeoutError) as error:
        raise Temporary(f"{what} cannot be run: {error}", reason=errors.NOT_ANSWERING) from error
    out, err = said[_STDOUT].decode(errors="replace"), said[_STDERR].decode(errors="replace")
    return Answer(out, err, _exit_code(said[_ERROR], what))


def _exit_code(status: bytes, what: str) -> int:
    """From the Status object with which every command ends."""
    try:
        ended = json.loads(status)
        if ended.get("status") == "Success":
            return 0
        causes = (ended.get("details") or {}).get("causes") or ()
        return next(int(c["message"]) for c in causes if c.get("reason") == "ExitCode")
    except (ValueError, TypeError, AttributeError, KeyError, StopIteration) as error:
        raise Temporary(f"{what} did not run: {status[:200]!r}", reason=errors.NOT_ANSWERING) from error
