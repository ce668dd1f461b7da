"""Navarch itself: in the catalogue, reachable, ready."""

from collections.abc import Iterator, Mapping

from navarch.client.clusters import Navarch
from navarch.client.connect import tls_context
from navarch.client.errors import ClientError, Problem
from navarch.client.http import Http
from navarch.client.keystone import SERVICE_TYPE, Keystone
from navarch.doctor.finding import Finding, fail, ok, warn


def navarch(keystone: Keystone, override: str | None, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Its endpoint, /readyz, and a request with the token."""
    credentials = keystone.credentials
    listed = credentials.endpoint or keystone.address(SERVICE_TYPE)
    register = (
        f"Operator: openstack service create --name navarch {SERVICE_TYPE}; "
        f"openstack endpoint create {SERVICE_TYPE} public https://NAVARCH:9443"
    )
    if listed:
        yield ok("catalogue", f"{SERVICE_TYPE} is at {listed}")
    elif override:
        yield warn("catalogue", f"no endpoint of type {SERVICE_TYPE}; using {override}", register)
    else:
        yield fail("catalogue", f"no endpoint of type {SERVICE_TYPE}", register)
        return
    address = override or listed or ""
    context = tls_context(credentials, environ)
    with Navarch(Http(address, keystone, verify=context, patience_seconds=0)) as client:
        try:
            client.ready()
        except ClientError as error:
            extra = f" {error.extra}" if isinstance(error, Problem) and error.extra else ""
            ready = f"{client.http.endpoint}/readyz"
            yield fail("Navarch", f"{error.message}{extra}", f"Operator: look at {ready} and at Navarch's log.")
            return
        yield ok("Navarch", f"{address} is ready")
        try:
            versions = client.catalogue("versions")
        except ClientError as error:
            yield fail("Navarch's offer", error.message, "Operator: look at Navarch's log for this request.")
            return
    names = [str(v.get("kubernetes_version")) for v in versions]
    if names:
        yield ok("Navarch's offer", f"Kubernetes {', '.join(names)}")
    else:
        fix = "Operator: is a worker running, and is a node image registered?"
        yield fail("Navarch's offer", "no Kubernetes version", fix)
