"""Who calls: known tokens at once, others after Keystone was asked, of which nobody gets more than a share.

Each unknown token costs Keystone an answer, whoever sends it. So few are asked about at a time, and an address that
sent many that were not valid has to wait. A token that was valid a minute ago does not queue behind those of strangers.
"""

import anyio
import anyio.to_thread

from navarch.api.connections import Network, origin
from navarch.api.identity import Caller, Identity, IdentityUnavailable, Refused, Unauthenticated
from navarch.api.problems import Problem
from navarch.api.rate import Rate

_UNKNOWN_AT_ONCE, _UNKNOWN_WAITING = 4, 64
_MET_AT_ONCE = 8
_INVALID_AT_ONCE, _INVALID_A_SECOND = 30, 1.0  # of one address


class Validation:
    """Finds callers. For one event loop."""

    def __init__(self, identity: Identity, balancers: tuple[Network, ...] = ()) -> None:
        self._identity, self._balancers = identity, balancers
        # Threads of their own: those that handlers share are not spent on waiting for Keystone.
        self._unknown = anyio.CapacityLimiter(_UNKNOWN_AT_ONCE)
        self._met = anyio.CapacityLimiter(_MET_AT_ONCE)
        self._strangers = 0  # that are asked about, or wait for it
        self._invalid = Rate(_INVALID_AT_ONCE, _INVALID_A_SECOND)

    async def caller(self, token: str, address: str) -> Caller:
        """Whose token it is, of one that was not turned away. Raises Unauthenticated, Refused, IdentityUnavailable."""
        # A thread only where Keystone has to be asked: to change threads costs more than everything else here.
        known = self._identity.known(token)
        if known is not None:
            return known
        if self._identity.met(token):
            return await anyio.to_thread.run_sync(self._identity.caller, token, limiter=self._met)
        return await self._stranger(token, origin(address, self._balancers))

    def turned_away(self, token: str, address: str) -> Problem | None:
        """Why a request need not be looked at any further: its address sent too many tokens that were not valid, and
        this one is not known. Asked before anything else is done, for it has to cost less than to ask did."""
        try:
            if self._identity.known(token) is not None or self._identity.met(token):
                return None
        except (Unauthenticated, Refused):
            return None  # it is known not to be valid, which is told
        whose = origin(address, self._balancers)
        after = self._invalid.wait(whose, count=False) if whose is not None else 0.0
        if not after:
            return None
        detail = "too many tokens from your address were not valid: wait a little"
        return Problem(429, "too-many", detail, headers={"Retry-After": str(max(1, round(after)))})

    async def _stranger(self, token: str, whose: str | None) -> Caller:
        if self._strangers >= _UNKNOWN_AT_ONCE + _UNKNOWN_WAITING:
            raise IdentityUnavailable("too many new tokens wait to be validated", after=1)
        self._strangers += 1
        try:
            return await anyio.to_thread.run_sync(self._identity.caller, token, limiter=self._unknown)
        except Unauthenticated:
            if whose is not None:
                self._invalid.wait(whose)
            raise
        finally:
            self._strangers -= 1
