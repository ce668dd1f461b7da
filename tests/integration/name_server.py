"""A real name server on the loopback: Debian's BIND, with a zone that takes updates and transfers by a TSIG key."""

import base64
import contextlib
import secrets
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ZONE = "example.org"
KEY_NAME = "navarch-test"
_NAMED = Path("/usr/sbin/named")
_TYPES = {"A": 1, "TXT": 16}
_CONFIG = """\
options {{
  directory "{folder}"; pid-file none; session-keyfile "{folder}/session.key"; recursion no; dnssec-validation no;
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; allow-transfer {{ none; }};
}};
controls {{ }};
key "{name}" {{ algorithm hmac-sha256; secret "{secret}"; }};
zone "{zone}" {{
  type primary; file "{folder}/zone";
  update-policy {{ grant {name} zonesub ANY; }}; allow-transfer {{ key {name}; }};
}};
"""
_ZONE = f"""\
$TTL 60
@ SOA ns.{ZONE}. admin.{ZONE}. 1 3600 600 86400 60
@ NS ns.{ZONE}.
ns A 127.0.0.1
theirs A 192.0.2.99
"""


@dataclass(frozen=True, slots=True)
class NameServer:
    """A running one. `secret`: of the key, in base64."""

    port: int
    secret: str
    log: Path

    def asked(self, name: str, kind: str) -> tuple[str, ...]:
        """What it answers: addresses, or texts; nothing where it has no such record."""
        question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
        asked = struct.pack("!6H", 1, 0, 1, 0, 0, 0) + question + struct.pack("!2H", _TYPES[kind], 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
            query.settimeout(10)
            query.sendto(asked, ("127.0.0.1", self.port))
            answer = query.recv(4096)
        at, found = len(asked), []
        for _ in range(struct.unpack("!H", answer[6:8])[0]):
            of, _, _, length = struct.unpack(
                "!HHIH", answer[at + 2 : at + 12]
            )  # the name is a pointer to the question's
            data, at = answer[at + 12 : at + 12 + length], at + 12 + length
            if of == _TYPES[kind]:
                found.append(socket.inet_ntoa(data) if kind == "A" else data[1 : 1 + data[0]].decode())
        return tuple(sorted(found))


@contextlib.contextmanager
def name_server(folder: Path) -> Iterator[NameServer]:
    """Run one in `folder` until the end of the block."""
    if not _NAMED.is_file():
        raise RuntimeError("BIND is needed: tests/integration/install-bind")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    config = _CONFIG.format(folder=folder, port=port, name=KEY_NAME, secret=secret, zone=ZONE)
    (folder / "named.conf").write_text(config)
    (folder / "zone").write_text(_ZONE)
    log = folder / "named.log"
    with log.open("wb") as output:
        command = [str(_NAMED), "-g", "-n", "1", "-c", str(folder / "named.conf")]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        server = NameServer(port, secret, log)
        _wait(process, server)
        yield server
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: "subprocess.Popen[bytes]", server: NameServer) -> None:
    end = time.monotonic() + 60
    while "all zones loaded" not in (said := server.log.read_text()):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"BIND does not run:\n{said[-3000:]}")
        time.sleep(0.05)
