"""Keys and certificates: made once, never overwritten, readable by their owner alone."""

import ssl
from pathlib import Path

from navarch.bootstrap.sealing import load_keys
from navarch.operate.keys import make_certificates, make_keys


def test_keys_are_made_once_and_private(tmp_path: Path) -> None:
    made = make_keys(tmp_path / "keys")
    assert {p.name for p in made} == {"sealing.key", "report.key", "worker.key", "console.key"}
    assert all(p.stat().st_mode & 0o077 == 0 for p in made)
    before = [p.read_bytes() for p in made]
    assert make_keys(tmp_path / "keys") == ()
    assert [p.read_bytes() for p in made] == before
    sealer = load_keys(made[0])
    assert sealer.unseal("c", sealer.seal("c", b"secret")) == b"secret"


def test_the_certificate_is_good_for_its_names_and_signed_by_its_ca(tmp_path: Path) -> None:
    make_certificates(tmp_path, ("198.51.100.1", "kaas.example.org"))
    assert make_certificates(tmp_path, ("other",)) == ()
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "api.crt", tmp_path / "api.key")
    for name in ("198.51.100.1", "kaas.example.org"):
        _shake_hands(context, server, name)


def _shake_hands(context: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_side = context.wrap_bio(to_client, to_server, server_hostname=name)
    server_side = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(6):
        done = 0
        for side in (client_side, server_side):
            try:
                side.do_handshake()
                done += 1
            except ssl.SSLWantReadError:
                pass
        if done == 2:
            return
    raise AssertionError("no handshake")
