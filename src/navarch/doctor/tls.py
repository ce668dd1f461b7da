"""Whether an endpoint's certificate can be trusted, and for how long."""

import socket
import ssl
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from navarch.doctor.finding import Finding, fail, ok, warn

_TIMEOUT_SECONDS = 5.0
_SOON_DAYS = 21


def check_tls(urls: dict[str, str], trusted: Any, *, verify: bool) -> Finding:
    """One finding for all endpoints: `urls` by the service's name, `trusted` an SSL context, or anything else for the
    usual CAs."""
    context = trusted if isinstance(trusted, ssl.SSLContext) else ssl.create_default_context()
    places: dict[tuple[str, int], list[str]] = {}
    plain = []
    for service, url in urls.items():
        split = urlsplit(url)
        if split.scheme == "https" and split.hostname:
            places.setdefault((split.hostname, split.port or 443), []).append(service)
        elif split.scheme == "http":
            plain.append(service)
    bad: list[str] = []
    soonest: tuple[float, str] | None = None
    for (host, port), services in places.items():
        try:
            days = _days_left(host, port, context)
        except ssl.SSLError as error:
            bad.append(f"{', '.join(services)} at {host}:{port}: {getattr(error, 'verify_message', '') or error}")
            continue
        except OSError:
            continue  # not reachable: the check of that service says so
        if soonest is None or days < soonest[0]:
            soonest = (days, services[0])
    if bad and verify:
        return fail(
            "TLS", "; ".join(bad),
            "Name the CA's file with `cacert` in clouds.yaml or OS_CACERT; if it is named already, the operator has to "
            "renew the certificate.",
        )  # fmt: skip
    if plain:
        detail = f"{', '.join(plain)} without TLS: tokens and passwords can be read on the way"
        return warn("TLS", detail, "Operator: give the public endpoints certificates.")
    if not verify:
        fix = "Remove `verify: false` (OS_INSECURE) and name the CA's file instead."
        return warn("TLS", "certificates are not checked", fix)
    if soonest is not None and soonest[0] < _SOON_DAYS:
        detail = f"the certificate of {soonest[1]} ends in {soonest[0]:.0f} days"
        return warn("TLS", detail, "Operator: renew it.")
    left = f", the first ends in {soonest[0]:.0f} days" if soonest else ""
    return ok("TLS", f"certificates are trusted{left}")


def _days_left(host: str, port: int, context: ssl.SSLContext) -> float:
    with socket.create_connection((host, port), timeout=_TIMEOUT_SECONDS) as plain:
        with context.wrap_socket(plain, server_hostname=host) as secure:
            certificate = secure.getpeercert() or {}
    end = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return (end - datetime.now(UTC).timestamp()) / 86400
