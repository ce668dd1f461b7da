"""Whose token it is, where Keystone need not be asked."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from keystoneauth1.session import Session

from navarch.api.identity import Unauthenticated
from navarch.api.keystone import KeystoneIdentity

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANN = {"user": {"id": "u", "name": "ann", "domain": {"id": "d"}}, "expires_at": (NOON + timedelta(hours=1)).isoformat()}


class Keystone:
    """Answers every question with `status`, and counts them."""

    def __init__(self, status: int = 200) -> None:
        self.status, self.asked = status, 0

    def get(self, *_: object, **__: object) -> Any:
        self.asked += 1
        return SimpleNamespace(status_code=self.status, json=lambda: {"token": ANN})


@pytest.fixture
def clocks() -> SimpleNamespace:
    return SimpleNamespace(seconds=0.0, now=NOON)


def identity(keystone: Keystone, clocks: SimpleNamespace) -> KeystoneIdentity:
    return KeystoneIdentity(cast(Session, keystone), clock=lambda: clocks.seconds, now=lambda: clocks.now)


def test_a_token_is_known_once_keystone_was_asked_and_for_a_minute(clocks: SimpleNamespace) -> None:
    keystone = Keystone()
    found = identity(keystone, clocks)
    assert found.known("t") is None and keystone.asked == 0
    ann = found.caller("t")
    assert found.known("t") is ann and found.known("another") is None
    clocks.seconds = 60.0
    assert found.known("t") is None
    assert keystone.asked == 1


def test_a_token_that_has_ended_is_known_no_more(clocks: SimpleNamespace) -> None:
    found = identity(Keystone(), clocks)
    found.caller("t")
    clocks.now = NOON + timedelta(hours=1)
    assert found.known("t") is None
    with pytest.raises(Unauthenticated):
        found.caller("t")


def test_one_that_keystone_refused_is_nobodys(clocks: SimpleNamespace) -> None:
    keystone = Keystone(404)
    found = identity(keystone, clocks)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            found.caller("t")
    assert found.known("t") is None
    assert keystone.asked == 1


@pytest.mark.parametrize("token", ["", "a\nb", "\u00e9", "\ud800", "x" * 10_000])
def test_what_is_no_token_is_nobodys(clocks: SimpleNamespace, token: str) -> None:
    assert identity(Keystone(), clocks).known(token) is None
