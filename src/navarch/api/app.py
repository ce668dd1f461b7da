"""The application: `create_app` puts the parts together, and maps every error to an answer."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException

import navarch.api.openapi as openapi
from navarch import __version__
from navarch.api import (
    addons,
    bootstrap,
    clusters,
    credentials,
    events,
    insights,
    kubeconfigs,
    machines,
    node_groups,
    objects,
    offer,
    operations,
)
from navarch.api.access import ApiService
from navarch.api.identity import Identity
from navarch.api.middleware import ApiMetrics, RequestMiddleware
from navarch.api.policy import Policy
from navarch.api.problems import Problem, from_error
from navarch.api.rate import Rate
from navarch.api.settings import ApiSettings
from navarch.api.streams import Streams
from navarch.api.validation import Validation
from navarch.bootstrap.sealing import Sealer
from navarch.bootstrap.tickets import MachineTokens
from navarch.charts.rendering import Renderer
from navarch.domain.errors import FieldError, NavarchError
from navarch.service.access import Planner, Shipped
from navarch.store.contract import ApiStore

_BEHIND_ONE_ADDRESS = 20  # machines that one router hides, booting at once at their own full rate


def create_app(
    store: ApiStore,
    identity: Identity,
    sealer: Sealer,
    machine_tokens: MachineTokens,
    settings: ApiSettings,
    planner: Planner,
    *,
    machines_too: bool = True,
    renderer: Renderer | None = None,
    required: tuple[Shipped, ...] = (),
) -> FastAPI:
    """The HTTP service as an ASGI application. `planner` gives every step from nothing to a ready cluster.
    `machines_too`: the machines' part is in it, and has no listener of its own. `renderer`: of add-ons' charts; None:
    none can be chosen."""
    service = ApiService(
        store=store,
        validation=Validation(identity, settings.balancers),
        policy=Policy(settings.policy_file),
        sealer=sealer,
        machine_tokens=machine_tokens,
        settings=settings,
        planner=planner,
        machine_rate=Rate(settings.machine_burst, settings.machine_rate),
        renderer=renderer,
        required=required,
        address_rate=Rate(_BEHIND_ONE_ADDRESS * settings.machine_burst, _BEHIND_ONE_ADDRESS * settings.machine_rate),
    )
    rooms = (
        clusters, node_groups, addons, machines, objects, insights, events, kubeconfigs, credentials, offer, operations,
    )  # fmt: skip
    routers = [room.router for room in rooms] + ([bootstrap.router] if machines_too else [])
    app = _application("Kubernetes as a service for OpenStack clouds", service, ApiMetrics(), routers)
    app.state.streams = Streams(store, settings)
    return app


def machines_app(app: FastAPI) -> FastAPI:
    """The machines' part of `app` alone, for a listener of its own."""
    summary = "Where machines of clusters join and report"
    return _application(summary, app.state.service, app.state.metrics, [bootstrap.router, operations.router])


def _application(summary: str, service: ApiService, metrics: ApiMetrics, routers: Sequence[APIRouter]) -> FastAPI:
    app = FastAPI(
        title="Navarch",
        version=__version__,
        summary=summary,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service, app.state.metrics = service, metrics
    for router in routers:
        app.include_router(router)
    app.add_route("/openapi.json", openapi.route(app), include_in_schema=False)
    tuple(iter_route_contexts(app.routes))  # FastAPI makes them when first asked: now, not while a request waits
    app.add_middleware(RequestMiddleware, metrics=metrics, turned_away=service.validation.turned_away)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(NavarchError, _error)
    app.add_exception_handler(RequestValidationError, _bad_parameter)
    app.add_exception_handler(HTTPException, _http)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    return app


def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101 - what it is registered for
    return error.response(request.state.request_id)


def _error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, NavarchError)  # noqa: S101
    return from_error(error).response(request.state.request_id)


def _bad_parameter(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    errors = [
        FieldError(".".join(str(part) for part in wrong["loc"]), str(wrong["msg"]).replace("Input should", "must"))
        for wrong in error.errors()
    ]
    problem = Problem(400, "malformed", "a parameter cannot be used", errors=errors)
    return problem.response(request.state.request_id)


def _http(request: Request, error: Exception) -> JSONResponse:
    """What the router itself refuses: unknown paths and methods."""
    assert isinstance(error, HTTPException)  # noqa: S101
    kinds = {404: "not-found", 405: "method-not-allowed"}
    detail = "there is nothing at this path" if error.status_code == 404 else str(error.detail)
    problem = Problem(error.status_code, kinds.get(error.status_code, "refused"), detail, headers=error.headers)
    return problem.response(request.state.request_id)
