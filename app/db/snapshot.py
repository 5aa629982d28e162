"""Database snapshots: the statements of one answer read one moment of the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions


@asynccontextmanager
async def snapshot(sessions: Sessions, *, audited: bool = False) -> AsyncIterator[AsyncSession]:
    """Yield a session whose statements all see the database as it was at the first of them.

    With `audited` the transaction may also write the audit entry of the look; otherwise it is read-only.
    The transaction begins with its level and its mode, so it also passes PgBouncer's transaction mode.
    """
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": not audited}
    async with sessions.begin() as session:
        await session.connection(execution_options=options)
        yield session
