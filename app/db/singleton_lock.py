"""Singleton lock: an advisory lock that one process of a database holds at a time.

It lasts as long as the connection of its holder.
"""

from contextlib import suppress

from app.db.connections import CONNECT_ERRORS, Connection, connect


class SingletonLock:
    """An advisory lock with one holder for each key.

    An open transaction holds the lock, so it also works behind a pooler and ends with the
    connection. The transaction has no snapshot and no id between its statements, so it does not
    hold back VACUUM.
    """

    def __init__(self, url: str, key: int, *, application: str = "zeus-relay") -> None:
        """Use the advisory lock `key`; no connection is made yet."""
        self._url = url
        self._key = key
        self._application = application
        self._connection: Connection | None = None

    async def is_ours(self) -> bool:
        """Return True when this process holds the lock; take it if it is free.

        Call this regularly, since it also detects a lost connection.
        """
        if self._connection is not None:
            try:
                await self._connection.execute("SELECT 1")
            except CONNECT_ERRORS:
                await self.release()
            else:
                return True
        return await self._take()

    async def release(self) -> None:
        """Release the lock."""
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
