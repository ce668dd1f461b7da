"""From a cloud's name to a client that works."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from navarch.client.clusters import Navarch
    from navarch.client.credentials import Credentials


def connect(
    *,
    cloud: str | None = None,
    region: str | None = None,
    endpoint: str | None = None,
    all_projects: bool = False,
    environ: Mapping[str, str] | None = None,
    on_wait: Callable[[str, float], None] | None = None,
) -> "Navarch":
    """A client for `cloud` (see `credentials.find_credentials` for where it is looked up).

    `endpoint`, or NAVARCH_ENDPOINT, takes the place of the catalogue's entry; NAVARCH_CACERT names a file of CAs for
    Navarch beside the cloud's. `all_projects`: act in every project, which operators may. `on_wait(why, seconds)` is
    told before a pause between two attempts. Raises NotConfigured, NotAuthorised, Unavailable.
    """
    from navarch.client.clusters import Navarch
    from navarch.client.credentials import find_credentials
    from navarch.client.http import Http
    from navarch.client.keystone import Keystone

    environ = os.environ if environ is None else environ
    credentials = find_credentials(cloud, region, environ)
    keystone = Keystone(credentials)
    address = endpoint or environ.get("NAVARCH_ENDPOINT") or keystone.endpoint()
    always = {"all_projects": "true"} if all_projects else {}
    context = tls_context(credentials, environ)
    return Navarch(Http(address, keystone, verify=context, on_wait=on_wait, always=always))


def tls_context(credentials: "Credentials", environ: Mapping[str, str]) -> Any:
    """What httpx should trust: the CAs that the cloud's file and Navarch's own name, or the usual ones."""
    files = [name for name in (credentials.cacert, environ.get("NAVARCH_CACERT")) if name]
    if not credentials.verify or not files:
        return credentials.verify
    import ssl

    from navarch.client.errors import NotConfigured

    context = ssl.create_default_context(cafile=credentials.cacert)
    for name in files:
        try:
            context.load_verify_locations(cafile=name)
        except (OSError, ssl.SSLError) as error:
            raise NotConfigured(f"the CA file {name} cannot be used: {error}") from error
    return context
