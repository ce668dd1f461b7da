"""Malformed, huge, deep and wrongly typed requests: 4xx with the reason, never 5xx, never a traceback."""

import asyncio
import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from structlog.testing import capture_logs
from tests.integration import api_hostile as hostile
from tests.integration.api_fixtures import MACHINE_TOKENS, OFFER, Api, MakeApi, errors, plenty, routes
from tests.integration.catalogue_fixtures import Unchanging, add_entry

from navarch.store.local_postgres import LocalPostgres

pytestmark = pytest.mark.postgres

JSON = {"content-type": "application/json"}
THERE = {"cluster": "shop", "name": "default", "machine": "m0", "kubeconfig": "0123456789abcdef"}


@pytest.fixture
def fast(make_api: MakeApi) -> Iterator[Api]:
    """The service with a ready cluster that has an add-on, and no bound on how often a machine may ask."""
    api = make_api(machine_burst=1_000_000, renderer=Unchanging())
    api.store.write_offer(OFFER)
    api.store.write_quota("alpha", plenty())
    with api.client:
        api.make_ready(api.create()["id"])
        add_entry(api.store, "default", "1.0.0")
        assert api.post("/clusters/shop/addons", {"entry": "default"}).status_code == 202
        yield api


def send(api: Api, route: tuple[str, str], **options: Any) -> Any:
    """A request to a route as somebody who may use it, on the cluster and the node group that there are."""
    method, path = route
    token = MACHINE_TOKENS.issue("00000000-0000-4000-8000-000000000000", "m0")
    headers = {"X-Auth-Token": "ann", "Authorization": f"Bearer {token}"} | options.pop("headers", JSON)
    url = path if "{" not in path else path.format(**THERE)
    return api.client.request(method, url, headers=headers, **options)


def wish(api: Api) -> Any:
    """What nothing that is refused may change."""
    return [{k: v for k, v in c.items() if k != "status"} for c in api.get("/clusters").json()["clusters"]]


def refused(answer: Any) -> bool:
    """Whether the answer says no in the form that every no has, and is not many times what was asked."""
    return (
        400 <= answer.status_code < 500
        and answer.headers["content-type"] == "application/problem+json"
        and answer.json()["status"] == answer.status_code
        and len(answer.content) < 64 * 1024
    )


def taking_bodies(api: Api) -> list[tuple[str, str]]:
    return [route for route, model in routes(api.client.app).items() if model is not None]


def test_what_cannot_be_read_is_refused_on_every_route(fast: Api) -> None:
    before = wish(fast)
    for name, (content, status) in hostile.UNREADABLE.items():
        for route in taking_bodies(fast):
            answer = send(fast, route, content=content)
            assert answer.status_code == status, (name, route, answer.text)
            assert refused(answer), (name, route, answer.text)
    assert wish(fast) == before


def test_what_cannot_be_accepted_is_refused_on_every_route(fast: Api) -> None:
    before = wish(fast)
    for name, document in hostile.UNACCEPTABLE.items():
        for route in taking_bodies(fast):
            answer = send(fast, route, content=json.dumps(document).encode())
            assert answer.status_code in (400, 422), (name, route, answer.text)
            assert refused(answer), (name, route, answer.text)
    assert wish(fast) == before


def test_every_value_of_a_wrong_type_in_every_place_is_survived(fast: Api) -> None:
    models = {route: model for route, model in routes(fast.app).items() if model is not None}
    assert set(models.values()) == set(hostile.GOOD), "a body without an example to spoil"
    for route, model in models.items():
        for body in hostile.spoiled(hostile.GOOD[model]):
            answer = send(fast, route, json=body, params={"dry_run": True})
            assert answer.status_code < 500, (route, body, answer.text)
            assert answer.status_code < 400 or refused(answer), (route, body, answer.text)


def test_only_plain_json_is_read_on_every_route(fast: Api) -> None:
    for name, (headers, content) in hostile.HEADERS.items():
        for route in taking_bodies(fast):
            answer = send(fast, route, content=content, headers=headers)
            assert answer.status_code == 415, (name, route, answer.text)
            assert refused(answer), (name, route, answer.text)


