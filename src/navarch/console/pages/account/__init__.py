"""One's own account: language, theme and times of the pages, and the end of all sessions."""

from http import HTTPStatus

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from navarch.console.preferences import THEMES, TIME_ZONES, Preferences
from navarch.console.visits import Posted, SignedIn, see

router = APIRouter()


@router.get("/account")
def show(visit: SignedIn) -> Response:
    """The form."""
    return visit.page("account/account.html", themes=THEMES, time_zones=TIME_ZONES)


@router.post("/account")
def prefer(visit: SignedIn, form: Posted) -> Response:
    """Keep it, for every browser of this account."""
    preferences = Preferences(form.text("language"), form.text("theme"), form.text("time_zone"))
    if not preferences.known:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "There is no such language, theme or time zone.")
    visit.console.sessions.prefer(visit.session.user_id, preferences)
    return see("/account")
