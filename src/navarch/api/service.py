"""What every handler works with, and how it gets at it."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, cast

import structlog
from fastapi import Depends, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel

from navarch.api.identity import Caller, Identity, Unauthenticated
from navarch.api.parsing import Document, nearest, read_document
from navarch.api.policy import ALL_PROJECTS, Policy
from navarch.api.problems import Problem, not_found, not_now
from navarch.api.rate import Rate
from navarch.api.settings import ApiSettings
from navarch.bootstrap.sealing import Sealer
from navarch.bootstrap.tickets import ReportTokens
from navarch.domain.errors import FieldError, Temporary
from navarch.domain.offer import Offer, Quota
from navarch.domain.spec import Cluster
from navarch.domain.status import Event
from navarch.domain.steps import Step
from navarch.store.contract import ApiStore, NotFound, Stored

Planner = Callable[[Cluster], Sequence[Step]]
_log = structlog.get_logger("navarch.api")
_REFERENCE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Service:
    """The parts that the application was made of."""

    store: ApiStore
    identity: Identity
    policy: Policy
    sealer: Sealer
    report_tokens: ReportTokens
    settings: ApiSettings
    planner: Planner
    machine_rate: Rate

    def now(self) -> datetime:
        """The time."""
        return datetime.now(UTC)

    def offer(self) -> Offer:
        """The cloud's offer. Raises Problem while no worker has read it yet."""
        offer = self.store.offer()
        if offer is None:
            raise not_now("the cloud's offer has not been read yet: no worker has run", 5)
        return offer


@dataclass(frozen=True, slots=True)
class Access:
    """An authenticated, authorised request. `project_id` None: every project."""

    service: Service
    caller: Caller
    project_id: str | None
    request_id: str

    @property
    def own_project_id(self) -> str:
        """The caller's project. Raises Problem for a token without one."""
        if self.caller.project_id is None:
            raise Problem(403, "forbidden", "this needs a token that is scoped to a project")
        return self.caller.project_id

    def cluster(self, reference: str) -> Stored:
        """The cluster of that id or name. Raises Problem."""
        if not _REFERENCE.fullmatch(reference):
            raise not_found("cluster")
        try:
            return self.service.store.cluster(reference, project_id=self.project_id)
        except NotFound:
            raise not_found("cluster") from None

    def note(self, cluster_id: str, reason: str, message: str, *, subject: str = "") -> None:
        """Write who asked for what into the timeline. What was asked is done already: a note that is lost is logged."""
        text = f"{self.caller.user_name} {message} ({self.request_id})"
        try:
            self.service.store.add_event(cluster_id, Event(self.service.now(), reason, text, subject=subject))
        except (Temporary, NotFound) as error:
            _log.warning("not in the timeline", cluster_id=cluster_id, reason=reason, note=text, error=str(error))

    def quota(self, project_id: str) -> Quota | None:
        """The project's quotas; None where no worker could read them in time."""
        settings, now = self.service.settings, self.service.now()
        since = datetime.fromtimestamp(now.timestamp() - settings.quota_age, UTC)
        return self.service.store.quota(project_id, newer_than=since, wait=settings.quota_wait)


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    return cast(Service, request.app.state.service)


AllProjects = Annotated[bool, Query(description="Every project's; for operators.")]
Token = Annotated[str | None, Header(alias="X-Auth-Token", description="A Keystone token.")]


def allowed(rule: str) -> Callable[..., Awaitable[Access]]:
    """The dependency that lets a request through where `rule` does. It is asked before anything is looked up, so a
    refusal tells nothing about what exists."""

    async def access(request: Request, x_auth_token: Token = None, all_projects: AllProjects = False) -> Access:
        service = service_of(request)
        if not x_auth_token:
            raise Unauthenticated("no token")
        # A thread only where Keystone has to be asked: to change threads costs more than everything else here.
        caller = service.identity.known(x_auth_token)
        if caller is None:
            caller = await run_in_threadpool(service.identity.caller, x_auth_token)
        request.state.project_id, request.state.user_id = caller.project_id, caller.user_id
        project_id = None if all_projects else caller.project_id
        if all_projects and not service.policy.allows(ALL_PROJECTS, caller, caller.project_id):
            raise Problem(403, "forbidden", "your roles do not allow to act in every project")
        if not all_projects and project_id is None:
            raise Problem(403, "forbidden", "this needs a token that is scoped to a project")
        if not service.policy.allows(rule, caller, project_id):
            raise Problem(403, "forbidden", f"your roles do not allow {rule.removeprefix('navarch:')} in this project")
        _check_parameters(request)
        return Access(service, caller, project_id, request.state.request_id)

    return access


def _check_parameters(request: Request) -> None:
    """Refuse parameters that the route does not have: `?kep=volumes` must not delete the volumes."""
    known = sorted(_parameters(request.scope["route"].dependant))
    errors = [
        FieldError(f"query.{name[:100]}", f"is not a known parameter{nearest(name, known)}")
        for name in dict.fromkeys(request.query_params)
        if name not in known
    ]
    if errors:
        raise Problem(400, "malformed", "a parameter is not known", errors=errors)


def _parameters(dependant: Dependant) -> set[str]:
    own = {field.alias for field in dependant.query_params}
    return own.union(*(_parameters(needed) for needed in dependant.dependencies))


async def _document(request: Request) -> Document:
    settings = service_of(request).settings
    return await read_document(request, limit=settings.body_bytes, depth=settings.body_depth)


async def _document_or_nothing(request: Request) -> Document:
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return {}
    return await _document(request)


Body = Annotated[Document, Depends(_document)]
OptionalBody = Annotated[Document, Depends(_document_or_nothing)]
IfMatch = Annotated[str | None, Header(alias="If-Match", description='An ETag: `"<generation>"`, or *.')]


def matched(if_match: str | None, generation: int) -> int | None:
    """Refuse unless the header names this generation, or is not there. Gives the generation that a write has to find
    still; None: any. Raises Problem."""
    if if_match is None or if_match.strip() == "*":
        return None
    tags = [tag.strip() for tag in if_match.split(",")]
    if not all(re.fullmatch(r'(W/)?"[^"]*"', tag) for tag in tags):
        raise Problem(400, "malformed", 'If-Match must be an ETag such as "3", with its quotation marks, or *')
    if etag(generation) not in tags:
        raise Problem(412, "stale", f"it was changed meanwhile: generation is {generation} now")
    return generation


def answer(view: BaseModel, **headers: str) -> Response:
    """The view as JSON, for what is asked most: FastAPI would make it in one more thread."""
    return Response(view.model_dump_json(by_alias=True), media_type="application/json", headers=headers)


def etag(generation: int) -> str:
    """The ETag of a generation."""
    return f'"{generation}"'
