"""From a cloud's name to a client that works."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from navarch.client.clusters import Navarch


def connect(
    *,
    cloud: str | None = None,
    region: str | None = None,
    endpoint: str | None = None,
    environ: Mapping[str, str] | None = None,
    on_wait: Callable[[str, float], None] | None = None,
) -> "Navarch":
    """A client for `cloud` (see `credentials.find_credentials` for where it is looked up).

    `endpoint`, or NAVARCH_ENDPOINT, takes the place of the catalogue's entry. `on_wait(why, seconds)` is told before a
    pause between two attempts. Raises NotConfigured, NotAuthorised, Unavailable.
    """
    from navarch.client.clusters import Navarch
    from navarch.client.credentials import find_credentials
    from navarch.client.http import Http
    from navarch.client.keystone import Keystone

    environ = os.environ if environ is None else environ
    credentials = find_credentials(cloud, region, environ)
    keystone = Keystone(credentials)
    address = endpoint or environ.get("NAVARCH_ENDPOINT") or keystone.endpoint()
    return Navarch(Http(address, keystone, verify=tls_context(credentials.verify, credentials.cacert), on_wait=on_wait))


def tls_context(verify: bool, cacert: str | None) -> Any:
    """What httpx should trust: nothing less than `cacert`, or the usual CAs."""
    if not verify or cacert is None:
        return verify
    import ssl

    return ssl.create_default_context(cafile=cacert)
