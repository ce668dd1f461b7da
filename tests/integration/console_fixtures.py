"""The console before the real API over a real PostgreSQL; only Keystone is played."""

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.integration.api_fixtures import SEALER, Api

from navarch.client.errors import NotAuthorised
from navarch.console.app import create_app
from navarch.console.feed import Feeds
from navarch.console.gateway import Gateway
from navarch.console.keystone import Project, SecondFactorNeeded, SignIn, Token
from navarch.console.rendering import Templates
from navarch.console.sessions import Sessions, still_there
from navarch.console.visits import Console
from navarch.store.contract import Unavailable

ORIGIN = "https://console.test"
PASSWORD = "not 1234 <&>"
_PROJECTS = {"ann": ("alpha",), "rob": ("alpha",), "bea": ("beta",), "cat": ("alpha", "beta"), "new": ()}


class PlayedKeystone(SignIn):
    """Tokens are the names of the API's callers; one for no project begins with "unscoped"."""

    def __init__(self) -> None:
        super().__init__("https://keystone.test/v3", "")
        self.revoked: list[str] = []
        self.tokens: dict[str, str] = {}  # by user, where a token is not the user's name
        self.passcodes: dict[str, str] = {}  # of users who have a second factor

    def by_password(self, name: str, password: str, domain: str) -> Token:
        if name not in _PROJECTS or password != PASSWORD or domain != "Default":
            raise NotAuthorised("no")
        if name in self.passcodes:
            raise SecondFactorNeeded(f"receipt-of-{name}")
        return _token(f"unscoped-{name}", name, "")

    def by_passcode(self, receipt: str, name: str, domain: str, passcode: str) -> Token:
        if receipt != f"receipt-of-{name}" or passcode != self.passcodes[name]:
            raise NotAuthorised("no")
        return _token(f"unscoped-{name}", name, "")

    def by_application_credential(self, credential_id: str, secret: str) -> Token:
        if (credential_id, secret) != ("anns", PASSWORD):
            raise NotAuthorised("no")
        return _token("ann", "ann", "alpha")

    def for_project(self, unscoped: str, project_id: str) -> Token:
        name = unscoped.removeprefix("unscoped-")
        token = {"alpha": "ann", "beta": "bea"}[project_id] if name == "cat" else self.tokens.get(name, name)
        return _token(token, name, project_id)

    def projects(self, unscoped: str) -> list[Project]:
        return [Project(name, name, "default") for name in _PROJECTS[unscoped.removeprefix("unscoped-")]]

    def revoke(self, token: str) -> None:
        self.revoked.append(token)


def _token(word: str, name: str, project: str) -> Token:
    return Token(word, f"{name}-id", name, datetime.now(UTC) + timedelta(hours=1), project, project)


@dataclass
class Browser:
    """Somebody's browser: keeps cookies, sends Origin, goes nowhere by itself."""

    client: TestClient
    keystone: PlayedKeystone
    api: Api
    root: str = ""  # what addresses begin with

    @property
    def app(self) -> FastAPI:
        """The application that answers."""
        assert isinstance(self.client.app, FastAPI)
        return self.client.app

    def another(self) -> "Browser":
        """Somebody else's, before the same console."""
        return Browser(_client(self.app), self.keystone, self.api, self.root)

    def behind(self, prefix: str, *, passed_on: bool) -> "Browser":
        """Before a console behind a prefix, which the proxy passes on or not."""
        app = _app(self.api, self.keystone, prefix)
        return Browser(_client(app), self.keystone, self.api, prefix if passed_on else "")

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(self.root + path, **options)

    def post(self, path: str, fields: Any = None, *, csrf: str | None = None, origin: str | None = ORIGIN) -> Any:
        """A form. `csrf`: instead of this session's; "" for none."""
        pairs = list(fields.items()) if isinstance(fields, dict) else list(fields or [])
        secret = self.csrf() if csrf is None else csrf
        pairs += [("csrf", secret)] if secret else []
        headers = {"Content-Type": "application/x-www-form-urlencoded"} | ({"Origin": origin} if origin else {})
        return self.client.post(self.root + path, content=urlencode(pairs), headers=headers)

    def csrf(self) -> str:
        """What the forms of this session carry."""
        return secret_of(self.get("/projects").text) or secret_of(self.get("/clusters").text)

    def sign_in(self, name: str = "ann", following: str = "") -> Any:
        """By name and password."""
        page = self.get("/sign-in", params={"next": following} if following else {})
        fields = {"how": "password", "name": name, "password": PASSWORD, "domain": "Default", "next": following}
        return self.post("/sign-in", fields, csrf=secret_of(page.text))


def secret_of(html: str) -> str:
    """What a page's forms carry."""
    found = re.search(r'name="csrf" value="([^"]+)"', html)
    return found[1] if found else ""


def _client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url=ORIGIN, follow_redirects=False, raise_server_exceptions=False)


def _to_the_api(api: Api) -> httpx.MockTransport:
    def carry(request: httpx.Request) -> httpx.Response:
        headers = {k: v for k, v in request.headers.items() if k not in ("host", "content-length", "accept-encoding")}
        url = request.url.raw_path.decode()
        answer = api.client.request(request.method, url, content=request.read(), headers=headers)
        return httpx.Response(answer.status_code, content=answer.content, headers=dict(answer.headers))

    return httpx.MockTransport(carry)


def _app(api: Api, keystone: PlayedKeystone, prefix: str = "") -> FastAPI:
    sessions = Sessions(api.store, SEALER)
    gateway = Gateway("https://api.test", ssl.create_default_context(), _to_the_api(api))
    console = Console(
        sessions=sessions,
        sign_in=keystone,
        gateway=gateway,
        feeds=Feeds(gateway.watch, still_there(sessions)),
        templates=Templates(prefix),
        session_hours=8,
        root=prefix,
    )
    return create_app(console, origin=ORIGIN, later=(Unavailable,))


def browser_before(api: Api) -> Browser:
    """A browser of nobody yet, before a console of this API."""
    keystone = PlayedKeystone()
    return Browser(_client(_app(api, keystone)), keystone, api)


@pytest.fixture
def browser(api: Api) -> Iterator[Browser]:
    """A browser of nobody yet."""
    made = browser_before(api)
    yield made
    made.client.close()
