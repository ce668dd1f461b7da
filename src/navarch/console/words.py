"""Words and figures as pages show them. Codes of the API become sentences here, by code and never by text."""

from datetime import UTC, datetime
from typing import Any

from navarch.cli.machine import state as machine_state
from navarch.cli.output import age, parse_time, span

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
}
_GIB_FROM_MIB = 1024


def tone(phase: str) -> str:
    """What a phase looks like: good, busy, warn, bad or still."""
    return _TONES.get(phase, _STILL)


def awaited(cluster: Any) -> Any | None:
    """The condition that says why a cluster is not as it should be: one that somebody must act on first. None: nothing
    is awaited."""
    wrong = [c for c in cluster["status"]["conditions"] if c["status"] != "True" and c["type"] != "Paused"]
    asked = [c for c in wrong if c.get("responsible")]
    told = [c for c in asked or wrong if c["type"] != "Ready"] or asked or wrong
    return told[0] if told else None


def since(value: str | None, now: datetime) -> str:
    """How long ago, in one or two units."""
    return age(value, now)


def exact(value: str) -> str:
    """A moment, with its zone named."""
    return parse_time(value).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def amount(value: int | None, unit: str | None) -> str:
    """A figure of a quota: memory in GiB, where the API counts MiB."""
    if value is None:
        return "∞"
    if unit == "MiB":
        gib = value / _GIB_FROM_MIB
        return f"{gib:.0f} GiB" if gib == int(gib) else f"{gib:.1f} GiB"
    return f"{value} {unit}" if unit else str(value)


def size(flavor: Any) -> str:
    """A flavor's size in a line."""
    return f"{flavor['vcpus']} vCPU · {amount(flavor['ram_mib'], 'MiB')} · {flavor['disk_gib']} GiB"


__all__ = ["amount", "awaited", "exact", "machine_state", "since", "size", "span", "tone"]
