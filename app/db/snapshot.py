"""Database snapshots: all statements of one answer read the same state.

A module of its own, since API, console and operations share it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions


@asynccontextmanager
async def snapshot(sessions: Sessions, *, audited: bool = False) -> AsyncIterator[AsyncSession]:
    """Yield a session whose statements all see the database as of the first statement.

    With `audited` the transaction may also write the audit entry of the access; otherwise it is
    read-only. It begins with its level and mode, so it also works in PgBouncer's transaction mode.
    """
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": not audited}
    async with sessions.begin() as session:
        await session.connection(execution_options=options)
        yield session
