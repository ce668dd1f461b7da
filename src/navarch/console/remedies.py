"""What a page offers beside a remedy's words: where Navarch can do it itself, the way there. By the reason's code."""

from collections.abc import Mapping
from typing import Any


def _n(message: str) -> str:
    """Marks a message for the catalogues."""
    return message


# Reason: what the button says, and the page below the cluster's; below the console's root where it begins with a slash.
WAYS: Mapping[str, tuple[str, str]] = {
    "CertificateEnding": (_n("To its machines"), "#machines"),
    "ImageNotFound": (_n("Another version"), "upgrade"),
    "MachineBootFailed": (_n("To its machines"), "#machines"),
    "MachineNotReporting": (_n("To its machines"), "#machines"),
    "MachineStuck": (_n("To its machines"), "#machines"),
    "OverQuota": (_n("Quotas"), "/quota"),
    "Paused": (_n("Resume"), "switch/resume"),
    "QuotaExceeded": (_n("Quotas"), "/quota"),
    "RolloutPaused": (_n("Let it go on"), "settings"),
    "RolloutStopped": (_n("Another version"), "upgrade"),
    "UpgradeBlocked": (_n("What is in the way"), "upgrade"),
    "WaitsForWindow": (_n("At once"), "upgrade"),
}


def way(reason: str, cluster: Any) -> tuple[str, str] | None:
    """(message, path) of the button; None: there is nothing that a page could do."""
    found = WAYS.get(reason)
    if found is None or cluster.get("deletion_requested_at"):
        return None
    word, path = found
    return word, path if path.startswith("/") else f"/clusters/{cluster['id']}{'' if path[0] == '#' else '/'}{path}"
