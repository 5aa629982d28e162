"""Ended console sessions: a session that an operator has signed out of, before its expiry.

The table makes a copied cookie useless in every process. Own module: it is the only state that
sessions have in the database.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from app.clock import now
from app.db.engine import Sessions
from app.db.tables.operators import EndedSessionRow


async def end_session(sessions: Sessions, session_id: UUID, until: datetime) -> None:
    """End a session that would expire at `until`.

    Also delete ended sessions that have expired by both clocks, the database's and ours.
    """
    async with sessions.begin() as session:
        await session.execute(
            delete(EndedSessionRow).where(EndedSessionRow.until < func.least(func.now(), now()))
        )
        await session.execute(
            insert(EndedSessionRow).values(id=session_id, until=until).on_conflict_do_nothing()
        )


async def is_ended(sessions: Sessions, session_id: UUID) -> bool:
    """Return True if the session was ended before its expiry."""
    async with sessions() as session:
        return bool(await session.scalar(select(exists().where(EndedSessionRow.id == session_id))))
