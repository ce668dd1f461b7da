"""The HTTP client: credentials, retries, refusals."""

import json
from pathlib import Path
from typing import Any

import pytest

from navarch.client.credentials import find_credentials
from navarch.client.errors import NotConfigured, Problem, Unavailable
from navarch.client.follow import events
from navarch.client.http import Http, retry_after
from navarch.client.lean_httpx import httpx

CLOUDS = """
clouds:
  alpha:
    auth: {auth_url: "https://keystone:5000/v3", username: ann, password: s3cret, project_name: red}
    region_name: One
    interface: internalURL
  beta:
    auth: {auth_url: "https://keystone:5000/v3", application_credential_id: x, application_credential_secret: y}
"""


class FixedIdentity:
    """A token that can be renewed once."""

    def __init__(self) -> None:
        self.renewed = 0

    def headers(self) -> dict[str, str]:
        return {"X-Auth-Token": f"t{self.renewed}"}

    def renew(self) -> bool:
        self.renewed += 1
        return True


def http(handler: Any, slept: list[float] | None = None, **more: Any) -> Http:
    slept = slept if slept is not None else []
    return Http(
        "https://navarch:9443", FixedIdentity(), transport=httpx.MockTransport(handler), sleep=slept.append, **more
    )


def test_a_named_cloud_is_read_from_clouds_yaml(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CLOUDS)
    found = find_credentials("alpha", None, {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "c.yaml")})
    assert (found.auth_type, found.auth["username"], found.region, found.interface) == (
        "password",
        "ann",
        "One",
        "internal",
    )
    assert "s3cret" not in repr(found)


def test_an_application_credential_needs_no_auth_type(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CLOUDS)
    environ = {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "c.yaml"), "OS_CLOUD": "beta", "OS_REGION_NAME": "Two"}
    found = find_credentials(None, None, environ)
    assert (found.auth_type, found.region) == ("v3applicationcredential", "Two")


def test_secrets_may_be_kept_in_secure_yaml(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("clouds: {a: {auth: {auth_url: 'http://k', username: ann}}}")
    (tmp_path / "s.yaml").write_text("clouds: {a: {auth: {password: hidden}}}")
    environ = {
        "OS_CLIENT_CONFIG_FILE": str(tmp_path / "c.yaml"),
        "OS_CLIENT_SECURE_FILE": str(tmp_path / "s.yaml"),
    }
    assert find_credentials(None, None, environ).auth["password"] == "hidden"


def test_os_variables_win_where_no_cloud_is_named() -> None:
    environ = {"OS_AUTH_URL": "http://k/v3", "OS_USERNAME": "ann", "OS_PASSWORD": "p", "OS_TENANT_NAME": "red"}
    found = find_credentials(None, None, environ)
    assert (found.source, found.auth["project_name"]) == ("OS_* variables", "red")


def test_an_unknown_cloud_is_refused_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CLOUDS)
    with pytest.raises(NotConfigured, match="alpha, beta"):
        find_credentials("gamma", None, {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "c.yaml")})


def test_two_clouds_and_no_choice_are_refused(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CLOUDS)
    with pytest.raises(NotConfigured, match="which cloud"):
        find_credentials(None, None, {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "c.yaml")})


def test_a_missing_ca_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CLOUDS)
    environ = {"OS_CLIENT_CONFIG_FILE": str(tmp_path / "c.yaml"), "OS_CACERT": "/no/such/ca"}
    with pytest.raises(NotConfigured, match="/no/such/ca"):
        find_credentials("alpha", None, environ)


def test_a_busy_service_is_asked_again_after_the_time_it_names() -> None:
    answers = [httpx.Response(503, headers={"Retry-After": "0.4"}), httpx.Response(200, json={"ok": True})]
    slept: list[float] = []
    assert http(lambda _: answers.pop(0), slept).call("GET", "/x") == {"ok": True}
    assert slept == [0.4]


def test_patience_is_bounded() -> None:
    slept: list[float] = []
    problem = {"title": "Service Unavailable", "detail": "the database does not answer"}
    with pytest.raises(Unavailable, match="the database does not answer"):
        http(lambda _: httpx.Response(503, json=problem, headers={"Retry-After": "1"}), slept).call("GET", "/x")
    assert slept == [1.0] * 5


def test_a_long_retry_after_is_not_waited_for() -> None:
    slept: list[float] = []
    with pytest.raises(Unavailable):
        http(lambda _: httpx.Response(503, headers={"Retry-After": "3600"}), slept).call("GET", "/x")
    assert slept == []


