"""The program with which a machine waits for its cluster's API, against a server that asks who is there."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from navarch.bootstrap.pki import (
    ClusterSecrets,
    issue_client_certificate,
    issue_kubelet_serving_certificate,
    make_cluster_secrets,
)

NOW = datetime.now(UTC)
SECRETS = make_cluster_secrets(NOW)


class Api(http.server.BaseHTTPRequestHandler):
    """Says 200 from the third time on; notes who asked for what."""

    asked: list[tuple[str, Any]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.connection.getpeercert()["subject"]))
        self.send_response(200 if len(self.asked) > 2 else 403)
        self.end_headers()
        self.wfile.write(b"not yet")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, list[tuple[str, Any]]]]:
    certificate, key = issue_kubelet_serving_certificate(SECRETS, node="api", address="127.0.0.1", now=NOW)
    (tmp_path / "server.pem").write_text(certificate + key)
    (tmp_path / "ca.crt").write_text(SECRETS.ca_cert)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.crt"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(tmp_path / "server.pem")
    handler = type("Handler", (Api,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
        thread.start()
        yield listening.server_port, handler.asked  # type: ignore[attr-defined]
        listening.shutdown()
        thread.join()


def program(folder: Path, believed: ClusterSecrets = SECRETS) -> dict[str, Any]:
    """The program's names, with an identity and an authority in `folder`."""
    certificate, key = issue_client_certificate(
        SECRETS, user="system:node:m-1", groups=("system:nodes",), ttl=timedelta(hours=1), now=NOW
    )
    (folder / "pair.pem").write_text(certificate + key)
    (folder / "believed.crt").write_text(believed.ca_cert)
    names: dict[str, Any] = {"__name__": "wait_for_api"}
    source = (files("navarch.bootstrap") / "machine" / "wait-for-api").read_text()
    exec(compile(source, "wait-for-api", "exec"), names)
    names |= {"CA": str(folder / "believed.crt"), "PAIR": str(folder / "pair.pem"), "PAUSE": 0.01}
    return names


def test_it_asks_as_the_node_until_the_answer_is_yes(
    server: tuple[int, list[tuple[str, Any]]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port, asked = server
    program(tmp_path)["main"](f"https://127.0.0.1:{port}/readyz")
    assert [path for path, _ in asked] == ["/readyz"] * 3
    assert (("commonName", "system:node:m-1"),) in asked[0][1]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2  # what is in the way is said once
    assert "403 not yet" in lines[0]
    assert lines[1].endswith("answered")


def test_a_server_that_is_not_the_clusters_is_not_believed(
    server: tuple[int, list[tuple[str, Any]]], tmp_path: Path
) -> None:
    port, asked = server
    trouble = program(tmp_path, make_cluster_secrets(NOW))["answer"](f"https://127.0.0.1:{port}/readyz")
    assert "SSLCertVerificationError" in trouble
    assert asked == []


def test_where_nobody_listens_it_says_so(tmp_path: Path) -> None:
    assert "ConnectionRefusedError" in program(tmp_path)["answer"]("https://127.0.0.1:9/readyz")
