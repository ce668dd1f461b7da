"""What surrounds every request: its id, its log line, its metrics, and the last net for errors."""

import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from navarch.api.problems import Problem

REQUEST_ID_HEADER = b"x-openstack-request-id"
_TOKEN_HEADER = b"x-auth-token"
_GLOBAL_ID_HEADER = b"x-openstack-global-request-id"
_GLOBAL_ID = re.compile(rb"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_QUIET = ("/healthz", "/readyz")
_HUNG_UP = 499  # as nginx calls it: the caller went before the answer, and nobody is there to be told
_CLOSED = "the handler is closed"  # uvloop's RuntimeError; uvicorn tells only the last of pipelined requests of a loss
_log = structlog.get_logger("navarch.api")


class ApiMetrics:
    """Prometheus metrics of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "navarch_api_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "navarch_api_request_seconds",
            "Time to the end of the answer, without streams.",
            ("method", "route"),
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )


class RequestMiddleware:
    """ASGI middleware. `turned_away`: of a request's token and address, why it goes no further; None: it does."""

    def __init__(
        self, app: ASGIApp, metrics: ApiMetrics, turned_away: Callable[[str, str], Problem | None] = lambda *_: None
    ) -> None:
        self._app, self._metrics, self._turned_away = app, metrics, turned_away

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req-{uuid4()}"
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id, **_global_id(scope))
        began, answer = time.monotonic(), _Answer(send, request_id)
        try:
            refusal = self._refusal(scope)
            await (self._app if refusal is None else refusal.response(request_id))(scope, receive, answer.send)
        except ClientDisconnect:
            answer.status = answer.status or _HUNG_UP
        except Exception:  # noqa: BLE001 - the last net: whatever it is, the caller gets a problem and no traceback
            _log.exception("a request failed", method=scope["method"], path=scope["path"])
            if answer.status == 0:
                problem = Problem(500, "internal", "an internal error; it was logged")
                await problem.response(request_id)(scope, receive, answer.send)
        finally:
            self._note(scope, answer, time.monotonic() - began)

    def _refusal(self, scope: Scope) -> Problem | None:
        token = next((value for name, value in scope["headers"] if name == _TOKEN_HEADER), b"")
        address = (scope.get("client") or ("",))[0]
        return self._turned_away(token.decode("latin-1"), address) if token else None

    def _note(self, scope: Scope, answer: "_Answer", seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.requests.labels(_method(scope), route, str(answer.status)).inc()
        if not answer.stream:
            self._metrics.seconds.labels(_method(scope), route).observe(seconds)
        if scope["path"] not in _QUIET:
            state = scope["state"]
            _log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=answer.status,
                seconds=round(seconds, 4),
                client=(scope.get("client") or ("",))[0],
                **{k: state[k] for k in ("project_id", "user_id", "cluster_id") if k in state},
            )


class _Answer:
    """Adds the request's id to the answer and remembers its status. Raises ClientDisconnect where nobody listens."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self._request_id = send, request_id.encode()
        self.status, self.stream = 0, False

    async def send(self, message: Message) -> None:
        started = message["type"] == "http.response.start"
        if started:
            headers: list[Any] = list(message.get("headers", []))
            self.stream = any(k == b"content-type" and v.startswith(b"text/event-stream") for k, v in headers)
            message = {**message, "headers": [*headers, (REQUEST_ID_HEADER, self._request_id)]}
        try:
            await self._send(message)
        except (OSError, RuntimeError) as error:
            if isinstance(error, OSError) or _CLOSED in str(error):
                raise ClientDisconnect from error
            raise
        if started:
            self.status = message["status"]


def _method(scope: Scope) -> str:
    known = ("GET", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "PUT")
    return scope["method"] if scope["method"] in known else "OTHER"


def _global_id(scope: Scope) -> dict[str, str]:
    """The id that a calling service gave the whole operation."""
    value = dict(scope["headers"]).get(_GLOBAL_ID_HEADER, b"")
    return {"global_request_id": value.decode()} if _GLOBAL_ID.fullmatch(value) else {}
