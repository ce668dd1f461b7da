"""What surrounds every request: where a change may come from, what a browser may do with the answer, one log line; and
the prefix of a console that is not at the root of its host: outside all paths have it, inside none has."""

import secrets
import time
from collections.abc import Mapping
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = "/static/"
_READING = ("GET", "HEAD")
_log = structlog.get_logger("navarch.console")
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        # Strings become HTML by the policies of trusted.js alone, and never a script or its address.
        "require-trusted-types-for 'script'",
        "trusted-types default",
    )
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_PRIVATE = {"Cache-Control": "no-store", "Vary": "Cookie, HX-Request, HX-Request-Type, HX-History-Restore-Request"}


_LEADING = ("Location", "HX-Redirect")


class Guard:
    """ASGI middleware. `origin`: that of the console as browsers know it; a request that could change something has to
    come from its pages, the sign-in among them. `root`: the prefix, as /kubernetes; a proxy may pass it on or not."""

    def __init__(self, app: ASGIApp, origin: str, root: str = "") -> None:
        self._app, self._origin, self._root = app, origin, root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, began, status = f"req-{uuid4()}", time.monotonic(), 0
        if self._root and (scope["path"] + "/").startswith(f"{self._root}/"):
            scope = {**scope, "path": scope["path"].removeprefix(self._root) or "/"}
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)  # a page may have a stricter policy of its own
                if not scope["path"].startswith(STATIC):
                    for name, value in _PRIVATE.items():
                        headers.setdefault(name, value)
                headers["X-Request-Id"] = request_id
                for name in _LEADING:
                    if self._root and headers.get(name, "").startswith("/"):
                        headers[name] = self._root + headers[name]
            await send(message)

        try:
            if self._foreign(scope):
                refusal = PlainTextResponse("This request did not come from a page of the console.\n", 403)
                await refusal(scope, receive, guarded)
            else:
                await self._app(scope, receive, guarded)
        except Exception:  # noqa: BLE001 - the last net: the person gets a sentence and no traceback
            _log.exception("a request failed", method=scope["method"], path=scope["path"])
            if status == 0:
                sorry = PlainTextResponse(f"The console failed; it was logged as {request_id}.\n", 500)
                await sorry(scope, receive, guarded)
        finally:
            if not scope["path"].startswith(STATIC):
                # No query: what people search for is theirs.
                _log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    seconds=round(time.monotonic() - began, 4),
                )

    def _foreign(self, scope: Scope) -> bool:
        """Whether it may change something and comes from elsewhere. Browsers send Origin with every POST; where one
        does not, it says at least that the request is of the same origin."""
        if scope["method"] in _READING:
            return False
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None:
            return origin != self._origin
        return headers.get("sec-fetch-site") != "same-origin"


def same_secret(one: str, other: str) -> bool:
    """Whether two secrets are the same and there is one, in time that tells nothing."""
    return bool(one) and secrets.compare_digest(one.encode(), other.encode())
