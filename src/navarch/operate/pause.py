"""`navarch-server pause`, `resume`, `pauses`: have the workers leave a project, or everything, alone."""

import getpass
import json
import os
import socket

from navarch.domain.codec import encode
from navarch.store.postgres import PostgresStore


def pause(store: PostgresStore, project_id: str | None, reason: str) -> str:
    """Pause, and say what that means."""
    store.pause(project_id, reason=reason, by=who())
    clusters = sum(p.clusters for p in store.pauses() if p.project_id == project_id)
    none = "" if clusters else " - is that the project's id?" if project_id else ""
    held = store.fleet().claimed
    return (
        f"paused: {_what(project_id)}, clusters: {clusters}{none}\n"
        f"Workers take none of them up any more. Cycles under way, which come to their end: {held}."
    )


def resume(store: PostgresStore, project_id: str | None) -> str:
    """End that pause, and say what is still paused. Raises LookupError where there was no such pause."""
    ended = store.resume(project_id)
    left = ", ".join(_what(p.project_id) for p in store.pauses())
    still = f"; still paused: {left}" if left else ""
    if not ended:
        raise LookupError(f"{_what(project_id)} was not paused{still}")
    return f"resumed: {_what(project_id)}{still}"


def listed(store: PostgresStore, *, as_json: bool) -> str:
    """All pauses."""
    pauses = store.pauses()
    if as_json:
        return json.dumps([encode(pause) for pause in pauses], indent=2)
    if not pauses:
        return "nothing is paused"
    rows = [("WHAT", "CLUSTERS", "SINCE", "BY", "REASON")]
    rows += [
        (_what(p.project_id), str(p.clusters), f"{p.since:%Y-%m-%d %H:%M:%S} UTC", p.paused_by, p.reason)
        for p in pauses
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join("  ".join([*map(str.ljust, row, widths), row[4]]).rstrip() for row in rows)


def _what(project_id: str | None) -> str:
    return f"project {project_id}" if project_id else "everything"


def who() -> str:
    """The person, also behind sudo, and the host: for those who find the pause later."""
    return f"{os.environ.get('SUDO_USER') or getpass.getuser()}@{socket.gethostname()}"
