"""What the console keeps: who is signed in. What is kept of them is sealed by the console; the store cannot read it."""

from datetime import datetime

from navarch.store.database import Database


class ConsoleSide:
    """Keeps `console.sessions.SessionStore`. Every method is one transaction and raises `Unavailable` while the
    database is away. `key`: 32 bytes that name a session."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep_session(self, key: bytes, sealed: bytes, *, user_id: str, ends_at: datetime) -> None:
        """A new session; those that have ended meanwhile, whosever, are forgotten."""
        with self._database.transaction() as tx:
            tx.run("forget_ended_console_sessions")
            tx.run("keep_console_session", key=key, sealed=sealed, user_id=user_id, ends_at=ends_at)

    def session(self, key: bytes) -> tuple[bytes, dict[str, str]] | None:
        """What was kept, and how its user wants to see the console (columns of `console_accounts`); None where there is
        no session, or where it has ended."""
        with self._database.transaction() as tx:
            row = tx.row("console_session", key=key)
        if row is None:
            return None
        return bytes(row.pop("sealed")), row

    def keep_account(self, user_id: str, *, language: str, theme: str, time_zone: str, shortcuts: str) -> None:
        """How a user wants to see the console from now on."""
        with self._database.transaction() as tx:
            kept = {"language": language, "theme": theme, "time_zone": time_zone, "shortcuts": shortcuts}
            tx.run("keep_console_account", user_id=user_id, **kept)

    def end_session(self, key: bytes) -> None:
        """Forget it, if it is there."""
        with self._database.transaction() as tx:
            tx.run("end_console_session", key=key)

    def end_sessions_of(self, user_id: str) -> int:
        """Forget all sessions of a user; gives how many there were."""
        with self._database.transaction() as tx:
            return tx.run("end_console_sessions_of_user", user_id=user_id)
