"""Tokens validated by a real Keystone."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

from navarch.api.identity import IdentityUnavailable, Unauthenticated
from navarch.api.keystone import KeystoneIdentity, keystone_session
from navarch.api.policy import CREATE, READ, Policy

pytestmark = pytest.mark.lab


def cloud(name: str) -> dict[str, Any]:
    state = Path(os.environ.get("NAVARCH_LAB_STATE", "/var/lib/navarch-lab"))
    found: dict[str, Any] = yaml.safe_load((state / "clouds.yaml").read_text())["clouds"][name]
    return found


def customer(name: str) -> Session:
    found = cloud(name)
    return Session(auth=Password(**found["auth"]), verify=found["cacert"], timeout=30)


def identity(**changes: Any) -> KeystoneIdentity:
    found = cloud("admin")  # with a role on the system, as the user of an installation's API has `reader` there
    auth = found["auth"] | changes
    return KeystoneIdentity(
        keystone_session(
            auth["auth_url"],
            username=auth["username"],
            password=auth["password"],
            user_domain=auth["user_domain_name"],
            ca_file=found["cacert"],
        ),
        cluster_domain="navarch",
        service_user="navarch",
    )


def test_a_members_token_says_who_it_is_and_what_it_may() -> None:
    session = customer("alpha")
    caller = identity().caller(session.get_token())
    assert caller.project_id == session.get_project_id()
    assert caller.user_id == session.get_user_id()
    assert caller.user_name == "alpha"
    assert "member" in caller.roles
    assert caller.expires_at > datetime.now(UTC)
    assert not caller.system_scope
    policy = Policy()
    assert policy.allows(CREATE, caller, caller.project_id)
    assert not policy.allows(READ, caller, customer("beta").get_project_id())


def test_a_readers_token_may_look_and_no_more() -> None:
    caller = identity().caller(customer("alpha-reader").get_token())
    policy = Policy()
    assert policy.allows(READ, caller, caller.project_id)
    assert not policy.allows(CREATE, caller, caller.project_id)


@pytest.mark.parametrize("token", ["", "nonsense", "gAAAAAB" + "x" * 180, "a\nb", "\u00e9", "x" * 10_000])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        identity().caller(token)


def test_a_revoked_token_is_refused_once_it_is_no_longer_trusted() -> None:
    session, now = customer("alpha"), [0.0]
    token = session.get_token()
    found = identity()
    found._clock = _reader(now)
    found.caller(token)
    session.delete("/auth/tokens", endpoint_filter={"service_type": "identity"}, headers={"X-Subject-Token": token})
    now[0] = 61.0
    with pytest.raises(Unauthenticated):
        found.caller(token)


def _reader(now: list[float]) -> Callable[[], float]:
    return lambda: now[0]


def test_a_token_is_asked_about_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    found, token = identity(), customer("alpha").get_token()
    first = found.caller(token)
    monkeypatch.setattr(found._session, "get", None)  # would fail if it were asked
    assert found.caller(token) is first


def test_wrong_credentials_of_our_own_are_not_the_callers_fault() -> None:
    with pytest.raises(IdentityUnavailable):
        identity(password="wrong").caller("nonsense")


def test_a_customers_credentials_in_place_of_ours_are_found_out() -> None:
    auth = cloud("beta")["auth"]
    with pytest.raises(IdentityUnavailable):
        identity(**auth).caller(customer("alpha").get_token())


def test_keystone_away_is_told_as_such() -> None:
    with pytest.raises(IdentityUnavailable):
        identity(auth_url="https://198.51.100.2:1/v3").caller("token")
