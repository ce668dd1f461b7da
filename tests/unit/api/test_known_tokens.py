"""Whose token it is, where Keystone need not be asked."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from keystoneauth1 import exceptions
from keystoneauth1.session import Session

from navarch.api.access_rules import AccessRule
from navarch.api.identity import IdentityUnavailable, Refused, Unauthenticated
from navarch.api.keystone import KeystoneIdentity

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAVARCH = "9e2d5c0b4a7f4d0c8d1f2a3b4c5d6e7f"


def token(
    name: str, *, domain: str = "Default", trustor: str | None = None, impersonation: bool = False
) -> dict[str, Any]:
    """What Keystone 30 answers to `GET /v3/auth/tokens?nocatalog` (keystone.common.render_token)."""
    places = {"id": domain.lower(), "name": domain}
    said: dict[str, Any] = {
        "methods": ["password"],
        "user": {"domain": places, "id": f"{name}-id", "name": name, "password_expires_at": None},
        "audit_ids": ["3T2dc1CGQxyJsHdDu1xkcw"],
        "expires_at": (NOON + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
        "issued_at": NOON.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
        "project": {"domain": {"id": "default", "name": "Default"}, "id": "p1", "name": "alpha"},
        "roles": [{"id": "r1", "name": "member"}, {"id": "r2", "name": "load-balancer_member"}],
    }
    if trustor is None:
        return said | {"is_domain": False}
    trust = {"id": "7a1c", "trustor_user": {"id": trustor}, "trustee_user": {"id": f"{name}-id"}}
    return said | {"OS-TRUST:trust": trust | {"impersonation": impersonation}}


class Keystone:
    """Answers every question about a token with `status` and the token, and counts them. It knows users by their id."""

    def __init__(self, status: int = 200, said: dict[str, Any] | None = None) -> None:
        self.status, self.asked, self.said = status, 0, said or token("ann")

    def get(self, path: str, headers: dict[str, str], **__: object) -> Any:
        self.headers = headers
        if path.startswith("/users/"):
            name = "navarch" if path.removeprefix("/users/") == NAVARCH else "ann"
            return SimpleNamespace(status_code=200, json=lambda: {"user": {"name": name}})
        self.asked += 1
        return SimpleNamespace(status_code=self.status, json=lambda: {"token": self.said})


@pytest.fixture
def clocks() -> SimpleNamespace:
    return SimpleNamespace(seconds=0.0, now=NOON)


def identity(keystone: Keystone, clocks: SimpleNamespace) -> KeystoneIdentity:
    return KeystoneIdentity(
        cast(Session, keystone),
        cluster_domain="navarch",
        service_user="navarch",
        clock=lambda: clocks.seconds,
        now=lambda: clocks.now,
    )


def test_a_token_is_known_once_keystone_was_asked_and_for_a_minute(clocks: SimpleNamespace) -> None:
    keystone = Keystone()
    found = identity(keystone, clocks)
    assert found.known("t") is None and keystone.asked == 0
    ann = found.caller("t")
    assert found.known("t") is ann and found.known("another") is None
    clocks.seconds = 60.0
    assert found.known("t") is None
    assert keystone.asked == 1


@pytest.mark.parametrize("rules", [None, [], [{"id": "r", "service": "kubernetes", "method": "GET", "path": "/**"}]])
def test_the_access_rules_of_a_token_are_asked_for_and_known(
    clocks: SimpleNamespace, rules: list[dict[str, str]] | None
) -> None:
    credential = {"id": "c", "name": "ci", "restricted": True} | ({"access_rules": rules} if rules is not None else {})
    keystone = Keystone(said=token("ann") | {"application_credential": credential})
    caller = identity(keystone, clocks).caller("t")
    assert caller.access_rules == (
        rules if rules is None else tuple(AccessRule("kubernetes", "GET", "/**") for _ in rules)
    )
    assert keystone.headers["OpenStack-Identity-Access-Rules"] == "1.0"


def test_a_token_that_has_ended_is_known_no_more(clocks: SimpleNamespace) -> None:
    found = identity(Keystone(), clocks)
    found.caller("t")
    clocks.now = NOON + timedelta(hours=1)
    for ask in (found.known, found.caller):
        with pytest.raises(Unauthenticated):
            ask("t")


def test_one_that_keystone_refused_is_nobodys(clocks: SimpleNamespace) -> None:
    keystone = Keystone(404)
    found = identity(keystone, clocks)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            found.caller("t")
    with pytest.raises(Unauthenticated):
        found.known("t")
    assert keystone.asked == 1


def test_any_number_of_invalid_tokens_pushes_out_no_valid_one(clocks: SimpleNamespace) -> None:
    keystone = Keystone()
    found = identity(keystone, clocks)
    ann = found.caller("t")
    keystone.status = 404
    for number in range(5000):
        with pytest.raises(Unauthenticated):
            found.caller(f"junk-{number}")
    assert found.known("t") is ann
    assert len(found._invalid) < 2000


def test_of_very_many_valid_ones_those_in_use_stay(clocks: SimpleNamespace) -> None:
    found = identity(Keystone(), clocks)
    ann = found.caller("t")
    for number in range(5000):
        found.caller(f"another-{number}")
        assert found.known("t") is ann
    assert len(found._valid) < 5000


def test_a_token_was_met_until_it_ends_or_is_refused(clocks: SimpleNamespace) -> None:
    keystone = Keystone()
    found = identity(keystone, clocks)
    assert not found.met("t")
    found.caller("t")
    clocks.seconds = 61.0
    assert found.met("t") and found.known("t") is None
    clocks.now = NOON + timedelta(hours=1)
    assert not found.met("t")
    clocks.now = NOON
    keystone.status = 404
    with pytest.raises(Unauthenticated):
        found.caller("t")
    assert not found.met("t")


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(token("c1", domain="navarch", trustor=NAVARCH), id="as they are made"),
        pytest.param(token("c1", domain="navarch"), id="without a trust, by a role that somebody gave them"),
        pytest.param(token("c1", trustor=NAVARCH), id="a user of another domain, trusted by Navarch"),
        pytest.param(token("navarch", trustor=NAVARCH, impersonation=True), id="a trust that shows its giver"),
    ],
)
def test_the_credentials_of_a_clusters_controllers_open_nothing(said: dict[str, Any], clocks: SimpleNamespace) -> None:
    keystone = Keystone(said=said)
    found = identity(keystone, clocks)
    for _ in range(2):
        with pytest.raises(Refused, match="controllers"):
            found.caller("t")
    with pytest.raises(Refused, match="controllers"):
        found.known("t")
    assert keystone.asked == 1


def test_a_trust_that_a_customer_gave_is_the_customers_own_affair(clocks: SimpleNamespace) -> None:
    found = identity(Keystone(said=token("heat", trustor="ann-id")), clocks)
    assert found.caller("t").project_id == "p1"


@pytest.mark.parametrize("status", [0, 403, 500])
def test_where_keystone_does_not_say_who_gave_a_trust_it_is_not_believed(status: int, clocks: SimpleNamespace) -> None:
    class Silent(Keystone):
        def get(self, path: str, headers: dict[str, str], **options: object) -> Any:
            if not path.startswith("/users/"):
                return super().get(path, headers, **options)
            if not status:
                raise exceptions.ConnectFailure("refused")
            return SimpleNamespace(status_code=status)

    with pytest.raises(IdentityUnavailable):
        identity(Silent(said=token("heat", trustor="ann-id")), clocks).caller("t")


@pytest.mark.parametrize("word", ["", "a\nb", "\u00e9", "\ud800", "x" * 10_000])
def test_what_is_no_token_is_nobodys(clocks: SimpleNamespace, word: str) -> None:
    assert identity(Keystone(), clocks).known(word) is None
