"""`/bootstrap/v1`: for machines alone. A ticket goes in, a node's configuration comes out; phase reports follow."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from navarch.api.access import ApiService, service_of
from navarch.api.connections import origin
from navarch.api.models.requests import JoinBody, ReportBody
from navarch.api.models.responses import BootStepView, FileView, JoinView
from navarch.api.parsing import Document, read_document
from navarch.api.problems import Problem, documented, invalid
from navarch.api.rate import Rate
from navarch.bootstrap.join import LAST_PHASE, JoinFacts, NotYet, join_answer
from navarch.bootstrap.tickets import digest
from navarch.bootstrap.vault import SECRETS, open_secrets
from navarch.domain.errors import FieldError, Permanent
from navarch.domain.machines import BOOTED, BootReport
from navarch.domain.spec import Role
from navarch.domain.texts import harmless
from navarch.service.understanding import Model
from navarch.store.contract import Joined, NotFound, TicketRefused

router = APIRouter(prefix="/bootstrap/v1", tags=["bootstrap"])

_BODY_BYTES, _DEPTH = 64 * 1024, 8
_LOG_CHARACTERS = 16 * 1024
_SOON_SECONDS, _LATEST_SECONDS, _SHARE_OF_WAIT = 0.5, 30.0, 0.05
_CLOCK_ERROR = timedelta(minutes=1)  # a machine's clock that is further off is not believed


async def _document(request: Request) -> Document:
    return await read_document(request, limit=_BODY_BYTES, depth=_DEPTH, plain_text=False)


MachineBody = Annotated[Document, Depends(_document)]


@router.post(
    "/join",
    response_model=JoinView,
    responses=documented(400, 403, 409, 410, 413, 415, 422, 425, 429, 503),
    openapi_extra={"x-body": "JoinBody"},
)
def join(request: Request, body: MachineBody) -> Any:
    """Redeem a join ticket. 425: not yet, ask again after Retry-After seconds (decimals are meant)."""
    asked, service = _parsed(JoinBody, body), service_of(request)
    whose = origin(request.client.host if request.client else "", service.settings.balancers)
    if whose is not None:
        _limit(service.address_rate, f"join {whose}")
    # What is made up goes no further. What is not says whose it is: nobody else can use that up.
    claim = service.machine_tokens.open_ticket(asked.ticket)
    if claim is None or claim[1] != asked.machine:
        raise TicketRefused("unknown ticket")
    _limit(service.machine_rate, f"join {' '.join(claim)}")
    now = service.now()
    joined = service.store.redeem_ticket(digest(asked.ticket), asked.machine, digest(asked.nonce), now=now)
    if joined.cluster_id != claim[0]:
        raise TicketRefused("unknown ticket")
    request.state.cluster_id = joined.cluster_id
    try:
        _note_boot(service, joined, asked, now)
        return _answer(service, joined, now)
    except NotYet as wait:
        return _too_early(request, wait, now - joined.asks_since)
    except NotFound:
        raise Problem(410, "gone", "the cluster is gone") from None
    except Permanent as error:
        raise Problem(409, "cannot-join", f"{error.message}. {error.remedy}") from error


@router.post(
    "/reports",
    status_code=204,
    response_model=None,
    responses=documented(400, 401, 404, 413, 415, 422, 429, 503),
    openapi_extra={"x-body": "ReportBody", "security": [{"ReportToken": []}]},
)
def report(
    request: Request, body: MachineBody, authorization: Annotated[str | None, Header(max_length=1024)] = None
) -> None:
    """A step of a machine's boot began, ended or failed."""
    service = service_of(request)
    scheme, _, token = (authorization or "").partition(" ")
    opened = service.machine_tokens.open(token.strip()) if scheme.lower() == "bearer" else None
    if opened is None:
        headers = {"WWW-Authenticate": "Bearer"}
        raise Problem(401, "unauthenticated", "a report token is needed", headers=headers)
    cluster_id, machine = opened
    request.state.cluster_id = cluster_id
    _limit(service.machine_rate, f"report {cluster_id} {machine}")
    said = _parsed(ReportBody, body)
    if said.machine != machine:
        raise Problem(
            422, "invalid-request", "the token is another machine's", errors=[FieldError("machine", "differs")]
        )
    at, last = _believed(said.at, service.now()), said.phase == LAST_PHASE and said.state == "done"
    service.store.add_report(
        cluster_id, machine, BootReport(said.phase, said.state, at, said.seconds, _log(said.log)), joined=last
    )


