"""Keystone as the identity service: each token is validated there, and trusted for a minute at most.

The user that asks needs a role that Keystone's policy lets validate tokens and show users: `reader` on the system. It
is not the user that works in projects: what faces the network cannot act in any.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from keystoneauth1 import exceptions, plugin
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

from navarch.api.access_rules import AccessRule
from navarch.api.identity import Caller, IdentityUnavailable, Refused, Unauthenticated
from navarch.domain.texts import harmless

_TRUST_SECONDS = 60.0  # a revoked token works so long at most
_DISTRUST_SECONDS = 10.0
_VALID, _INVALID = 4096, 1024  # tokens that are remembered
_TIMEOUT_SECONDS = 5.0
_LONGEST_TOKEN = 8192
# Without it Keystone hides tokens that may make certain requests only: who sends it, enforces them.
_RULES_TOO = {"OpenStack-Identity-Access-Rules": "1.0"}
_CONTROLLERS = "these are the credentials of a cluster's own controllers, which open nothing here; use a person's"


def keystone_session(
    auth_url: str,
    *,
    username: str,
    password: str,
    user_domain: str = "Default",
    ca_file: str = "",
) -> Session:
    """A session of a user with a role on the system; nothing is asked of Keystone yet."""
    auth = Password(
        auth_url=auth_url,
        username=username,
        password=password,
        user_domain_name=user_domain,
        system_scope="all",
    )
    return Session(auth=auth, verify=ca_file or True, timeout=_TIMEOUT_SECONDS)


@dataclass(frozen=True, slots=True)
class _Known:
    """What Keystone said of a token: whose it is (None: nobody's), or why it is refused all the same."""

    caller: Caller | None
    until: float
    refused: str = ""


class KeystoneIdentity:
    """`session` holds credentials that may validate tokens; the URL that they authenticate at does it.
    `cluster_domain`: name of the Keystone domain in which each cluster has a user. `service_user`: name of the user by
    whose trust they act."""

    def __init__(
        self,
        session: Session,
        *,
        cluster_domain: str,
        service_user: str,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._session, self._cluster_domain, self._service_user = session, cluster_domain, service_user
        self._clock, self._now = clock, now
        # Apart, so that any number of invalid ones pushes out no valid one.
        self._valid: OrderedDict[bytes, _Known] = OrderedDict()
        self._invalid: OrderedDict[bytes, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, token: str) -> Caller | None:
        """See `identity.Identity`."""
        known = self._remembered(_key(token))
        return self._told(known) if known is not None else None

    def met(self, token: str) -> bool:
        """See `identity.Identity`."""
        with self._lock:
            known = self._valid.get(_key(token))
        return known is not None and self._living(known) is not None

    def caller(self, token: str) -> Caller:
        """See `identity.Identity`."""
        if not token or len(token) > _LONGEST_TOKEN or not token.isascii() or not token.isprintable():
            raise Unauthenticated("no usable token")
        key = _key(token)
        known = self._remembered(key)
        if known is None:
            known = self._ask(token)
            self._remember(key, known)
        return self._told(known)

    def _told(self, known: _Known) -> Caller:
        if known.refused:
            raise Refused(known.refused)
        caller = self._living(known)
        if caller is None:
            raise Unauthenticated("the token is not valid")
        return caller

    def _remember(self, key: bytes, known: _Known) -> None:
        with self._lock:
            valid = known.caller is not None
            (self._invalid if valid else self._valid).pop(key, None)
            kept, most = (self._valid, _VALID) if valid else (self._invalid, _INVALID)
            kept[key] = known
            kept.move_to_end(key)
            while len(kept) > most:
                kept.popitem(last=False)

    def _remembered(self, key: bytes) -> _Known | None:
        with self._lock:
            kept = self._valid if key in self._valid else self._invalid
            known = kept.get(key)
            if known is None or known.until <= self._clock():
                return None
            kept.move_to_end(key)
            return known

    def _living(self, known: _Known) -> Caller | None:
        return known.caller if known.caller is not None and known.caller.expires_at > self._now() else None

    def _ask(self, token: str) -> _Known:
        answer = self._get(
            "/auth/tokens?nocatalog", {"X-Subject-Token": token, **_RULES_TOO}, "the validation of a token"
        )
        if answer is None:
            return _Known(None, self._clock() + _DISTRUST_SECONDS)
        until = self._clock() + _TRUST_SECONDS
        try:
            if self._is_a_clusters(answer["token"]):
                return _Known(None, until, refused=_CONTROLLERS)
            return _Known(_caller(answer["token"]), until)
        except (ValueError, KeyError, TypeError) as error:
            raise IdentityUnavailable(f"Keystone's answer is not understood: {error!r}") from error

    def _is_a_clusters(self, token: dict[str, Any]) -> bool:
        """Whether it belongs to a cluster's controllers: their user is in the domain of clusters, and what they may do,
        they may by a trust of Navarch's own user. Either is enough."""
        if token["user"]["domain"]["name"] == self._cluster_domain:
            return True
        trust = token.get("OS-TRUST:trust")
        if trust is None:
            return False
        trustor = self._get(f"/users/{quote(trust['trustor_user']['id'], safe='')}", {}, "who gave a trust")
        return trustor is not None and trustor["user"]["name"] == self._service_user

    def _get(self, path: str, headers: dict[str, str], what: str) -> Any:
        """The answer's JSON; None: there is no such thing. Raises IdentityUnavailable."""
        try:
            answer = self._session.get(
                path,
                endpoint_filter={"interface": plugin.AUTH_INTERFACE, "service_type": "identity", "version": (3, 0)},
                headers={**headers, "Accept": "application/json"},
                raise_exc=False,
                timeout=_TIMEOUT_SECONDS,
                redirect=False,
            )
        except exceptions.ClientException as error:
            raise IdentityUnavailable(f"Keystone does not answer {what}: {error}") from error
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            # 401 and 403 are about Navarch's own user here, not about the caller's token.
            raise IdentityUnavailable(f"Keystone answers {answer.status_code} to {what}")
        try:
            return answer.json()
        except ValueError as error:
            raise IdentityUnavailable(f"Keystone's answer is not understood: {error!r}") from error


def _key(token: str) -> bytes:
    """A dump of this process holds no customer's token."""
    return sha256(token.encode(errors="replace")).digest()


def _access_rules(token: dict[str, Any]) -> tuple[AccessRule, ...] | None:
    rules = (token.get("application_credential") or {}).get("access_rules")
    if rules is None:
        return None
    return tuple(AccessRule(str(rule["service"]), str(rule["method"]), str(rule["path"])) for rule in rules)


def _caller(token: dict[str, Any]) -> Caller:
    user, project = token["user"], token.get("project") or {}
    return Caller(
        user_id=user["id"],
        user_name=harmless(user["name"]),
        user_domain_id=user["domain"]["id"],
        project_id=project.get("id"),
        project_domain_id=(project.get("domain") or {}).get("id", ""),
        roles=tuple(role["name"] for role in token.get("roles") or ()),
        expires_at=datetime.fromisoformat(token["expires_at"]),
        system_scope=bool((token.get("system") or {}).get("all")),
        # Keystone says so only where an admin project is configured; without one, every project may hold the admin.
        is_admin_project=bool(token.get("is_admin_project", True)),
        access_rules=_access_rules(token),
    )
