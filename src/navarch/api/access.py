"""How a request gets in: who calls, what their roles allow, the body, and the headers that guard a change."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, cast, get_origin

from fastapi import Depends, Header, Query, Request, Response
from fastapi.dependencies.models import Dependant

from navarch.api import policy
from navarch.api.access_rules import SERVICE_TYPE, permit
from navarch.api.identity import Caller, Unauthenticated
from navarch.api.parsing import Document, read_document
from navarch.api.policy import ALL_PROJECTS, Policy
from navarch.api.problems import Problem
from navarch.api.rate import Rate
from navarch.api.settings import ApiSettings
from navarch.api.validation import Validation
from navarch.bootstrap.tickets import MachineTokens
from navarch.domain.errors import FieldError
from navarch.domain.texts import harmless
from navarch.service.access import ANY, Access, Generations, Service
from navarch.service.understanding import nearest

_PATH_SHOWN = 200  # characters
_MOST_UNKNOWN = 20  # parameters that are told of; each is compared with all known ones
_ETAG = re.compile(r'(W/)?"[^"]*"')


@dataclass(frozen=True, slots=True)
class ApiService(Service):
    """The service, and what only an HTTP API needs beside it."""

    settings: ApiSettings
    validation: Validation
    policy: Policy
    machine_tokens: MachineTokens
    machine_rate: Rate
    address_rate: Rate


def service_of(request: Request) -> ApiService:
    """The service that a request came to."""
    return cast(ApiService, request.app.state.service)


AllProjects = Annotated[bool, Query(description="Every project's; for operators.")]
Token = Annotated[str | None, Header(alias="X-Auth-Token", description="A Keystone token.")]


def allowed(rule: str) -> Callable[..., Awaitable[Access]]:
    """The dependency that lets a request through where `rule` does. It is asked before anything is looked up, so a
    refusal tells nothing about what exists."""

    async def access(request: Request, x_auth_token: Token = None, all_projects: AllProjects = False) -> Access:
        service = service_of(request)
        if not x_auth_token:
            raise Unauthenticated("no token")
        caller = await service.validation.caller(x_auth_token, request.client.host if request.client else "")
        request.state.project_id, request.state.user_id = caller.project_id, caller.user_id
        if caller.access_rules is not None and not permit(caller.access_rules, request.method, request.scope["path"]):
            asked = (
                f"service {SERVICE_TYPE}, method {request.method}, path {harmless(request.scope['path'][:_PATH_SHOWN])}"
            )
            detail = f"the access rules of your application credential do not allow this: {asked}"
            raise Problem(403, "forbidden", detail)
        project_id = None if all_projects else caller.project_id
        if all_projects and not service.policy.allows(ALL_PROJECTS, caller, caller.project_id):
            raise Problem(403, "forbidden", "your roles do not allow to act in every project")
        if not all_projects and project_id is None:
            raise Problem(403, "forbidden", "this needs a token that is scoped to a project")
        _require(service, rule, caller, project_id)
        request.state.caller = caller
        _check_parameters(request)
        return Access(
            service,
            user_id=caller.user_id,
            user_name=caller.user_name,
            project_id=project_id,
            request_id=request.state.request_id,
            until=caller.expires_at,
            found=lambda cluster_id: setattr(request.state, "cluster_id", cluster_id),
        )

    return access


def also_allowed(request: Request, access: Access, rule: str) -> None:
    """Refuse a request that was let through where it asks for something that another rule is about."""
    _require(service_of(request), rule, request.state.caller, access.project_id)


def _require(service: ApiService, rule: str, caller: Caller, project_id: str | None) -> None:
    if not service.policy.allows(rule, caller, project_id):
        raise Problem(403, "forbidden", f"your roles do not allow {rule.removeprefix('navarch:')} in this project")


def _check_parameters(request: Request) -> None:
    """Refuse parameters that the route does not have: `?kep=volumes` must not delete the volumes; and those that
    say two things: `?dry_run=true&dry_run=false` must not do it."""
    known = dict(sorted(_parameters(request.scope["route"].dependant).items()))
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    errors = [
        FieldError(f"query.{name[:100]}", f"is not a known parameter{nearest(name, list(known))}")
        for name in unknown[:_MOST_UNKNOWN]
    ]
    if errors:
        raise Problem(400, "malformed", "a parameter is not known", errors=errors)
    given = [name for name, _ in request.query_params.multi_items()]
    twice = [name for name in known if given.count(name) > 1 and not known[name]]
    if twice:
        errors = [FieldError(f"query.{name}", "must be given once") for name in twice]
        raise Problem(400, "malformed", "a parameter is given twice", errors=errors)


def _parameters(dependant: Dependant) -> dict[str, bool]:
    """The names, and whether one may be given more than once."""
    found = {f.alias: get_origin(f.field_info.annotation) is list for f in dependant.query_params}
    for needed in dependant.dependencies:
        found |= _parameters(needed)
    return found


async def _document(request: Request) -> Document:
    settings = service_of(request).settings
    return await read_document(request, limit=settings.body_bytes, depth=settings.body_depth)


async def _document_or_nothing(request: Request) -> Document:
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return {}
    return await _document(request)


def own_project(request: Request) -> str:
    """The caller's own project, once they are allowed in. Raises Problem for a token without one."""
    if request.state.project_id is None:
        raise Problem(403, "forbidden", "this needs a token that is scoped to a project")
    return str(request.state.project_id)


Body = Annotated[Document, Depends(_document)]
OptionalBody = Annotated[Document, Depends(_document_or_nothing)]
MayRead = Annotated[Access, Depends(allowed(policy.READ))]
DryRun = Annotated[bool, Query(description="Answer what would be done, and do nothing.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="Entries a page.")]


def _generations(
    if_match: Annotated[str | None, Header(alias="If-Match", description='An ETag: `"<generation>"`, or *.')] = None,
) -> Generations:
    if if_match is None or if_match.strip() == "*":
        return ANY
    tags = [tag.strip() for tag in if_match.split(",")]
    if not all(_ETAG.fullmatch(tag) for tag in tags):
        raise Problem(400, "malformed", 'If-Match must be an ETag such as "3", with its quotation marks, or *')
    return Generations(frozenset(int(tag[1:-1]) for tag in tags if re.fullmatch(r'"[0-9]{1,18}"', tag)))


IfMatch = Annotated[Generations, Depends(_generations)]


def answer(content: bytes, status: int = 200, **headers: str) -> Response:
    """JSON that is made already, as it is."""
    return Response(content, status, media_type="application/json", headers=headers)


def etag(generation: int) -> str:
    """The ETag of a generation."""
    return f'"{generation}"'
