"""Choosing a project. Who has one alone was taken there by signing in."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from navarch.client.errors import NotAuthorised
from navarch.console.keystone import Project
from navarch.console.pages.signing_in import set_session
from navarch.console.sessions import COOKIE, in_project
from navarch.console.visits import HOME, Posted, SignedIn, SignInNeeded, Visit, local, see

router = APIRouter()


@router.get("/projects")
def choose(visit: SignedIn, following: Annotated[str, Query(alias="next")] = HOME) -> Response:
    """The projects of who is signed in."""
    if not visit.session.unscoped:  # an application credential is for one project
        return see(HOME)
    return visit.page("projects/choose.html", projects=_asked(visit), following=local(following))


@router.post("/projects")
def enter(visit: SignedIn, form: Posted) -> Response:
    """Go on in a project."""
    if not visit.session.unscoped:
        raise HTTPException(403, "An application credential is for one project.")
    return _enter(visit, form.text("project"), form.text("next"))


def _asked(visit: Visit) -> list[Project]:
    try:
        return visit.console.sign_in.projects(visit.session.unscoped)
    except NotAuthorised as error:
        raise SignInNeeded from error


def _enter(visit: Visit, project_id: str, following: str) -> Response:
    """A session of that project in place of this one. A project that Keystone does not let in is told as absent."""
    session = visit.session
    if project_id not in {project.id for project in _asked(visit)}:
        raise HTTPException(404)
    entered = in_project(session, visit.console.sign_in.for_project(session.unscoped, project_id))
    visit.console.sessions.end(visit.request.cookies[COOKIE])
    return set_session(see(local(following)), visit.console, entered)
