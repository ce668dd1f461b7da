"""Malformed, huge, deep and wrongly typed requests: 4xx with the reason, never 5xx, never a traceback."""

import json
from typing import Any

import pytest
from api_fixtures import Api, errors

from navarch.store.private import PrivatePostgres

pytestmark = pytest.mark.postgres

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'"text"', 400),
        (b"\xff\xfe", 400),
        (b'{"name": NaN}', 400),
        (b'{"name": Infinity}', 400),
        (b'{"name": 1e999}', 400),
        (b'{"name": ' + b"9" * 5000 + b"}", 400),
        (b'{"name": "a", "name": "b"}', 400),
        (b'{"name": "a\\u0000b"}', 400),
        (b'{"a\\u0000b": 1}', 400),
        (b'{"name": "\\ud800"}', 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, 400),
        (b'{"a":' * 40 + b"1" + b"}" * 40, 400),
        (b'{"name": "' + b"a" * 300_000 + b'"}', 413),
        (b'{"name": "' + b"a" * 200_000 + b'"}', 422),
        (b'{"name": 99999999999999999}', 422),
        (b'{"name": true, "spec": 5, "labels": []}', 422),
        (b'{"name": "a", "labels": {"k": null}}', 422),
        (b'{"name": "a", "spec": {"control_plane": {"replicas": 1.5}}}', 422),
        (b'{"name": "a", "spec": {"control_plane": {"replicas": true}}}', 422),
        (b'{"name": "a", "spec": {"control_plane": {"replicas": "3"}}}', 422),
        (b'{"name": "a", "spec": {"node_groups": {"name": "b"}}}', 422),
        (b'{"name": "a", "spec": {"node_groups": [null, 5, "x", []]}}', 422),
        (b'{"name": "a", "spec": {"node_groups": [{"name": "b", "replicas": 1000000000}]}}', 422),
    ],
)  # fmt: skip
def test_bodies_that_cannot_be_accepted(api: Api, content: bytes, status: int) -> None:
    answer = api.call("POST", "/clusters", content=content, headers=JSON)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 20_000
    assert api.get("/clusters").json()["clusters"] == []


def test_only_json_is_read(api: Api) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
        answer = api.call("POST", "/clusters", content=b'{"name": "a"}', headers={"content-type": kind})
        assert answer.status_code == 415, kind
    kinds = ("application/json; charset=utf-8", "application/merge-patch+json")
    for number, kind in enumerate(kinds):
        body = json.dumps({"name": f"a{number}"}).encode()
        assert api.call("POST", "/clusters", content=body, headers={"content-type": kind}).status_code == 202


def test_a_length_that_lies_does_not_help(api: Api) -> None:
    def chunks() -> Any:
        for _ in range(100):
            yield b'{"name": "' + b"a" * 10_000

    assert api.call("POST", "/clusters", content=chunks(), headers=JSON).status_code == 413


@pytest.mark.parametrize(
    "reference", ["%00", "a%00b", "A", "-", "x" * 300, "..%2f..", "%ed%a0%80", "%ff", "a b", "' OR 1=1", "%F0%9F%98%80"]
)
def test_references_that_cannot_be(api: Api, reference: str) -> None:
    api.create()
    for path in (
        f"/clusters/{reference}",
        f"/clusters/{reference}/machines",
        f"/clusters/shop/node_groups/{reference}",
    ):
        assert api.get(path).status_code == 404, path


@pytest.mark.parametrize(
    "query",
    ["limit=x", "limit=-1", "limit=99999999999999999999999", "marker=%00", "name=%00", "label=%00=1", "label==",
     "watch=2", "all_projects=maybe", "marker=" + "x" * 300, "name=" + "y" * 100],
)  # fmt: skip
def test_parameters_that_cannot_be(api: Api, query: str) -> None:
    answer = api.get(f"/clusters?{query}")
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


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


def test_the_database_away_is_503_and_passes(api: Api, server: PrivatePostgres) -> None:
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
