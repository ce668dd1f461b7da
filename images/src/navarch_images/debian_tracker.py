"""What Debian's security tracker says of the packages in a node image. Pure.

The tracker's document (https://security-tracker.debian.org/tracker/data/json) goes by source package and knows source
versions, which are not always the version of the package that was built of them (bsdutils 1:2.38.1-5 is of util-linux
2.38.1-5; bash 5.2.15-2+b13 of bash 5.2.15-2). So installed packages are asked for by what dpkg says of their source.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from navarch_images.errors import NotAsked
from navarch_images.vulnerabilities import Finding

Sources = Mapping[tuple[str, str], tuple[str, ...]]
_FIELD = re.compile(r"^(Package|Status|Version|Source): (.+)$", re.MULTILINE)


def sources(status: str) -> Sources:
    """The packages that are installed, by source and its version, of the text of dpkg's status file."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for stanza in status.split("\n\n"):
        fields: dict[str, str] = dict(_FIELD.findall(stanza))
        if fields.get("Status", "").endswith(" installed"):
            name, _, version = fields.get("Source", fields["Package"]).partition(" ")
            key = (name, version.strip("()") or fields["Version"])
            found[key] = (*found.get(key, ()), fields["Package"])
    return found


def findings(tracker: Any, suite: str, installed: Sources) -> list[Finding]:
    """What is known against the installed packages and not mended in their version, `tracker` being the whole document.

    Raises NotAsked where it is not the tracker's, or knows nothing at all of the suite.
    """
    try:
        if not any(suite in cve["releases"] for cves in tracker.values() for cve in cves.values()):
            raise NotAsked(f"Debian's tracker says nothing about any package of {suite}")
        return list(_findings(tracker, suite, installed))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NotAsked(f"this is not the JSON of Debian's tracker: {error!r}") from error


def _findings(tracker: Any, suite: str, installed: Sources) -> Iterator[Finding]:
    for (source, version), packages in installed.items():
        for identifier, cve in tracker.get(source, {}).items():
            state = cve["releases"].get(suite)
            if state is None:
                continue
            fixed = state["fixed_version"] if state["status"] == "resolved" else ""
            # "0" is the tracker's way to say that the suite never had it; argon2's 0~20171227 sorts below it.
            if fixed == "0" or (fixed and order(version) >= order(fixed)):
                continue
            urgency = state.get("urgency", "").rstrip("*")  # the stars say who gave it
            severity = "" if urgency == "not yet assigned" else urgency
            yield Finding("debian", source, version, fixed, identifier, (), severity, packages)


def order(version: str) -> tuple[Any, ...]:
    """A key that sorts versions as dpkg does (deb-version(7))."""
    epoch, rest = version.split(":", 1) if ":" in version else ("0", version)
    upstream, revision = rest.rsplit("-", 1) if "-" in rest else (rest, "0")
    return int(epoch), _parts(upstream), _parts(revision)


def _parts(text: str) -> tuple[Any, ...]:
    # The last match is empty, and stands for the end of the text: after "~", before all else.
    return tuple((_signs(signs), int(digits or 0)) for signs, digits in re.findall(r"([^0-9]*)([0-9]*)", text or "0"))


def _signs(text: str) -> tuple[int, ...]:
    return (*(-1 if sign == "~" else ord(sign) + (0 if sign.isalpha() else 256) for sign in text), 0)
