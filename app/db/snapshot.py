"""Database snapshots: all statements of one answer read the same state.

A module of its own, since API, console and operations share it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import POOLED, Sessions

_ONE_STATEMENT = {"isolation_level": "AUTOCOMMIT"}


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


@asynccontextmanager
async def one_statement(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """Yield a session for a single statement, which is a transaction and a snapshot by itself.

    It goes to Postgres alone, where BEGIN and COMMIT would be two messages more. A pooler may
    prepare a statement at one server and execute it at another, but for one in a transaction.
    """
    async with sessions.begin() as session:
        if not session.get_bind().get_execution_options()[POOLED]:
            await session.connection(execution_options=_ONE_STATEMENT)
        yield session
