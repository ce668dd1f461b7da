"""The way into a region over the network: an ASGI application with all services behind one address, and its server."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from navarch.simulator.openstack.about import about
from navarch.simulator.openstack.faults import Striker
from navarch.simulator.openstack.messages import Answer, Request
from navarch.simulator.openstack.services import Services

_HEADERS = {  # those that services read; ASGI gives names in small letters
    b"x-auth-token": "X-Auth-Token",
    b"x-subject-token": "X-Subject-Token",
    b"openstack-api-version": "OpenStack-API-Version",
    b"openstack-identity-access-rules": "OpenStack-Identity-Access-Rules",
}
_HANG_UP = "navarch.hang_up"
_Event = dict[str, Any]


class Server:
    """The application. `before` is told of each request before anything happens to it; then `strike` says whether a
    fault hits it."""

    def __init__(
        self, services: Services, *, strike: Striker | None = None, before: Callable[[Request], None] | None = None
    ) -> None:
        self._services, self._strike, self._before = services, strike, before

    async def __call__(
        self, scope: _Event, receive: Callable[[], Awaitable[_Event]], send: Callable[[_Event], Awaitable[None]]
    ) -> None:
        """One request."""
        body = bytearray()
        while True:
            event = await receive()
            if event["type"] != "http.request":
                return
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        answer = await self._answer(scope, bytes(body))
        if answer is None:
            scope["extensions"][_HANG_UP]()
            await receive()  # which tells that nobody is there any more
            return
        await _write(scope, send, answer)

    async def serve(self, listener: socket.socket, certificate: Path, key: Path) -> None:
        """Answer over TLS until cancelled."""
        config = uvicorn.Config(
            self,
            http=_Protocol,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_keep_alive=60,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        try:
            await server.startup(sockets=[listener])
            await server.main_loop()
        except asyncio.CancelledError:
            for connection in list(server.server_state.connections):
                connection.transport.abort()  # nobody is waited for
            await server.shutdown(sockets=[listener])
            raise

    async def _answer(self, scope: _Event, body: bytes) -> Answer | None:
        """The answer; None: nothing is answered."""
        headers = {_HEADERS[name]: value.decode("latin-1") for name, value in scope["headers"] if name in _HEADERS}
        query = scope["query_string"].decode("latin-1")
        url = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        try:
            asked = self._services.request(scope["method"], url, json.loads(body) if body else None, headers)
        except ValueError:
            return Answer(400, {"badRequest": {"code": 400, "message": "Malformed request body"}})
        if asked is None:
            return Answer(404, "<html><body><h1>404 Not Found</h1></body></html>")
        if self._before is not None:
            self._before(asked)
        strike = self._strike(about(self._services.region, asked)) if self._strike is not None else None
        if strike is None:
            return self._services.answer(asked)
        strike.distort(asked)
        answer = strike.answer(asked) if strike.fails and not strike.done else self._services.answer(asked)
        if strike.wait:
            await asyncio.sleep(strike.wait)
        return None if strike.fails and strike.done else answer


class _Protocol(HttpToolsProtocol):
    """uvicorn's, which lets the application hang up without a word: that is what a lost answer looks like."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_HANG_UP: self.transport.abort}  # type: ignore[dict-item]


async def _write(scope: _Event, send: Callable[[_Event], Awaitable[None]], answer: Answer) -> None:
    plain = isinstance(answer.body, str)
    text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body) if answer.body is not None else ""
    content = text.encode() if scope["method"] != "HEAD" else b""
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    if answer.status != 204:
        headers.append((b"content-length", str(len(content)).encode()))
    headers.append((b"content-type", b"text/html" if plain else b"application/json"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
