"""The program that says no to the API server."""

import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from navarch.bootstrap.authorization import NAME
from navarch.bootstrap.pki import issue_serving_certificate, make_cluster_secrets

PROGRAM = files("navarch.bootstrap") / "machine" / "authorizer"
NOW = datetime.now(UTC)
SECRETS = make_cluster_secrets(NOW)


class ApiServer:
    """Where the list is read: `answer` is given to everybody, after `asked` was counted."""

    def __init__(self, folder: Path) -> None:
        self.answer: tuple[int, Any] = (404, {})
        self.asked = 0

        class Handling(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(handler) -> None:  # noqa: N805
                self.asked += 1
                status, body = self.answer
                content = json.dumps(body).encode()
                handler.send_response(status)
                handler.send_header("Content-Length", str(len(content)))
                handler.end_headers()
                handler.wfile.write(content)

            def log_message(handler, *_: object) -> None:  # noqa: N805
                pass

        certificate, key = issue_serving_certificate(SECRETS, name="localhost", now=NOW)
        (folder / "api.pem").write_text(certificate + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "api.pem")
        context.load_verify_locations(cadata=SECRETS.ca_cert)
        context.verify_mode = ssl.CERT_REQUIRED  # it shows its own certificate
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handling)
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def says(self, status: int, *ids: str) -> None:
        """Answer so from now on, and wait until that was read."""
        self.answer = status, {"data": {"ids": "\n".join(ids)}}
        before, end = self.asked, time.monotonic() + 30
        while self.asked < before + 2:  # of two questions the second was begun after the first was answered
            assert time.monotonic() < end, "it does not ask"
            time.sleep(0.02)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    made = ApiServer(tmp_path_factory.mktemp("api"))
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def port(api: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with Running(tmp_path_factory.mktemp("authorizer"), api.url) as chosen:
        yield chosen


class Running:
    """The program, within a block; gives its port."""

    def __init__(self, folder: Path, api: str) -> None:
        certificate, key = issue_serving_certificate(SECRETS, name=NAME, now=NOW, asks_too=True)
        (folder / "authorizer.crt").write_text(certificate)
        (folder / "authorizer.key").write_text(key)
        (folder / "ca.crt").write_text(SECRETS.ca_cert)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        arguments = [str(self.port), str(folder), api, str(folder / "ca.crt")]
        self.process = subprocess.Popen([sys.executable, "-I", str(PROGRAM), *arguments])

    def __enter__(self) -> int:
        end = time.monotonic() + 30
        while not listens(self.port):
            assert time.monotonic() < end, "it never listened"
            time.sleep(0.05)
        return self.port

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def listens(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


def connection(port: int) -> HTTPSConnection:
    """As the API server connects: by the name that nothing else has."""
    trusted = ssl.create_default_context(cadata=SECRETS.ca_cert)
    trusted.verify_flags &= ~ssl.VERIFY_X509_STRICT
    made = HTTPSConnection("127.0.0.1", port, timeout=20)
    made.sock = trusted.wrap_socket(socket.create_connection(("127.0.0.1", port), 20), server_hostname=NAME)
    return made


def asked_about(port: int, *groups: str) -> Any:
    """What it says of somebody with a kubeconfig."""
    asking = connection(port)
    review = {"kind": "SubjectAccessReview", "spec": {"user": "eva", "groups": list(groups)}}
    asking.request("POST", "/kubeconfigs?timeout=3s", json.dumps(review))
    answer = asking.getresponse()
    assert answer.status == 200
    said = json.loads(answer.read())
    asking.close()
    return said["status"]


def test_of_what_is_reserved_the_answer_is_no_whatever_it_is_asked(port: int) -> None:
    asking = connection(port)
    for body in (b"", b'{"kind": "SubjectAccessReview"}', b"\x00" * 70_000):
        asking.request("POST", "/", body)
        answer = asking.getresponse()
        said = json.loads(answer.read())
        assert (answer.status, said["kind"]) == (200, "SubjectAccessReview")
        assert (said["status"]["allowed"], said["status"]["denied"]) == (False, True)
    asking.close()


def test_a_question_without_end_is_not_read(port: int) -> None:
    asking = connection(port)
    asking.putrequest("POST", "/")
    asking.putheader("Content-Length", str(1 << 40))
    asking.endheaders()
    assert asking.getresponse().status == 413
    asking.close()


def test_who_only_connects_keeps_nobody_waiting(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
        asking = connection(port)
        asking.request("POST", "/", b"{}")
        assert asking.getresponse().status == 200
        asking.close()


def test_a_revoked_kubeconfig_is_refused_and_no_other(port: int, api: ApiServer) -> None:
    api.says(200, "aaaa", "bbbb")
    refused = asked_about(port, "navarch:admins", "navarch:kubeconfig:bbbb")
    assert refused == {"allowed": False, "denied": True, "reason": "the kubeconfig bbbb was revoked"}
    # Nothing is allowed by it either: RBAC decides.
    for groups in (("navarch:admins", "navarch:kubeconfig:cccc"), ("navarch:kubeconfig:",), ("bbbb",)):
        assert asked_about(port, *groups) == {"allowed": False, "denied": False, "reason": ""}


def test_without_a_list_nothing_was_revoked(port: int, api: ApiServer) -> None:
    api.says(404)
    assert not asked_about(port, "navarch:kubeconfig:bbbb")["denied"]


@pytest.mark.parametrize("status", [403, 500])
def test_what_was_read_last_counts_while_it_cannot_be_read_again(port: int, api: ApiServer, status: int) -> None:
    api.says(200, "aaaa")
    api.says(status)
    assert asked_about(port, "navarch:kubeconfig:aaaa")["denied"]
    assert not asked_about(port, "navarch:kubeconfig:cccc")["denied"]


def test_before_the_list_was_read_everybody_is_refused(tmp_path: Path) -> None:
    with Running(tmp_path, "https://localhost:1") as port:
        refused = asked_about(port, "navarch:kubeconfig:cccc")
    assert refused["denied"]
    assert "try again" in refused["reason"]


@pytest.mark.parametrize("question", [b"", b"[]", b'{"spec": 1}', b'{"spec": {"groups": [1]}}'])
def test_what_is_no_question_is_not_answered(port: int, question: bytes) -> None:
    asking = connection(port)
    asking.request("POST", "/kubeconfigs", question)
    assert asking.getresponse().status == 400  # the API server takes that for a no
    asking.close()