def test_what_names_nothing_is_not_found_on_every_route(fast: Api) -> None:
    before = wish(fast)
    for (method, path), model in routes(fast.client.app).items():
        for place in re.findall(r"{(\w+)}", path):
            for reference in hostile.REFERENCES:
                odd = path.format(**THERE | {place: reference})
                answer = fast.call(method, odd, json=hostile.GOOD[model] if model else None)
                assert answer.status_code in (404, 405), (method, odd, answer.text)
                assert refused(answer), (method, odd, answer.text)
    assert wish(fast) == before


def test_a_caller_that_hangs_up_is_no_fault_of_ours(fast: Api) -> None:
    said = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    scope = {
        "type": "http", "method": "POST", "path": "/kaas/v1/clusters", "query_string": b"", "http_version": "1.1",
        "headers": [(b"x-auth-token", b"ann"), (b"content-length", b"9")], "scheme": "http", "server": ("s", 80),
    }  # fmt: skip

    async def receive() -> Any:
        return next(said)

    async def send_nothing(message: Any) -> None:
        pytest.fail(f"nobody is there to be told {message}")

    with capture_logs() as logs:
        asyncio.run(fast.app(scope, receive, send_nothing))
    assert [(line["event"], line["status"]) for line in logs] == [("request", 499)]


ASKED = {
    "type": "http", "method": "GET", "path": "/kaas/v1/clusters", "query_string": b"", "http_version": "1.1",
    "headers": [(b"x-auth-token", b"ann")], "scheme": "http", "server": ("s", 80),
}  # fmt: skip


@pytest.mark.parametrize(
    "closed",
    [RuntimeError("unable to perform operation on <TCPTransport closed=True 0x1>; the handler is closed"),
     BrokenPipeError()],
)  # fmt: skip
def test_a_caller_that_is_gone_when_the_answer_comes_is_no_fault_of_ours(fast: Api, closed: Exception) -> None:
    with capture_logs() as logs:
        asyncio.run(fast.app(dict(ASKED), nothing_more, raises(closed)))
    assert [(line["event"], line["status"]) for line in logs] == [("request", 499)]


def test_an_answer_that_the_server_refuses_is_a_fault_of_ours(fast: Api) -> None:
    with capture_logs() as logs, pytest.raises(RuntimeError):
        asyncio.run(fast.app(dict(ASKED), nothing_more, raises(RuntimeError("longer than Content-Length"))))
    assert [line["event"] for line in logs] == ["a request failed", "request"]


async def nothing_more() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


def raises(error: Exception) -> Any:
    async def send(message: Any) -> None:
        raise error

    return send


