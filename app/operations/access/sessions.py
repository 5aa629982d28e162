"""Ending a session of the console before its time, so that a copy of its cookie is worth nothing in any process."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from app.clock import now
from app.db.engine import Sessions
from app.db.tables.operators import EndedSessionRow


async def end_session(sessions: Sessions, session_id: UUID, until: datetime) -> None:
    """End a session that would last `until`. What was ended earlier and is over by both clocks is forgotten."""
    async with sessions.begin() as session:
        await session.execute(
            delete(EndedSessionRow).where(EndedSessionRow.until < func.least(func.now(), now()))
        )
        await session.execute(
            insert(EndedSessionRow).values(id=session_id, until=until).on_conflict_do_nothing()
        )


async def is_ended(sessions: Sessions, session_id: UUID) -> bool:
    """Whether a session was ended before its time."""
    async with sessions() as session:
        return bool(await session.scalar(select(exists().where(EndedSessionRow.id == session_id))))
