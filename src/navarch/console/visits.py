"""A request of somebody: who that is, what they may be shown, and the page they get."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from navarch.client.clusters import Navarch
from navarch.console.feed import Feeds, Reader
from navarch.console.forms import AnyForm, Form
from navarch.console.gateway import Gateway
from navarch.console.guard import same_secret
from navarch.console.keystone import SignIn
from navarch.console.preferences import Preferences, language_of
from navarch.console.rendering import Templates
from navarch.console.sessions import COOKIE, Session, Sessions

HOME = "/clusters"


@dataclass(frozen=True, slots=True)
class Console:
    """What all pages work with. `session_hours`: how long people stay signed in at most. `root`: its prefix.
    `regions`: the consoles of the
    cloud's regions by name, this one's among them, where there are several."""

    sessions: Sessions
    sign_in: SignIn
    gateway: Gateway
    feeds: Feeds
    templates: Templates
    session_hours: int
    root: str = ""
    regions: Mapping[str, str] = field(default_factory=dict)


class SignInNeeded(Exception):
    """Nobody is signed in, or no longer."""


class ProjectNeeded(Exception):
    """Somebody is signed in and has not chosen a project."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who is signed in."""

    request: Request
    console: Console
    session: Session

    @property
    def navarch(self) -> Navarch:
        """The API, asked in this person's name."""
        return self.console.gateway.navarch(self.session.token)

    @property
    def reader(self) -> Reader:
        """Who follows changes in this person's name."""
        return Reader(self.request.cookies[COOKIE], self.session.token)

    def page(self, template: str, status: int = HTTPStatus.OK, **values: Any) -> Response:
        """A page, or a fragment of one."""
        return HTMLResponse(self.html(template, **values), status)

    def html(self, template: str, **values: Any) -> str:
        """A template filled in."""
        return render(self.request, template, session=self.session, **values)

    @property
    def language(self) -> str:
        """What this person is spoken to in."""
        return language_spoken(self.request, self.session)


def render(request: Request, template: str, *, session: Session | None, **values: Any) -> str:
    """A template filled in. `now`: the moment that ages are counted to."""
    console = console_of(request)
    always = {
        "now": datetime.now(UTC),
        "session": session,
        "preferences": session.preferences if session else Preferences(),
        "path": request.url.path,
        "regions": console.regions,
    }
    return console.templates.filled(template, language_spoken(request, session), always | values)


def language_spoken(request: Request, session: Session | None) -> str:
    """The account's, else what the browser asks for."""
    preferences = session.preferences if session else Preferences()
    return language_of(preferences, request.headers.get("accept-language", ""))


def console_of(request: Request) -> Console:
    """What the application was made with."""
    console = request.app.state.console
    assert isinstance(console, Console)  # noqa: S101 - what create_app put there
    return console


def signed_in(request: Request) -> Visit:
    """Raises SignInNeeded."""
    console = console_of(request)
    session = console.sessions.find(request.cookies.get(COOKIE, ""))
    if session is None:
        raise SignInNeeded
    return Visit(request, console, session)


def in_project(visit: Annotated[Visit, Depends(signed_in)]) -> Visit:
    """Raises SignInNeeded, ProjectNeeded."""
    if not visit.session.token:
        raise ProjectNeeded
    return visit


def checked(visit: Annotated[Visit, Depends(signed_in)], form: AnyForm) -> Form:
    """What a page of this session sends. Raises SignInNeeded; HTTPException where it is another's."""
    if not same_secret(form.text("csrf"), visit.session.csrf):
        raise HTTPException(HTTPStatus.FORBIDDEN, "This form is of another session: open the page again.")
    return form


SignedIn = Annotated[Visit, Depends(signed_in)]
InProject = Annotated[Visit, Depends(in_project)]
Posted = Annotated[Form, Depends(checked)]


def local(path: str) -> str:
    """A path of this console to go to; the first page for anything that could lead elsewhere."""
    parts = urlsplit(path)
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if plain and not parts.scheme and not parts.netloc else HOME


def see(path: str) -> Response:
    """Go on there, and ask for it anew."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER)


def to_sign_in(request: Request) -> Response:
    """To the sign-in page and back. A fragment or a stream cannot go anywhere: the page it is for is told."""
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if "hx-request" in request.headers:
        page = urlsplit(request.headers.get("hx-current-url", ""))
        inside = page.path.removeprefix(console_of(request).root)
        path = sign_in_path(local(inside + (f"?{page.query}" if page.query else "")))
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": path})
    if "text/event-stream" in request.headers.get("accept", ""):
        return Response(status_code=HTTPStatus.UNAUTHORIZED)
    if request.method != "GET":  # where the form was: what was typed is offered there again
        back = HOME if request.url.path == "/sign-out" else request.url.path.removesuffix("/plan")
    return see(sign_in_path(back))


def sign_in_path(back: str) -> str:
    """The sign-in page, which leads back there."""
    return "/sign-in" if back in ("/", HOME) else f"/sign-in?next={quote(back, safe='/')}"