@pytest.fixture
def port(fast: Api) -> Iterator[int]:
    """The service behind the real HTTP server."""
    server = uvicorn.Server(uvicorn.Config(fast.app, port=0, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def test_what_is_hardly_http_is_survived(port: int) -> None:
    with capture_logs() as logs:
        for name, content in hostile.WIRE.items():
            answer = spoken(port, content)
            assert answer == b"" or re.match(rb"HTTP/1.1 [24]\d\d ", answer), (name, answer[:300])
            assert b" 500 " not in answer, (name, answer)
    assert {line["event"] for line in logs} == {"request"}
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200


def spoken(port: int, content: bytes) -> bytes:
    """What comes back on a connection that says this and no more."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                answer += part
    return answer


def test_json_is_read_under_the_names_it_has(api: Api) -> None:
    kinds = ("application/json; charset=utf-8", "application/merge-patch+json", "APPLICATION/JSON")
    for number, kind in enumerate(kinds):
        body = json.dumps({"name": f"a{number}"}).encode()
        headers = {"content-type": kind, "content-encoding": "identity"}
        assert api.call("POST", "/clusters", content=body, headers=headers).status_code == 202


def test_a_length_that_lies_does_not_help(api: Api) -> None:
    def chunks() -> Any:
        for _ in range(100):
            yield b'{"name": "' + b"a" * 10_000

    assert api.call("POST", "/clusters", content=chunks(), headers=JSON).status_code == 413


@pytest.mark.parametrize(
    "query",
    ["limit=x", "limit=-1", "limit=99999999999999999999999", "marker=%00", "name=%00", "label=%00=1", "label==",
     "watch=2", "all_projects=maybe", "marker=" + "x" * 300, "name=" + "y" * 100],
)  # fmt: skip
def test_parameters_that_cannot_be(api: Api, query: str) -> None:
    answer = api.get(f"/clusters?{query}")
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_no_text_may_hold_is_told_of_the_parameter_that_holds_it(api: Api) -> None:
    for query, word in (("name=%00", "name"), ("name=%00&watch=true", "name"), ("marker=%00", "marker")):
        answer = api.get(f"/clusters?{query}")
        assert answer.status_code == 400, answer.text
        assert answer.json()["detail"].startswith(word) or list(errors(answer)) == [f"query.{word}"], answer.text


def test_a_parameter_that_a_route_does_not_have_is_refused_on_every_route(fast: Api) -> None:
    before = wish(fast)
    for method, path in routes(fast.app):
        if path.startswith("/kaas"):
            answer = send(fast, (method, path), params={"dryrun": "true"}, json={})
            assert (answer.status_code, list(errors(answer))) == (400, ["query.dryrun"]), (method, path)
    assert wish(fast) == before


def test_a_parameter_that_is_given_twice_is_refused(api: Api) -> None:
    api.create()
    answer = api.patch("/clusters/shop?dry_run=true&dry_run=false", {"spec": {"soak_seconds": 5}})
    assert (answer.status_code, errors(answer)) == (400, {"query.dry_run": "must be given once"})
    assert api.get("/clusters/shop").json()["spec"]["soak_seconds"] == 0
    assert api.get("/clusters?label=a=b&label=c=d&phase=Ready&phase=Blocked").status_code == 200


def test_a_slip_of_the_pen_does_not_delete_the_volumes(api: Api) -> None:
    api.create()
    assert errors(api.delete("/clusters/shop?kep=volumes")) == {
        "query.kep": "is not a known parameter; did you mean keep?"
    }
    assert api.get("/clusters/shop").json()["deletion_requested_at"] is None


def test_parameters_of_timelines(api: Api) -> None:
    api.create()
    for query in ("marker=-1", "marker=9223372036854775808", "marker=x", "limit=1001"):
        assert api.get(f"/clusters/shop/events?{query}").status_code == 400, query


def test_headers_that_cannot_be(api: Api) -> None:
    api.create()
    for key in ("", "a b", "x" * 300, "\u00e9".encode("latin-1").decode("latin-1")):
        answer = api.post("/clusters", {"name": "b"}, headers={"Idempotency-Key": key.encode("latin-1")})
        assert answer.status_code == 400, key
    assert api.delete("/clusters/shop", headers={"If-Match": "nonsense"}).status_code == 400


def test_paths_and_methods_that_are_not(api: Api) -> None:
    for path in ("/", "/v1/clusters", "/kaas", "/kaas/v1/nothing", "/kaas/v1/clusters/"):
        answer = api.client.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
    answer = api.client.put("/kaas/v1/clusters")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"] or "GET" in answer.headers["Allow"]


def test_wrong_types_are_told_by_field(api: Api) -> None:
    body = {"name": 5, "labels": {"a": 1, "b": "ok"}, "spec": {"ssh_keys": "k", "network": [], "paused": "no"}}
    found = errors(api.post("/clusters", body))
    assert set(found) == {"name", "labels.a", "spec.ssh_keys", "spec.network", "spec.paused"}


def test_the_database_away_is_503_and_passes(api: Api, server: LocalPostgres) -> None:
    api.create()
    server.stop()
    try:
        for path in ("/clusters", "/clusters/shop", "/readyz", "/versions"):
            answer = api.get(path)
            assert answer.status_code == 503, path
            assert int(answer.headers["Retry-After"]) >= 1
        assert api.post("/clusters", {"name": "b"}).status_code == 503
        assert api.get("/healthz").status_code == 200
    finally:
        server.start()
    for _ in range(40):
        if api.get("/readyz").status_code == 200:
            break
    assert api.get("/clusters/shop").status_code == 200
