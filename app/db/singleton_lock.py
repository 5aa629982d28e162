"""Being the only one: of all processes on a database, one at a time holds a lock for as long as its connection lives."""

from contextlib import suppress

from app.db.connections import CONNECT_ERRORS, Connection, connect


class SingletonLock:
    """A claim to be the only holder of a key.

    The lock lies in an open transaction: so it is held behind a pooler too, and is gone with the connection. The transaction has no
    snapshot and no id between its statements, so it keeps nothing from being vacuumed.
    """

    def __init__(self, url: str, key: int, *, application: str = "zeus-relay") -> None:
        """`key` is that of the advisory lock; nothing is connected yet."""
        self._url = url
        self._key = key
        self._application = application
        self._connection: Connection | None = None

    async def is_ours(self) -> bool:
        """Whether we hold the key now; takes it if it is free. Call it again and again: a lost connection is found out by this."""
        if self._connection is not None:
            try:
                await self._connection.execute("SELECT 1")
            except CONNECT_ERRORS:
                await self.release()
            else:
                return True
        return await self._take()

    async def release(self) -> None:
        """Let others have it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*CONNECT_ERRORS):
                await connection.close(timeout=1)

    async def _take(self) -> bool:
        self._connection = await connect(self._url, application=self._application)
        taken = False
        try:
            await self._connection.execute("BEGIN")
            taken = bool(
                await self._connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", self._key)
            )
        finally:
            if not taken:
                await self.release()
        return taken
