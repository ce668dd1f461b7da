"""Signing in and out. The form carries a secret that its browser holds, too: nobody is signed in as somebody else by a
page from elsewhere."""

import secrets
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from navarch.client.errors import ClientError, NotAuthorised, Problem
from navarch.console.forms import EMPTY, AnyForm, Form
from navarch.console.guard import same_secret
from navarch.console.keystone import SecondFactorNeeded, Token
from navarch.console.sessions import COOKIE, Session, in_project, new_csrf
from navarch.console.visits import Console, Posted, SignedIn, console_of, local, render, see

router = APIRouter()
FORM_COOKIE = "__Host-navarch-sign-in"
RECEIPT_COOKIE = "__Host-navarch-receipt"
_RECEIPT_SECONDS = 300  # as Keystone's receipts
_FORM_SECONDS = 3600
_log = structlog.get_logger("navarch.console")
OurConsole = Annotated[Console, Depends(console_of)]


@router.get("/sign-in")
def show(console: OurConsole, request: Request, following: Annotated[str, Query(alias="next")] = "") -> Response:
    return _form(console, request, EMPTY, following)


@router.post("/sign-in")
def sign_in(console: OurConsole, request: Request, form: AnyForm) -> Response:
    """By name and password, or by an application credential."""
    if not same_secret(form.text("csrf"), request.cookies.get(FORM_COOKIE, "")):
        return _form(console, request, form, form.text("next"), "stale")
    if form.text("how") == "passcode":
        return _by_passcode(console, request, form)
    by_credential = form.text("how") == "credential"
    wanted = ("credential", "secret") if by_credential else ("name", "password", "domain")
    missing = [name for name in wanted if not form.secret(name)]
    if missing:
        return _form(console, request, form, form.text("next"), "missing", missing)
    try:
        if by_credential:
            token = console.sign_in.by_application_credential(form.text("credential"), form.secret("secret"))
            return _begin(console, request, _session(console, token), local(form.text("next")))
        token = console.sign_in.by_password(form.text("name"), form.secret("password"), form.text("domain"))
        return _enter(console, request, token, form.text("next"))
    except SecondFactorNeeded as needed:
        kept = {"receipt": needed.receipt, "name": form.text("name"), "domain": form.text("domain")}
        answer = _form(console, request, form, form.text("next"), "passcode")
        answer.set_cookie(
            RECEIPT_COOKIE, console.sessions.sealed(kept), max_age=_RECEIPT_SECONDS, path="/", secure=True,
            httponly=True, samesite="strict",
        )  # fmt: skip
        return answer
    except (NotAuthorised, Problem):
        return _form(console, request, form, form.text("next"), "refused")
    except ClientError as error:
        _log.warning("nobody could be signed in", said=error.message)
        return _form(console, request, form, form.text("next"), "away")


def _by_passcode(console: Console, request: Request, form: Form) -> Response:
    """The second page, of who has a second factor. What the first one proved is in a sealed cookie."""
    kept = console.sessions.unsealed(request.cookies.get(RECEIPT_COOKIE, ""))
    if kept is None:
        return _form(console, request, form, form.text("next"), "stale")
    try:
        passcode = form.text("passcode").replace(" ", "")
        token = console.sign_in.by_passcode(kept["receipt"], kept["name"], kept["domain"], passcode)
        answer = _enter(console, request, token, form.text("next"))
    except (NotAuthorised, Problem):
        return _form(console, request, form, form.text("next"), "passcode-refused")
    except ClientError as error:
        _log.warning("nobody could be signed in", said=error.message)
        return _form(console, request, form, form.text("next"), "away")
    answer.delete_cookie(RECEIPT_COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return answer


def _enter(console: Console, request: Request, token: Token, following: str) -> Response:
    """Into the only project, or to the choice of one."""
    session, projects = _session(console, token), console.sign_in.projects(token.id)
    if len(projects) == 1:
        session = in_project(session, console.sign_in.for_project(token.id, projects[0].id))
        return _begin(console, request, session, local(following))
    return _begin(console, request, session, f"/projects?next={quote(local(following), safe='/')}")


@router.post("/sign-out")
def sign_out(visit: SignedIn, form: Posted) -> Response:
    """End this session, or all of this person; their tokens end, too."""
    sessions, session = visit.console.sessions, visit.session
    sessions.end(visit.request.cookies[COOKIE])
    if form.ticked("everywhere"):
        sessions.end_all(session.user_id)
    for token in (session.token, session.unscoped):
        if token:
            try:
                visit.console.sign_in.revoke(token)
            except ClientError as error:  # it ends by itself, and no session has it any more
                _log.warning("a token could not be ended", said=error.message)
    answer = see("/sign-in")
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return answer


def set_session(answer: Response, console: Console, session: Session) -> Response:
    """Have the browser hold a new session."""
    answer.set_cookie(COOKIE, console.sessions.begin(session), path="/", secure=True, httponly=True, samesite="lax")
    return answer


def _session(console: Console, token: Token) -> Session:
    most = datetime.now(UTC) + timedelta(hours=console.session_hours)
    return Session(
        token.user_id,
        token.user_name,
        min(most, token.ends_at),
        new_csrf(),
        token=token.id if token.project_id else "",
        unscoped="" if token.project_id else token.id,
        project_id=token.project_id,
        project_name=token.project_name,
    )


def _begin(console: Console, request: Request, session: Session, following: str) -> Response:
    """The session in place of any from before, under a name that no page knew."""
    before = request.cookies.get(COOKIE)
    if before:
        console.sessions.end(before)
    answer = set_session(see(following), console, session)
    answer.delete_cookie(FORM_COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return answer


def _form(
    console: Console, request: Request, form: Form, following: str, wrong: str = "", missing: list[str] | None = None
) -> Response:
    """The page, with what was typed but for secrets."""
    status = {
        "": HTTPStatus.OK,
        "passcode": HTTPStatus.OK,
        "stale": HTTPStatus.FORBIDDEN,
        "away": HTTPStatus.SERVICE_UNAVAILABLE,
    }
    csrf = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(32)
    html = render(
        request,
        "signing_in/sign_in.html",
        session=None,
        csrf=csrf,
        form=form,
        following=local(following),
        wrong=wrong,
        missing=missing or [],
    )
    answer = HTMLResponse(html, status.get(wrong, HTTPStatus.UNPROCESSABLE_ENTITY))
    answer.set_cookie(FORM_COOKIE, csrf, max_age=_FORM_SECONDS, path="/", secure=True, httponly=True, samesite="strict")
    return answer
