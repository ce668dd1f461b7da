"""A small real HTTP server that speaks the native API."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Answer:
    """What the server says: `body` is sent as JSON."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Stream:
    """A stream of events: (name, data, id), or seconds of silence. It ends after them, `broken` within one."""

    events: list[tuple[str, Any, int | None] | float]
    broken: bool = False


@dataclass
class Request:
    """What was asked."""

    method: str
    path: str
    query: list[tuple[str, str]]
    body: Any
    headers: dict[str, str]


Handler = Callable[[Request], Answer | Stream]


def progress(cluster: Any, *rows: tuple[str, str, str, float | None]) -> Any:
    """How far a cluster is, as the service answers it; rows are name, state, detail and seconds."""
    conditions = cluster["status"].get("conditions") or []
    shown = [dict(zip(("name", "state", "detail", "seconds"), row, strict=True)) for row in rows]
    return {
        "name": cluster["name"], "phase": cluster["status"]["phase"], "asked_at": cluster["created_at"], "percent": 0,
        "waiting_for": None, "rows": shown,
        "blocked": next((c for c in conditions if c.get("responsible") and c["status"] != "True"), None),
    }  # fmt: skip


class Service:
    """Answers by (method, path); a list of answers is used up one by one, the last one stays."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.requests: list[Request] = []
        self._shown: dict[str, Any] = {}  # by path, what was answered last
        self._answers: dict[tuple[str, str], list[Answer | Stream | Handler]] = {}

    def on(self, method: str, path: str, *answers: Answer | Stream | Handler) -> None:
        """`method` may be WATCH: a GET of a stream. Where none is registered there is none to be had."""
        self._answers[method, "/kaas/v1" + path if path != "/readyz" else path] = list(answers)

    def shown(self, cluster_id: str) -> Any:
        """The cluster as it was answered last."""
        return self._shown[f"/kaas/v1/clusters/{cluster_id}"]

    def sent(self, method: str) -> list[Request]:
        return [r for r in self.requests if r.method == method]

    def asked(self, path: str) -> list[Request]:
        """The plain GETs of a path."""
        return [r for r in self.sent("GET") if r.path == "/kaas/v1" + path and not _watches(r)]

    def watched(self) -> list[Request]:
        return [r for r in self.requests if _watches(r)]

    def answer(self, request: Request) -> Answer | Stream:
        self.requests.append(request)
        answers = self._answers.get(("WATCH" if _watches(request) else request.method, request.path))
        if answers is None and request.path.endswith("/progress"):
            return Answer(200, progress(self._shown[request.path.removesuffix("/progress")]))
        if answers is None and _watches(request):
            return Answer(503, {"title": "Not available", "detail": "too many streams are open; poll instead"})
        if answers is None:
            return Answer(404, {"title": "Not Found", "status": 404, "detail": f"nothing at {request.path}"})
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer = answer(request) if callable(answer) else answer
        if isinstance(answer, Answer) and request.method == "GET":
            self._shown[request.path] = answer.body
        return answer


def _watches(request: Request) -> bool:
    return ("watch", "true") in request.query


@dataclass
class Ran:
    """How a command line ended."""

    code: int
    out: str
    err: str


@contextmanager
def serving() -> Iterator[Service]:
    """A server on the loopback interface."""

    class Handling(BaseHTTPRequestHandler):
        def _any(self) -> None:
            split = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length) if length else b""
            request = Request(
                self.command, split.path, parse_qsl(split.query), json.loads(raw) if raw else None,
                {k.lower(): v for k, v in self.headers.items()},
            )  # fmt: skip
            answer = made.answer(request)
            if isinstance(answer, Stream):
                self._stream(answer)
                return
            text = b"" if answer.body is None else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            kind = "application/problem+json" if answer.status >= 400 else "application/json"
            for name, value in {"Content-Type": kind, "Content-Length": str(len(text)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def _stream(self, stream: Stream) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream; charset=utf-8")
            self.send_header("Connection", "close")
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(b": a comment\n\n")
                told = any(not isinstance(event, float) and event[0] == "progress" for event in stream.events)
                for event in stream.events:
                    if isinstance(event, float):
                        time.sleep(event)
                        continue
                    name, data, number = event
                    if name == "cluster" and not told:
                        self.wfile.write(f"event: progress\ndata: {json.dumps(progress(data))}\n\n".encode())
                    id_ = "" if number is None else f"id: {number}\n"
                    self.wfile.write(f"event: {name}\n{id_}data: {json.dumps(data)}\n\n".encode())
                if stream.broken:
                    self.wfile.write(b"event: cluster\ndata: {")
            self.close_connection = True

        do_GET = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815 - http.server's names

        def log_message(self, *args: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handling)
    made = Service(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
