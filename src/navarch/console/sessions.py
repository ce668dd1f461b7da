"""Who is signed in. A browser holds a random name and nothing else; what it stands for is sealed in the database."""

import asyncio
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Protocol

from navarch.console.keystone import Token
from navarch.console.preferences import Preferences

COOKIE = "__Host-navarch-session"
_NAME_BYTES = 32
_BETWEEN = "console sign-in"


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is signed in until `ends_at`.

    `token`: of Keystone, for the project; empty: no project was chosen yet. `unscoped`: the one that other projects can
    be chosen with; empty: none can, as with an application credential. `csrf`: what each form of this session carries.
    `preferences` are the account's, and not kept with the session.
    """

    user_id: str
    user_name: str
    ends_at: datetime
    csrf: str
    token: str = field(default="", repr=False)
    unscoped: str = field(default="", repr=False)
    project_id: str = ""
    project_name: str = ""
    preferences: Preferences = field(default_factory=Preferences)


class SessionStore(Protocol):
    """Where sessions are kept: `store.console_side.ConsoleSide`."""

    def keep_session(self, key: bytes, sealed: bytes, *, user_id: str, ends_at: datetime) -> None: ...

    def session(self, key: bytes) -> tuple[bytes, dict[str, str]] | None: ...

    def keep_account(self, user_id: str, *, language: str, theme: str, time_zone: str, shortcuts: str) -> None: ...

    def end_session(self, key: bytes) -> None: ...

    def end_sessions_of(self, user_id: str) -> int: ...


class Sealer(Protocol):
    """`bootstrap.sealing.Sealer`. `context` says whose secret it is; `unseal` raises for what it cannot open."""

    def seal(self, context: str, content: bytes) -> bytes: ...

    def unseal(self, context: str, sealed: bytes) -> bytes: ...


class Sessions:
    """Begins, finds and ends sessions. A session never changes: another project is another session, with another name
    in the browser, so that a name from before is of no use afterwards."""

    def __init__(self, store: SessionStore, sealer: Sealer) -> None:
        self._store, self._sealer = store, sealer

    def begin(self, session: Session) -> str:
        """Keep it; gives its name for the browser."""
        name = secrets.token_urlsafe(_NAME_BYTES)
        key = _key(name)
        kept = asdict(session) | {"ends_at": session.ends_at.isoformat()}
        del kept["preferences"]
        content = json.dumps(kept).encode()
        self._store.keep_session(
            key, self._sealer.seal(_context(key), content), user_id=session.user_id, ends_at=session.ends_at
        )
        return name

    def find(self, name: str) -> Session | None:
        """The session of that name; None where there is none, or where it has ended."""
        if not name or len(name) > 4 * _NAME_BYTES or not name.isascii():
            return None
        key = _key(name)
        found = self._store.session(key)
        if found is None:
            return None
        sealed, account = found
        content = json.loads(self._sealer.unseal(_context(key), sealed))
        ends_at = datetime.fromisoformat(content["ends_at"])
        session = Session(**content | {"ends_at": ends_at, "preferences": Preferences(**account)})
        return session if session.ends_at > datetime.now(UTC) else None

    def prefer(self, user_id: str, preferences: Preferences) -> None:
        """How a user wants to see the console from now on, in every browser."""
        self._store.keep_account(user_id, **asdict(preferences))

    def sealed(self, content: dict[str, str]) -> str:
        """Something between two pages of a sign-in, for the browser to keep: it cannot read it."""
        return urlsafe_b64encode(self._sealer.seal(_BETWEEN, json.dumps(content).encode())).decode()

    def unsealed(self, text: str) -> dict[str, str] | None:
        """What was sealed; None: nothing of ours, or sealed under a key that is gone."""
        try:
            content = json.loads(self._sealer.unseal(_BETWEEN, urlsafe_b64decode(text)))
        except Exception:  # noqa: BLE001 - whatever the browser sent instead
            return None
        return {str(key): str(value) for key, value in content.items()}

    def end(self, name: str) -> None:
        """Forget it."""
        self._store.end_session(_key(name))

    def end_all(self, user_id: str) -> int:
        """Forget all sessions of a user, in every browser; gives how many there were."""
        return self._store.end_sessions_of(user_id)


def still_there(sessions: Sessions) -> Callable[[str], Awaitable[bool]]:
    """Whether a session of that name is there. While that cannot be read, it is taken to be."""

    async def asked(name: str) -> bool:
        try:
            return await asyncio.to_thread(sessions.find, name) is not None
        except Exception:  # noqa: BLE001 - of the store, which is somebody else's; each page asks for itself, too
            return True

    return asked


def in_project(session: Session, token: Token) -> Session:
    """The same person in the token's project, with a secret for forms of its own."""
    return replace(
        session,
        token=token.id,
        project_id=token.project_id,
        project_name=token.project_name,
        ends_at=min(session.ends_at, token.ends_at),
        csrf=new_csrf(),
    )


def new_csrf() -> str:
    """A secret for the forms of one session."""
    return secrets.token_urlsafe(_NAME_BYTES)


def _key(name: str) -> bytes:
    return sha256(name.encode()).digest()


def _context(key: bytes) -> str:
    return f"console session {key.hex()}"
