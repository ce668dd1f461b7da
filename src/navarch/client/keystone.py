"""A token and the service's address, from Keystone. The one door through which keystoneauth's exceptions leave."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keystoneauth1 import exceptions as ksa
from keystoneauth1 import session as ksa_session

from navarch.client.credentials import Credentials
from navarch.client.errors import ClientError, NotAuthorised, NotConfigured, Problem, Unavailable

SERVICE_TYPE = "kubernetes"
logging.getLogger("keystoneauth").addHandler(logging.NullHandler())  # it repeats to stderr what its exceptions say
_TIMEOUT_SECONDS = 30
_OLD_AND_PLAIN = {  # their loaders are imported by hand: the entry-point scan of every other one takes a while
    "password": ("keystoneauth1.loading._plugins.identity.generic", "Password"),
    "token": ("keystoneauth1.loading._plugins.identity.generic", "Token"),
    "v3password": ("keystoneauth1.loading._plugins.identity.v3", "Password"),
    "v3token": ("keystoneauth1.loading._plugins.identity.v3", "Token"),
    "v3applicationcredential": ("keystoneauth1.loading._plugins.identity.v3", "ApplicationCredential"),
}


class Keystone:
    """An authenticated session. `session` is keystoneauth's own, for those who speak to other services (doctor)."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        verify: bool | str = (credentials.cacert or True) if credentials.verify else False
        if not credentials.verify:
            _accept_silence()
        cert: Any = credentials.cert
        if credentials.cert and credentials.key:
            cert = (credentials.cert, credentials.key)
        with mapped(credentials):
            self.session = ksa_session.Session(
                auth=_plugin(credentials), verify=verify, cert=cert, timeout=_TIMEOUT_SECONDS,
                user_agent="navarch-client",
            )  # fmt: skip

    def headers(self) -> dict[str, str]:
        """The headers that authenticate a request. Raises NotAuthorised, Unavailable."""
        with mapped(self.credentials):
            return dict(self.session.get_auth_headers() or {})

    def renew(self) -> bool:
        """Drop the token, so that the next one is new. False where the method has none to drop."""
        return bool(self.session.invalidate())

    def endpoint(self) -> str:
        """The address of Navarch in the catalogue. Raises NotConfigured where it is not there."""
        wanted = self.credentials
        if wanted.endpoint:
            return wanted.endpoint
        found = self.address(SERVICE_TYPE)
        if found is None:
            where = f" in region {wanted.region}" if wanted.region else ""
            raise NotConfigured(
                f"this cloud's catalogue has no {wanted.interface} endpoint of type '{SERVICE_TYPE}'{where}. "
                "Give Navarch's address with --endpoint or NAVARCH_ENDPOINT, or ask the operator to register it."
            )
        return found

    def address(self, service_type: str) -> str | None:
        """The catalogue's address of a service type in our region, or None."""
        with mapped(self.credentials):
            access = self.session.auth.get_access(self.session)
            try:
                url = access.service_catalog.url_for(
                    service_type=service_type, interface=self.credentials.interface, region_name=self.credentials.region
                )
            except (ksa.EndpointNotFound, ksa.EmptyCatalog):
                return None
        return str(url) if url else None

    def regions(self) -> tuple[str, ...]:
        """The regions that the catalogue knows, sorted."""
        with mapped(self.credentials):
            access = self.session.auth.get_access(self.session)
            try:
                found = access.service_catalog.get_endpoints_data(interface=self.credentials.interface)
            except ksa.EmptyCatalog:
                return ()
        return tuple(sorted({e.region_name for endpoints in found.values() for e in endpoints if e.region_name}))


def _plugin(credentials: Credentials) -> Any:
    import importlib

    from keystoneauth1 import loading

    kind = credentials.auth_type
    if str(credentials.auth.get("auth_url", "")).rstrip("/").endswith("/v3") and not _generic_only(credentials):
        kind = {"password": "v3password", "token": "v3token"}.get(kind, kind)  # saves asking Keystone for its versions
    if kind in _OLD_AND_PLAIN:
        module, name = _OLD_AND_PLAIN[kind]
        loader = getattr(importlib.import_module(module), name)()
    else:
        loader = loading.get_plugin_loader(kind)
    known = {name for option in loader.get_options() for name in [option.dest]}
    options = {name: value for name, value in credentials.auth.items() if name in known}
    return loader.load_from_options(**options)


def _generic_only(credentials: Credentials) -> bool:
    return any(name.startswith("default_domain") for name in credentials.auth)


def _accept_silence() -> None:
    """`verify: false` was asked for in clouds.yaml: urllib3 need not repeat it at every call."""
    import warnings

    warnings.filterwarnings("ignore", message="Unverified HTTPS request")


@contextmanager
def mapped(credentials: Credentials) -> Iterator[None]:
    """Turn keystoneauth's exceptions into this package's."""
    url = credentials.auth.get("auth_url", "")
    try:
        yield
    except (ksa.Unauthorized, ksa.Forbidden) as error:
        whose = credentials.source
        raise NotAuthorised(f"Keystone at {url} refused the credentials of {whose}: {_words(error)}") from error
    except ksa.SSLError as error:
        raise Unavailable(
            f"TLS to Keystone at {url} failed: {_words(error)}. "
            "If the cloud has a CA of its own, name its file with `cacert` in clouds.yaml or OS_CACERT."
        ) from error
    except (ksa.ConnectFailure, ksa.ConnectTimeout, ksa.RetriableConnectionFailure, ksa.DiscoveryFailure) as error:
        raise Unavailable(f"Keystone at {url} does not answer: {_words(error)}") from error
    except (ksa.NoMatchingPlugin, ksa.MissingRequiredOptions, ksa.OptionError) as error:
        raise NotConfigured(f"{credentials.source}: {_words(error)}") from error
    except ksa.AuthorizationFailure as error:
        raise NotAuthorised(f"Keystone at {url}: {_words(error)}") from error
    except ksa.HttpServerError as error:
        raise Unavailable(f"Keystone at {url}: {_words(error)}") from error
    except ksa.HttpError as error:
        raise Problem(error.http_status or 0, "OpenStack refused", _words(error)) from error
    except ksa.ClientException as error:
        raise ClientError(_words(error)) from error


def _words(error: BaseException) -> str:
    """What matters of an exception that quotes three others."""
    text = " ".join(str(error).split())
    inner = re.search(r"\[SSL[^\]]*\] ([^(\])]+)|\[Errno -?\d+\] ([^\"'()]+)", text)
    if inner:
        return (inner[1] or inner[2]).strip()
    return text[:500] or type(error).__name__
