"""One's own account: language, theme, times and keys of the pages, and the end of all sessions."""

from http import HTTPStatus

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from navarch.console.preferences import SHORTCUTS, THEMES, TIME_ZONES, Preferences
from navarch.console.visits import Posted, SignedIn, see

router = APIRouter()


@router.get("/account")
def show(visit: SignedIn) -> Response:
    """The form."""
    return visit.page("account/account.html", themes=THEMES, time_zones=TIME_ZONES, shortcuts=SHORTCUTS)


@router.post("/account")
def prefer(visit: SignedIn, form: Posted) -> Response:
    """Keep it, for every browser of this account."""
    preferences = Preferences(*(form.text(name) for name in ("language", "theme", "time_zone", "shortcuts")))
    if not preferences.known:
        raise HTTPException(
            HTTPStatus.UNPROCESSABLE_ENTITY, "There is no such language, theme, time zone or choice of keys."
        )
    visit.console.sessions.prefer(visit.session.user_id, preferences)
    return see("/account")