def _note_boot(service: ApiService, joined: Joined, asked: JoinBody, now: datetime) -> None:
    """A machine that asks has booted, even where it has to wait: it is not to be taken for one that does not report."""
    uptime = asked.boot.uptime_seconds if asked.boot else None
    noted = any(p.step == BOOTED and p.at >= joined.asks_since for p in joined.machine.boot)
    if uptime is not None and 0 <= uptime < 1e6 and not noted:
        booted = BootReport(BOOTED, "done", now, uptime)
        service.store.add_report(joined.cluster_id, joined.machine.name, booted, joined=False)


def _answer(service: ApiService, joined: Joined, now: datetime) -> JoinView:
    store = service.store
    stored = store.cluster(joined.cluster_id, project_id=None)
    internal, url = stored.status.api_internal_address, stored.status.api_url
    if internal is None or url is None:
        raise NotYet("the Kubernetes API has no address yet", _SOON_SECONDS)
    sealed = store.sealed(joined.cluster_id, SECRETS)
    if sealed is None:
        raise NotYet("the cluster's secrets are not there yet", _SOON_SECONDS)
    peers = tuple(
        m.serial
        for m in store.machines(joined.cluster_id)
        if m.role is Role.CONTROL_PLANE and m.joined and not m.removing and m.name != joined.machine.name
    )
    facts = JoinFacts(
        cluster=stored.cluster,
        machine=joined.machine,
        api_internal_address=internal,
        api_public_address=url.removeprefix("https://").rpartition(":")[0] or None,
        peers_joined=peers,
        registry=service.settings.registry,
    )
    answer = join_answer(facts, open_secrets(service.sealer, joined.cluster_id, sealed), now)
    return JoinView(
        report_token=service.machine_tokens.issue(joined.cluster_id, joined.machine.name),
        files=[FileView(path=f.path, mode=f.mode, content=f.content) for f in answer.files],
        steps=[
            BootStepView(
                phase=s.phase,
                argv=list(s.argv),
                timeout_seconds=s.timeout_seconds,
                retry_for_seconds=s.retry_for_seconds,
            )
            for s in answer.steps
        ],
    )


def _parsed(model: type[Model], body: Document) -> Model:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise invalid(
            FieldError(".".join(str(part) for part in wrong["loc"]), wrong["msg"])
            for wrong in error.errors(include_url=False)
        ) from None


def _limit(rate: Rate, key: str) -> None:
    after = rate.wait(key)
    if after:
        raise Problem(429, "too-many", "slow down", headers={"Retry-After": f"{after:.1f}"})


def _too_early(request: Request, wait: NotYet, waited: timedelta) -> JSONResponse:
    """The longer a machine has waited the less it matters when it asks again, and the more of them there may be."""
    after = max(wait.after, min(waited.total_seconds() * _SHARE_OF_WAIT, _LATEST_SECONDS))
    problem = Problem(425, "too-early", wait.reason, headers={"Retry-After": f"{after:.3g}"})
    return problem.response(request.state.request_id)


def _believed(text: str, now: datetime) -> datetime:
    """The machine's time, where it can be: never one that is still to come."""
    try:
        at = datetime.fromisoformat(text)
        return min(at, now) if at.tzinfo is not None and abs(at - now) < _CLOCK_ERROR else now
    except (ValueError, OverflowError):
        return now


def _log(text: str) -> str:
    """The end of a log, without what a terminal would obey or PostgreSQL cannot keep."""
    return harmless(text[-_LOG_CHARACTERS:].replace("\r\n", "\n"))
