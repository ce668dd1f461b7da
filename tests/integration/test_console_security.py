"""What the console lets nobody do, asked of its own routes."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from fastapi.routing import iter_route_contexts
from psycopg.conninfo import make_conninfo
from tests.integration.api_fixtures import SEALER, Api
from tests.integration.console_fixtures import ORIGIN, PASSWORD, Browser, secret_of

from navarch.bootstrap.sealing import Unsealable
from navarch.console.guard import HEADERS
from navarch.console.preferences import Preferences
from navarch.console.sessions import COOKIE, Session, Sessions
from navarch.domain.status import Condition, Event, Phase, Status
from navarch.store.postgres import PostgresStore

pytestmark = pytest.mark.postgres
OPEN = {("GET", "/"), ("GET", "/healthz"), ("GET", "/sign-in"), ("POST", "/sign-in")}
_VALUES = {"group": "default", "switch": "stop", "kubeconfig": "0123456789abcdef", "entry": "store", "addon": "store"}


def routes(browser: Browser) -> list[tuple[str, str]]:
    """Every (method, path) of a page."""
    return sorted(
        (method, str(context.path))
        for context in iter_route_contexts(browser.app.routes)
        for method in set(context.methods or ()) - {"HEAD"}
    )


def filled(path: str, cluster: str = "0" * 8) -> str:
    return re.sub(r"\{(\w+)\}", lambda its: _VALUES.get(its[1], cluster), path)


def test_there_are_pages_to_ask(browser: Browser) -> None:
    assert len(routes(browser)) > 20


def test_nothing_is_shown_or_done_before_somebody_signs_in(browser: Browser) -> None:
    for method, path in set(routes(browser)) - OPEN:
        answer = browser.get(filled(path)) if method == "GET" else browser.post(filled(path), {}, csrf="x")
        assert answer.status_code == 303, (method, path, answer.status_code)
        assert answer.headers["location"].startswith("/sign-in"), (method, path)


def test_every_answer_has_the_headers_that_bind_a_browser(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    for method, path in [*routes(browser), ("GET", "/nowhere"), ("GET", "/static/console.js")]:
        if "stream" in path:
            continue
        address = filled(path, made["id"])
        answer = browser.get(address) if method == "GET" else browser.post(address, {}, csrf="wrong")
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, (method, path)
        if not path.startswith("/static"):
            assert answer.headers["cache-control"] == "no-store", (method, path)
            assert "HX-Request" in answer.headers["vary"], (method, path)


def test_the_policy_for_content_lets_no_script_in_but_our_files() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "origin", ["https://evil.test", "https://console.test.evil.test", "http://console.test", "null", None]
)
def test_a_change_from_elsewhere_is_refused(browser: Browser, origin: str | None) -> None:
    browser.sign_in()
    for path in (path for method, path in routes(browser) if method == "POST"):
        assert browser.post(filled(path), {}, origin=origin).status_code == 403, path


def test_a_change_without_the_sessions_secret_is_refused(browser: Browser) -> None:
    browser.sign_in()
    made = browser.api.create()
    other = browser.another()
    other.sign_in("bea")
    for secret in ("", "wrong", other.csrf()):
        for path in (path for method, path in routes(browser) if method == "POST"):
            assert browser.post(filled(path, made["id"]), {}, csrf=secret).status_code == 403, (path, secret)
    assert browser.api.get(f"/clusters/{made['id']}").json()["generation"] == made["generation"]


def test_nobody_is_signed_in_by_a_form_that_their_browser_was_not_given(browser: Browser) -> None:
    strange = secret_of(browser.another().get("/sign-in").text)
    fields = {"how": "password", "name": "ann", "password": PASSWORD, "domain": "Default"}
    assert browser.post("/sign-in", fields, csrf=strange).status_code == 403
    assert COOKIE not in browser.client.cookies


def test_a_cluster_of_another_project_is_as_absent_as_one_that_never_was(browser: Browser) -> None:
    theirs = browser.api.as_("bea").create("theirs")
    browser.sign_in()
    for method, path in routes(browser):
        if "{cluster}" not in path or "stream" in path:
            continue
        said = []
        for cluster in (theirs["id"], "00000000-0000-4000-8000-000000000000"):
            address = filled(path, cluster)
            answer = browser.get(address) if method == "GET" else browser.post(address, {"name": "theirs"})
            said.append((answer.status_code, re.sub(r"req-[0-9a-f-]+|" + cluster, "", answer.text)))
        assert said[0] == said[1], path
        assert said[0][0] == 404 or path.endswith("/plan"), (path, said[0])
        assert "theirs" not in said[0][1], path


def test_a_session_has_a_new_name_after_signing_in_and_after_another_project(browser: Browser) -> None:
    browser.client.cookies.set(COOKIE, "chosen-by-somebody-else", domain="console.test")
    browser.sign_in("cat")
    first = browser.client.cookies[COOKIE]
    assert first != "chosen-by-somebody-else"
    browser.post("/projects", {"project": "alpha"})
    second = browser.client.cookies[COOKIE]
    assert second != first
    browser.client.cookies.set(COOKIE, first, domain="console.test")
    assert browser.get("/clusters").status_code == 303


def test_a_project_without_a_role_is_not_entered(browser: Browser) -> None:
    browser.sign_in("bea")
    assert browser.post("/projects", {"project": "alpha"}).status_code == 404


def test_an_application_credential_stays_in_its_project(browser: Browser) -> None:
    page = browser.get("/sign-in")
    fields = {"how": "credential", "credential": "anns", "secret": PASSWORD}
    assert browser.post("/sign-in", fields, csrf=secret_of(page.text)).headers["location"] == "/clusters"
    assert browser.get("/projects").headers["location"] == "/clusters"
    assert browser.post("/projects", {"project": "beta"}).status_code == 403


def test_signing_out_ends_the_session_and_its_tokens(browser: Browser) -> None:
    browser.sign_in()
    name = browser.client.cookies[COOKIE]
    browser.post("/sign-out")
    assert COOKIE not in browser.client.cookies
    browser.client.cookies.set(COOKIE, name, domain="console.test")
    assert browser.get("/clusters").status_code == 303
    assert browser.keystone.revoked == ["ann", "unscoped-ann"]


def test_signing_out_everywhere_ends_the_sessions_of_other_browsers(browser: Browser) -> None:
    other = browser.another()
    other.sign_in()
    browser.sign_in()
    browser.post("/sign-out", {"everywhere": "yes"})
    assert other.get("/clusters").status_code == 303


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)", "/\t/evil.test"]
)
def test_signing_in_leads_nowhere_else(browser: Browser, elsewhere: str) -> None:
    assert browser.sign_in(following=elsewhere).headers["location"] == "/clusters"


def test_signing_in_leads_back(browser: Browser) -> None:
    assert browser.sign_in(following="/clusters?phase=Ready").headers["location"] == "/clusters?phase=Ready"


def test_the_session_is_a_cookie_that_scripts_and_other_hosts_do_not_get(browser: Browser) -> None:
    cookie = browser.sign_in().headers["set-cookie"]
    assert cookie.startswith("__Host-")
    for word in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert word in cookie


def test_no_token_or_password_is_in_a_page_a_log_or_a_row(
    browser: Browser, capsys: pytest.CaptureFixture[str], dsn: str
) -> None:
    token = "token-that-must-not-be-seen"
    browser.api.tokens.callers[token] = browser.api.tokens.callers["ann"]
    browser.keystone.tokens["ann"] = token
    browser.sign_in()
    made = browser.api.create()
    pages = [browser.get(filled(p, made["id"])).text for m, p in routes(browser) if m == "GET" and "stream" not in p]
    with psycopg.connect(dsn) as connection:
        rows = repr(connection.execute("SELECT * FROM console_sessions").fetchall())
    seen = "".join(pages) + rows + "".join(capsys.readouterr())
    assert len(seen) > 10_000
    for secret in (token, "unscoped-ann", PASSWORD):
        assert secret not in seen


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e"


def test_what_others_wrote_is_text(browser: Browser, api: Api) -> None:
    browser.sign_in()
    made = api.create()
    claim = api.claim(made["id"])
    wrong = Condition("Ready", "False", HOSTILE, HOSTILE, responsible="user", remedy=HOSTILE)
    api.store.record(made["id"], claim.token, Status(Phase.BLOCKED, 1, conditions=(wrong,)), look_again_after=3600)
    api.store.add_event(made["id"], Event(datetime.now(UTC), HOSTILE, HOSTILE, subject=HOSTILE))
    for path in ("/clusters", f"/clusters/{made['id']}", f"/clusters?search={HOSTILE}", f"/{HOSTILE}"):
        text = browser.get(path).text
        assert "<script>alert" not in text, path
        assert "<img src=x" not in text, path
    assert "&lt;script&gt;alert" in browser.get(f"/clusters/{made['id']}").text
    answer = browser.post("/clusters/new", {"name": HOSTILE, "key": HOSTILE, "group": HOSTILE, "allowed": HOSTILE})
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert "<img src=x" not in answer.text


def test_the_consoles_database_user_needs_two_tables(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS console_alone")
        connection.execute("CREATE ROLE console_alone LOGIN")
        connection.execute("GRANT SELECT, INSERT, DELETE ON console_sessions TO console_alone")
        connection.execute("GRANT SELECT, INSERT, UPDATE ON console_accounts TO console_alone")
    store = PostgresStore(make_conninfo(dsn, user="console_alone"))
    try:
        sessions = Sessions(store, SEALER)
        ann = Session("ann-id", "ann", datetime.now(UTC) + timedelta(hours=1), "csrf", token="ann")
        name = sessions.begin(ann)
        assert sessions.find(name) == ann
        russian = Preferences("ru", "dark", "local", "off")
        sessions.prefer("ann-id", russian)
        assert sessions.find(name) == replace(ann, preferences=russian)
        assert sessions.end_all("ann-id") == 1
        assert sessions.find(name) is None
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            store.machines("any")
    finally:
        store.close()
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("DROP OWNED BY console_alone")
            connection.execute("DROP ROLE console_alone")


def test_a_session_that_has_ended_is_nobodys(api: Api) -> None:
    sessions = Sessions(api.store, SEALER)
    past = Session("ann-id", "ann", datetime.now(UTC) - timedelta(seconds=1), "csrf", token="ann")
    assert sessions.find(sessions.begin(past)) is None


def test_a_row_of_another_session_cannot_be_passed_off(api: Api, dsn: str) -> None:
    sessions = Sessions(api.store, SEALER)
    ends = datetime.now(UTC) + timedelta(hours=1)
    ann, bea = (sessions.begin(Session(f"{name}-id", name, ends, "csrf", token=name)) for name in ("ann", "bea"))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "UPDATE console_sessions SET sealed = (SELECT sealed FROM console_sessions WHERE user_id = 'bea-id')"
            " WHERE user_id = 'ann-id'"
        )
    assert sessions.find(bea) is not None
    with pytest.raises(Unsealable):
        sessions.find(ann)


def test_a_form_is_urlencoded_and_small(browser: Browser) -> None:
    browser.sign_in()
    secret = browser.csrf()
    headers: dict[str, Any] = {"Origin": ORIGIN}
    many = browser.client.post("/clusters/new", headers=headers, files={"csrf": secret})
    assert many.status_code == 415
    assert browser.post("/clusters/new", {"name": "x" * 70_000}).status_code == 413
    assert browser.post("/clusters/new", [("a", "b")] * 600).status_code == 400