def test_a_lost_connection_is_tried_again_only_where_the_request_may_be_repeated() -> None:
    calls: list[str] = []

    def broken(request: Any) -> Any:
        calls.append(request.method)
        raise httpx.ReadError("reset", request=request)

    with pytest.raises(Unavailable, match="broke"):
        http(broken).call("POST", "/x", json={})
    assert calls == ["POST"]
    with pytest.raises(Unavailable):
        http(broken).call("POST", "/x", json={}, headers={"Idempotency-Key": "k"})
    assert len(calls) == 4


def test_an_untrusted_certificate_is_said_at_once() -> None:
    def untrusted(request: Any) -> Any:
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed", request=request)

    slept: list[float] = []
    with pytest.raises(Unavailable, match="OS_CACERT"):
        http(untrusted, slept).call("GET", "/x")
    assert slept == []


def test_an_expired_token_is_renewed_once() -> None:
    seen: list[str] = []

    def refuse_the_first(request: Any) -> Any:
        seen.append(request.headers["X-Auth-Token"])
        return httpx.Response(401 if len(seen) == 1 else 200, json={})

    http(refuse_the_first).call("GET", "/x")
    assert seen == ["t0", "t1"]
    with pytest.raises(Problem) as refused:
        http(lambda _: httpx.Response(401, json={"error": {"title": "Unauthorized", "message": "no"}})).call(
            "GET", "/x"
        )
    assert (refused.value.status, refused.value.detail) == (401, "no")


def test_a_refusal_carries_every_bad_field_and_the_request_id() -> None:
    body = {
        "title": "Bad request", "status": 422, "detail": "2 fields are wrong",
        "errors": [{"field": "name", "detail": "too long"}, {"field": "spec.x", "detail": "unknown"}],
    }  # fmt: skip
    answer = httpx.Response(422, content=json.dumps(body), headers={"x-openstack-request-id": "req-1"})
    with pytest.raises(Problem) as refused:
        http(lambda _: answer).call("POST", "/x", json={})
    assert [(e.field, e.detail) for e in refused.value.errors] == [("name", "too long"), ("spec.x", "unknown")]
    assert refused.value.request_id == "req-1"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"x"', b'{"errors": ["x", 3], "detail": {"a": 1}}'])
def test_any_body_of_a_refusal_is_survived(body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        http(lambda _: httpx.Response(500, content=body)).call("GET", "/x")
    assert refused.value.status == 500
    assert refused.value.message


def test_retry_after_may_be_a_number_a_date_or_nonsense() -> None:
    assert retry_after("1.5") == 1.5
    assert retry_after("Thu, 01 Jan 1970 00:00:00 GMT") == 0.0
    assert retry_after("soon") is None
    assert retry_after(None) is None


def test_the_base_path_may_be_part_of_the_endpoint() -> None:
    seen: list[str] = []

    def note(request: Any) -> Any:
        seen.append(str(request.url))
        return httpx.Response(200, json={})

    Http("https://n/kaas/v1/", FixedIdentity(), transport=httpx.MockTransport(note)).call("GET", "/kaas/v1/clusters")
    assert seen == ["https://n/kaas/v1/clusters"]


def test_a_stream_is_read_line_by_line_whatever_its_parts_are() -> None:
    told = {"message": "one\u2028line\x85still \u00e9\n"}
    content = f"event: cluster\r\nid: 7\r\ndata: {json.dumps(told, ensure_ascii=False)}\r\n\r\n: comment\n\n".encode()
    parts = [content[n : n + 3] for n in range(0, len(content), 3)]
    headers = {"Content-Type": "text/event-stream"}
    client = http(lambda _: httpx.Response(200, content=iter(parts), headers=headers))
    with client.stream("/x", params={}, headers={}, silent_seconds=1) as lines:
        assert list(events(lines)) == [("cluster", {"message": "one\ufffdline\ufffdstill \u00e9\n"}, "7")]


@pytest.mark.parametrize("status", [403, 404])
def test_a_stream_that_is_refused_is_a_problem(status: int) -> None:
    client = http(lambda _: httpx.Response(status, json={"title": "No", "detail": "because"}))
    with pytest.raises(Problem, match="because"), client.stream("/x", params={}, headers={}, silent_seconds=1):
        pass


def test_a_stream_renews_an_expired_token_once() -> None:
    seen: list[str] = []

    def refuse_the_first(request: Any) -> Any:
        seen.append(request.headers["X-Auth-Token"])
        return httpx.Response(401 if len(seen) == 1 else 200, headers={"Content-Type": "text/event-stream"})

    with http(refuse_the_first).stream("/x", params={}, headers={}, silent_seconds=1) as lines:
        assert list(lines) == []
    assert seen == ["t0", "t1"]
