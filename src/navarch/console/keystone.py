"""Signing in at Keystone: tokens for people, by what they typed. No password is kept."""

from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

from keystoneauth1.exceptions.auth import MissingAuthMethods
from keystoneauth1.identity import v3
from keystoneauth1.identity.v3 import ReceiptMethod, TOTPMethod
from keystoneauth1.session import Session

from navarch.client.credentials import Credentials
from navarch.client.errors import ClientError, NotAuthorised
from navarch.client.keystone import Keystone, mapped

_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Token:
    """A token and what Keystone says of it. `project_id` is empty where it is for no project."""

    id: str = field(repr=False)
    user_id: str
    user_name: str
    ends_at: datetime
    project_id: str
    project_name: str


@dataclass(frozen=True, slots=True)
class Project:
    """A project that somebody has a role in."""

    id: str
    name: str
    domain_id: str


class SecondFactorNeeded(Exception):
    """Keystone knows the password and wants a passcode too. `receipt` says so to Keystone; it is a secret."""

    def __init__(self, receipt: str) -> None:
        super().__init__("a second factor is needed")
        self.receipt = receipt


class SignIn:
    """The Keystone at `auth_url`. Methods raise NotAuthorised where it refuses, Unavailable where it is away."""

    def __init__(self, auth_url: str, ca_file: str) -> None:
        self._auth_url, self._ca_file = auth_url.rstrip("/"), ca_file

    def by_password(self, name: str, password: str, domain: str) -> Token:
        """A token for no project, which projects are then chosen with. Raises SecondFactorNeeded."""
        words = {"username": name, "password": password, "user_domain_name": domain, "unscoped": True}
        try:
            return _token(self._keystone("v3password", words))
        except MissingAuthMethods as missing:
            if missing.receipt and any("totp" in rule for rule in missing.required_auth_methods):
                raise SecondFactorNeeded(missing.receipt) from None
            raise NotAuthorised("Keystone asks for a factor that the console does not know") from missing

    def by_passcode(self, receipt: str, name: str, domain: str, passcode: str) -> Token:
        """The same, once Keystone has given a receipt for the password."""
        methods = [
            ReceiptMethod(receipt=receipt),
            TOTPMethod(passcode=passcode, username=name, user_domain_name=domain),
        ]
        plugin = v3.Auth(self._auth_url, methods, unscoped=True, include_catalog=False)
        session = Session(verify=self._ca_file or True, timeout=_TIMEOUT_SECONDS)
        with mapped(Credentials("v3totp", {"auth_url": self._auth_url}, source="the console")):
            try:
                return _told(plugin.get_access(session))
            except MissingAuthMethods as missing:
                raise NotAuthorised("Keystone asks for a third factor") from missing

    def by_application_credential(self, credential_id: str, secret: str) -> Token:
        """A token for the credential's own project; no other can be chosen with it."""
        words = {"application_credential_id": credential_id, "application_credential_secret": secret}
        return _token(self._keystone("v3applicationcredential", words))

    def for_project(self, unscoped: str, project_id: str) -> Token:
        """A token for a project. It ends when the first one does."""
        return _token(self._keystone("v3token", {"token": unscoped, "project_id": project_id}))

    def projects(self, unscoped: str) -> list[Project]:
        """The projects that can be chosen, by name."""
        keystone = self._keystone("v3token", {"token": unscoped, "unscoped": True})
        with mapped(keystone.credentials):
            answer = keystone.session.get(
                f"{self._auth_url}/auth/projects", authenticated=False, headers={"X-Auth-Token": unscoped}
            )
        try:
            found = [Project(p["id"], p["name"], p["domain_id"]) for p in answer.json()["projects"] if p["enabled"]]
        except (ValueError, KeyError, TypeError) as error:
            raise ClientError(f"Keystone's list of projects is not understood: {error!r}") from error
        return sorted(found, key=lambda project: (project.name, project.id))

    def revoke(self, token: str) -> None:
        """End a token. One that has ended already is no error."""
        keystone = self._keystone("v3token", {"token": token, "unscoped": True})
        with mapped(keystone.credentials):
            answer = keystone.session.delete(
                f"{self._auth_url}/auth/tokens",
                authenticated=False,
                headers={"X-Auth-Token": token, "X-Subject-Token": token},
                raise_exc=False,
            )
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ClientError(f"Keystone answers {answer.status_code} to the end of a token")

    def _keystone(self, kind: str, words: dict[str, Any]) -> Keystone:
        auth = {"auth_url": self._auth_url, **words}
        return Keystone(Credentials(kind, auth, source="the console", cacert=self._ca_file or None))


def _token(keystone: Keystone) -> Token:
    needed: MissingAuthMethods
    with mapped(keystone.credentials):
        try:
            return _told(keystone.session.auth.get_access(keystone.session))
        except MissingAuthMethods as missing:
            needed = missing
    raise needed


def _told(access: Any) -> Token:
    return Token(
        access.auth_token,
        access.user_id,
        access.username,
        access.expires,
        access.project_id or "",
        access.project_name or "",
    )
