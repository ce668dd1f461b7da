"""The program that says no to the API server."""

import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPSConnection
from importlib.resources import files

import pytest

from navarch.bootstrap.pki import issue_serving_certificate, make_cluster_secrets

PROGRAM = files("navarch.bootstrap") / "machine" / "authorizer"
NOW = datetime.now(UTC)
SECRETS = make_cluster_secrets(NOW)
NAME = "authorizer.navarch.internal"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("authorizer")
    certificate, key = issue_serving_certificate(SECRETS, name=NAME, now=NOW)
    (folder / "a.crt").write_text(certificate)
    (folder / "a.key").write_text(key)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        chosen = int(free.getsockname()[1])
    command = [sys.executable, "-I", str(PROGRAM), str(chosen), str(folder / "a.crt"), str(folder / "a.key")]
    process = subprocess.Popen(command)
    try:
        end = time.monotonic() + 30
        while not listens(chosen):
            assert time.monotonic() < end, "it never listened"
            time.sleep(0.05)
        yield chosen
    finally:
        process.kill()
        process.wait()


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


def test_whatever_it_is_asked_the_answer_is_no_on_one_connection(port: int) -> None:
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
