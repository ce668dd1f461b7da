"""As much of Keystone's v3 API as Navarch, its CLI and keystoneauth need: passwords in, tokens out, tokens validated.

Every project has one user of its own, of the same name and with role member; Navarch's service user has role service in
project `service`. All have the one password. Nothing is kept but in memory.
"""

import asyncio
import secrets
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

REGION = "RegionOne"
SERVICE_USER, SERVICE_PROJECT = "navarch", "service"
_DOMAIN = {"id": "default", "name": "Default"}
_LIFETIME = timedelta(hours=12)
_INVALID = "The request you have made requires authentication."


def project_id(name: str) -> str:
    """The id of the project of that name, the same in every run."""
    return sha256(f"project {name}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class _User:
    """Who may log in, and where they work."""

    name: str
    project: str
    roles: tuple[str, ...]


class SimulatedKeystone:
    """`url` is its own with `/v3`; `navarch_url` is what the catalogue says of service type `kubernetes`."""

    def __init__(self, projects: tuple[str, ...], password: str, *, url: str, navarch_url: str) -> None:
        self._password, self._url, self._navarch_url = password, url.rstrip("/"), navarch_url
        self._users = {name: _User(name, name, ("member", "reader")) for name in projects}
        self._users[SERVICE_USER] = _User(SERVICE_USER, SERVICE_PROJECT, ("service", "reader"))
        self._tokens: dict[str, dict[str, Any]] = {}

    @property
    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/", self._versions),
                Route("/v3", self._version),
                Route("/v3/", self._version),
                Route("/v3/auth/tokens", self._log_in, methods=["POST"]),
                Route("/v3/auth/tokens", self._validate, methods=["GET"]),
            ]
        )

    async def serve(self, listener: socket.socket, certificate: Path, key: Path) -> None:
        """Answer until cancelled."""
        config = uvicorn.Config(
            self.app, log_config=None, access_log=False, lifespan="off", ssl_certfile=certificate, ssl_keyfile=key
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        try:
            await server.startup(sockets=[listener])
            await server.main_loop()
        except asyncio.CancelledError:
            await server.shutdown(sockets=[listener])
            raise

    # -- routes

    async def _versions(self, request: Request) -> Response:
        return JSONResponse({"versions": {"values": [self._about()]}}, 300)

    async def _version(self, request: Request) -> Response:
        return JSONResponse({"version": self._about()})

    async def _log_in(self, request: Request) -> Response:
        try:
            asked = (await request.json())["auth"]
            who = asked["identity"]["password"]["user"]
            user = self._users.get(who.get("name") or who.get("id", ""))
            password = str(who["password"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return _error(400, "Only the password method is simulated.")
        if user is None or not compare_digest(password.encode(), self._password.encode()):
            return _error(401, _INVALID)
        project = (asked.get("scope") or {}).get("project") or {}
        if project.get("name", user.project) != user.project or project.get("id", project_id(user.project)) != (
            project_id(user.project)
        ):
            return _error(401, _INVALID)
        token = secrets.token_urlsafe(32)
        self._tokens[token] = self._body(user)
        return JSONResponse({"token": self._tokens[token]}, 201, {"X-Subject-Token": token, "Vary": "X-Auth-Token"})

    async def _validate(self, request: Request) -> Response:
        asking = self._living(request.headers.get("X-Auth-Token", ""))
        if asking is None:
            return _error(401, _INVALID)
        subject = self._living(request.headers.get("X-Subject-Token", ""))
        if subject is None:
            return _error(404, "Could not find token.")
        shown = {k: v for k, v in subject.items() if k != "catalog" or "nocatalog" not in request.query_params}
        return JSONResponse({"token": shown}, headers={"X-Subject-Token": request.headers["X-Subject-Token"]})

    # -- details

    def _living(self, token: str) -> dict[str, Any] | None:
        found = self._tokens.get(token)
        if found is not None and datetime.fromisoformat(found["expires_at"]) <= datetime.now(UTC):
            del self._tokens[token]
            return None
        return found

    def _body(self, user: _User) -> dict[str, Any]:
        now = datetime.now(UTC)
        return {
            "methods": ["password"],
            "user": {"id": sha256(user.name.encode()).hexdigest()[:32], "name": user.name, "domain": _DOMAIN},
            "project": {"id": project_id(user.project), "name": user.project, "domain": _DOMAIN},
            "roles": [{"id": role, "name": role} for role in user.roles],
            "is_domain": False,
            "is_admin_project": False,
            "issued_at": now.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
            "expires_at": (now + _LIFETIME).strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
            "audit_ids": [secrets.token_urlsafe(16)],
            "catalog": [
                _service("identity", "keystone", self._url),
                _service("kubernetes", "navarch", self._navarch_url),
            ],
        }

    def _about(self) -> dict[str, Any]:
        return {
            "id": "v3.14",
            "status": "stable",
            "updated": "2020-04-07T00:00:00Z",
            "links": [{"rel": "self", "href": f"{self._url}/"}],
            "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
        }


def _service(kind: str, name: str, url: str) -> dict[str, Any]:
    endpoints = [
        {"id": f"{name}-{interface}", "interface": interface, "region": REGION, "region_id": REGION, "url": url}
        for interface in ("public", "internal", "admin")
    ]
    return {"id": name, "type": kind, "name": name, "endpoints": endpoints}


def _error(status: int, message: str) -> Response:
    title = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}[status]
    return JSONResponse({"error": {"code": status, "title": title, "message": message}}, status)
