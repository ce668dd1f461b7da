"""Signing in at a Keystone that is played over HTTP, as its API reference has it: with one factor, and with two."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from navarch.client.errors import NotAuthorised
from navarch.console.keystone import SecondFactorNeeded, SignIn

PASSWORD, PASSCODE, RECEIPT, ENDS = "secret", "123456", "a-receipt", "2026-11-30T12:00:00.000000Z"


class Keystone(BaseHTTPRequestHandler):
    """POST /v3/auth/tokens. ann has one factor, rob has two; the rule of eve names one that nobody knows."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        identity = body["auth"]["identity"]
        methods = identity["methods"]
        user = next(identity[m]["user"] for m in methods)
        name = user["name"]
        known = "password" in methods and user["password"] == PASSWORD and user["domain"]["name"] == "Default"
        if self.headers.get("Openstack-Auth-Receipt") == RECEIPT and methods == ["totp"]:
            if user["passcode"] == PASSCODE:
                self._token(name)
            else:
                self._answer(401, {"error": {"code": 401, "message": "no"}})
        elif not known:
            self._answer(401, {"error": {"code": 401, "message": "no"}})
        elif name == "ann":
            self._token(name)
        else:
            rules = [["password", "totp" if name == "rob" else "palm"]]
            receipt = {"methods": ["password"], "expires_at": ENDS, "user": {"name": name}}
            self._answer(401, {"receipt": receipt, "required_auth_methods": rules}, {"Openstack-Auth-Receipt": RECEIPT})

    def _token(self, name: str) -> None:
        token = {"methods": ["password"], "user": {"id": f"{name}-id", "name": name}, "expires_at": ENDS}
        self._answer(201, {"token": token}, {"X-Subject-Token": f"token-of-{name}"})

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for key, value in (
            {"Content-Type": "application/json", "Content-Length": str(len(content))} | (headers or {})
        ).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass


@pytest.fixture(scope="module")
def sign_in() -> Iterator[SignIn]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Keystone)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield SignIn(f"http://127.0.0.1:{server.server_port}/v3", "")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_one_factor_is_enough_where_keystone_asks_for_no_other(sign_in: SignIn) -> None:
    token = sign_in.by_password("ann", PASSWORD, "Default")
    assert (token.id, token.user_name, token.project_id) == ("token-of-ann", "ann", "")


def test_a_second_factor_goes_with_the_receipt_for_the_first(sign_in: SignIn) -> None:
    with pytest.raises(SecondFactorNeeded) as needed:
        sign_in.by_password("rob", PASSWORD, "Default")
    assert needed.value.receipt == RECEIPT
    assert RECEIPT not in str(needed.value), "it is a secret"
    assert sign_in.by_passcode(RECEIPT, "rob", "Default", PASSCODE).id == "token-of-rob"


@pytest.mark.parametrize(("receipt", "passcode"), [(RECEIPT, "000000"), ("forged", PASSCODE)])
def test_a_wrong_passcode_or_receipt_is_refused(sign_in: SignIn, receipt: str, passcode: str) -> None:
    with pytest.raises(NotAuthorised):
        sign_in.by_passcode(receipt, "rob", "Default", passcode)


def test_a_factor_that_nobody_knows_is_told_as_such(sign_in: SignIn) -> None:
    with pytest.raises(NotAuthorised, match="does not know"):
        sign_in.by_password("eve", PASSWORD, "Default")


def test_a_wrong_password_asks_for_nothing_more(sign_in: SignIn) -> None:
    with pytest.raises(NotAuthorised):
        sign_in.by_password("rob", "wrong", "Default")
