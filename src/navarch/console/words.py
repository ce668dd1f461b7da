"""What pages make of the API's answers whatever their language. Codes are judged here, and never texts."""

import json
from typing import Any

_GOOD, _BUSY, _BAD, _STILL, _WARN = "good", "busy", "bad", "still", "warn"
_TONES = {
    "Ready": _GOOD,
    "Progressing": _BUSY,
    "Deleting": _BUSY,
    "Degraded": _WARN,
    "Blocked": _BAD,
    "Paused": _STILL,
    "Stopping": _BUSY,
    "Stopped": _STILL,
    "Starting": _BUSY,
    "Installing": _BUSY,
    "Upgrading": _BUSY,
    "Removing": _BUSY,
    "Waiting": _STILL,
}


def tone(phase: str) -> str:
    """What a phase of a cluster or of an add-on looks like: good, busy, warn, bad or still."""
    return _TONES.get(phase, _STILL)


def machine_tone(machine: Any) -> str:
    """What a machine looks like."""
    if any(step["state"] == "failed" for step in machine.get("boot") or []):
        return _BAD
    if machine.get("removing") or machine.get("departure") or machine.get("kept_at"):
        return _WARN
    return _GOOD if machine.get("joined") else _BUSY


def awaited(cluster: Any) -> Any | None:
    """The condition that says why a cluster is not as it should be: one that somebody must act on first. None: nothing
    is awaited."""
    wrong = [c for c in cluster["status"]["conditions"] if c["status"] != "True" and c["type"] != "Paused"]
    asked = [c for c in wrong if c.get("responsible")]
    told = [c for c in asked or wrong if c["type"] != "Ready"] or asked or wrong
    return told[0] if told else None


def event_message(event: Any) -> str:
    """What an event says beyond its reason and its subject, which stand beside it; empty: nothing."""
    reason, subject = event["reason"], event["subject"]
    bare = (f"{subject}: {reason}", f"{reason} {subject} done", f"{reason} done", f"{reason}: AsWanted")
    return "" if event["message"] in bare else str(event["message"])


def value(its: Any) -> str:
    """A field's value in a line."""
    if its is None or its in ("", [], {}):
        return "–"
    if isinstance(its, bool):
        return "true" if its else "false"
    if isinstance(its, list) and all(isinstance(one, str | int) for one in its):
        return ", ".join(map(str, its))
    if isinstance(its, dict):
        return ", ".join(f"{key} {value(part)}" for key, part in its.items())
    if isinstance(its, list):
        return json.dumps(its, ensure_ascii=False)
    return str(its)
