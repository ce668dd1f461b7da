"""The application: `create_app` puts the pages together, and maps every refusal to a page that says what to do."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from navarch.client.errors import ClientError, Problem, Unavailable
from navarch.console.guard import Guard
from navarch.console.pages import (
    access,
    account,
    addons,
    autoscaling,
    catalogue,
    cluster,
    clusters,
    creation,
    deletion,
    figures,
    groups,
    machines,
    power,
    projects,
    quotas,
    scaling,
    settings,
    signing_in,
    upgrade,
    workloads,
)
from navarch.console.rendering import STATIC_FOLDER
from navarch.console.sessions import COOKIE
from navarch.console.visits import HOME, Console, ProjectNeeded, SignInNeeded, console_of, render, see, to_sign_in

_log = structlog.get_logger("navarch.console")
# creation before cluster: /clusters/new is no cluster's name here, and `new` cannot be an id.
PAGES = (
    signing_in, account, projects, quotas, catalogue, clusters, creation, cluster, access, addons, figures, workloads,
    groups, scaling, autoscaling, machines, upgrade, settings, power, deletion,
)  # fmt: skip


def create_app(console: Console, *, origin: str, later: Sequence[type[Exception]] = ()) -> FastAPI:
    """The pages as an ASGI application. `origin`: its address in browsers, as https://console.example.org. `later`:
    what the sessions' store raises while it is away."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await console.feeds.close()
        await console.gateway.close()

    app = FastAPI(
        title="Navarch console",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.console = console
    for page in PAGES:
        app.include_router(page.router)
    app.add_api_route("/", lambda: see(HOME), methods=["GET"], include_in_schema=False)
    app.add_api_route("/healthz", lambda: PlainTextResponse("ok\n"), methods=["GET"], include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC_FOLDER), name="static")
    app.add_middleware(Guard, origin=origin.lower(), root=console.root)
    app.add_exception_handler(SignInNeeded, _sign_in)
    app.add_exception_handler(ProjectNeeded, _choose_project)
    app.add_exception_handler(Problem, _refused)
    app.add_exception_handler(Unavailable, _away)
    app.add_exception_handler(ClientError, _away)
    for away in later:
        app.add_exception_handler(away, _store_away)
    app.add_exception_handler(RequestValidationError, _not_found)
    app.add_exception_handler(HTTPException, _http)
    return app


def _sign_in(request: Request, error: Exception) -> Response:
    answer = to_sign_in(request)
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return answer


def _choose_project(request: Request, error: Exception) -> Response:
    return see("/projects")


def _refused(request: Request, error: Exception) -> Response:
    """What the API refuses and no page has a word of its own for. A token that it does not take ends the session."""
    assert isinstance(error, Problem)  # noqa: S101 - what it is registered for
    if error.status == HTTPStatus.UNAUTHORIZED:
        console_of(request).sessions.end(request.cookies.get(COOKIE, ""))
        return _sign_in(request, error)
    if error.status == HTTPStatus.NOT_FOUND:
        return _not_found(request, error)
    status = error.status if HTTPStatus.BAD_REQUEST <= error.status < 600 else HTTPStatus.BAD_GATEWAY
    return _sorry(request, status, "refused", error.detail or error.title, error.request_id)


def _away(request: Request, error: Exception) -> Response:
    assert isinstance(error, ClientError)  # noqa: S101
    return _sorry(request, HTTPStatus.SERVICE_UNAVAILABLE, "away", error.message)


def _store_away(request: Request, error: Exception) -> Response:
    _log.warning("the sessions cannot be read", said=str(error))
    return _sorry(request, HTTPStatus.SERVICE_UNAVAILABLE, "away")


def _not_found(request: Request, error: Exception) -> Response:
    return _sorry(request, HTTPStatus.NOT_FOUND, "missing")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == HTTPStatus.NOT_FOUND:
        return _not_found(request, error)
    return _sorry(request, error.status_code, "refused", str(error.detail))


def _sorry(request: Request, status: int, kind: str, detail: str = "", request_id: str = "") -> Response:
    """A page for what went wrong: what, and what to do. `request_id`: the API's, else our own."""
    html = render(
        request,
        "sorry.html",
        session=None,
        kind=kind,
        detail=detail,
        request_id=request_id or request.state.request_id,
    )
    return HTMLResponse(html, status)
