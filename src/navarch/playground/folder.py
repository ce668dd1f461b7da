"""Where `make play` keeps what it has."""

import os
from pathlib import Path


def default_folder() -> Path:
    """$NAVARCH_PLAY, else in the user's home; for root, whose home is closed to PostgreSQL's user, in /var/lib."""
    named = os.environ.get("NAVARCH_PLAY", "")
    if named:
        return Path(named)
    if os.geteuid() == 0:
        return Path("/var/lib/navarch-play")
    return Path.home() / ".local" / "state" / "navarch-play"
