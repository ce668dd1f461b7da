"""Of what Keystone can bear nobody gets more than a share."""

import asyncio
import threading
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from navarch.api.identity import Caller, IdentityUnavailable, Unauthenticated
from navarch.api.problems import Problem
from navarch.api.validation import Validation

T = TypeVar("T")
ANN = Caller("ann-id", "ann", "p1", ("member",), datetime.now(UTC) + timedelta(hours=1))
HERE, THERE = "198.51.100.7", "198.51.100.8"


class Keystone:
    """Knows the token `good`; `met` before are those of the set. While it is shut nobody is answered."""

    def __init__(self) -> None:
        self.open, self.asked, self.before = threading.Event(), 0, set[str]()
        self.open.set()

    def known(self, token: str) -> Caller | None:
        return None

    def met(self, token: str) -> bool:
        return token in self.before

    def caller(self, token: str) -> Caller:
        self.asked += 1
        assert token.startswith("renewed") or self.open.wait(10)
        if token.startswith(("good", "renewed")):
            return ANN
        raise Unauthenticated


async def asked_by(validation: Validation, token: str, address: str) -> Caller:
    """As the service asks: first whether to look at the request at all."""
    refusal = validation.turned_away(token, address)
    if refusal is not None:
        raise refusal
    return await validation.caller(token, address)


async def outcome(asked: Awaitable[T]) -> T | str:
    try:
        return await asked
    except Problem as problem:
        return str(problem.status)
    except (Unauthenticated, IdentityUnavailable) as error:
        return type(error).__name__


def test_an_address_that_sent_many_invalid_tokens_has_to_wait_and_no_other() -> None:
    keystone = Keystone()

    async def story() -> None:
        validation = Validation(keystone)
        said = [await outcome(asked_by(validation, f"junk-{n}", HERE)) for n in range(200)]
        assert said[:30] == ["Unauthenticated"] * 30
        assert said.count("429") >= 160
        assert keystone.asked <= 40
        assert await outcome(asked_by(validation, "good", HERE)) == "429"
        assert await asked_by(validation, "good", THERE) is ANN

    asyncio.run(story())


def test_who_is_met_again_waits_behind_no_stranger() -> None:
    keystone = Keystone()
    keystone.before = {"renewed"}

    async def story() -> None:
        validation = Validation(keystone)
        keystone.open.clear()
        strangers = [asyncio.create_task(outcome(asked_by(validation, f"junk-{n}", f"10.0.{n}.1"))) for n in range(100)]
        while keystone.asked < 4:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert keystone.asked == 4
        assert await asyncio.wait_for(asked_by(validation, "renewed", HERE), 5) is ANN
        assert await outcome(asked_by(validation, "good", HERE)) == "IdentityUnavailable"
        keystone.open.set()
        said = await asyncio.gather(*strangers)
        assert (said.count("Unauthenticated"), said.count("IdentityUnavailable")) == (68, 32)
        assert await asked_by(validation, "good", HERE) is ANN

    asyncio.run(story())


@pytest.mark.parametrize("address", ["", "testclient"])
def test_where_the_address_is_nobodys_it_bounds_nobody(address: str) -> None:
    async def story() -> None:
        validation = Validation(Keystone())
        for number in range(100):
            assert await outcome(asked_by(validation, f"junk-{number}", address)) == "Unauthenticated"

    asyncio.run(story())
