"""What a cluster answers is its owner's word, and its owner may be anybody. Texts are made safe here, where they enter:
they end up in conditions, timelines, logs and on terminals of people who trust Navarch and not that cluster.
"""

import ipaddress
import re
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from navarch.domain.kube import Serving
from navarch.domain.texts import is_seen

LONGEST = 500
"""Characters of a text."""
_MOST_NAMES = 100  # of a certificate

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_VERSION = re.compile(r"v?(\d{1,4}\.\d{1,4}\.\d{1,4}(?:[-+][-+.0-9A-Za-z]{1,40})?)")


def text(said: object, most: int = LONGEST) -> str:
    """Something as one line to be shown: cut, and without characters that do something instead of being seen."""
    short = said[: most + 1] if isinstance(said, str) else str(said)[: most + 1]
    seen = "".join(_shown(character) for character in short)
    return seen if len(seen) <= most else f"{seen[: most - 1]}…"


def name(said: object) -> str:
    """The name of an object; empty where it is none that Kubernetes takes."""
    return said if isinstance(said, str) and _NAME.fullmatch(said) else ""


def version(said: object) -> str:
    """A version of Kubernetes without its `v`; empty where it is none."""
    found = _VERSION.fullmatch(said) if isinstance(said, str) else None
    return found[1] if found else ""


def address(said: object) -> str:
    """An IP address; empty where it is none."""
    try:
        return str(ipaddress.ip_address(said)) if isinstance(said, str) and len(said) < 50 else ""
    except ValueError:
        return ""


def moment(said: object) -> datetime | None:
    """A moment of this century; None where it is none. One that is far off could not be reckoned with."""
    try:
        read = datetime.fromisoformat(said) if isinstance(said, str) and len(said) < 50 else None
    except ValueError:
        return None
    return read if read is not None and read.tzinfo is not None and 2000 <= read.year < 2100 else None


def certificate(said: Mapping[str, Any]) -> Serving | None:
    """A server's certificate, as `ssl` reads it; None where it does not say when it ends."""
    try:
        until = datetime.fromtimestamp(ssl.cert_time_to_seconds(said["notAfter"]), UTC)
    except (KeyError, ValueError, OverflowError):
        return None
    names = (name(value) for kind, value in said.get("subjectAltName", ())[:_MOST_NAMES] if kind == "DNS")
    return Serving(tuple(filter(None, names)), until)


def _shown(character: str) -> str:
    if character in "\n\r\t":
        return " "
    return character if is_seen(character) else "\ufffd"
