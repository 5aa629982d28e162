"""Erasure of mails: the message and the telephone number go; what was matched stays. SQL."""

from datetime import datetime, timedelta

from sqlalchemy import DateTime, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7_floor
from app.db.engine import Sessions

BATCH = 1_000
_YOUNGEST = bindparam("youngest", type_=DateTime(timezone=True))
_PERSONAL = "raw = '', telno_tail = NULL, message_id = NULL, erased_at = now()"

# A message with several mails goes as a whole.
_ERASE_OF_ORDER = text(f"""
UPDATE mails SET {_PERSONAL}
WHERE erased_at IS NULL
  AND hash = ANY (ARRAY (SELECT hash FROM mails WHERE order_no = :order_no))
RETURNING 1
""")  # noqa: S608 - only our own constants are put in

# An id holds the time of a process's clock, received_at that of the database: both must be old.
# What needs a human stays.
_ERASE_OLD = text(f"""
WITH page AS MATERIALIZED (
  SELECT id FROM mails
  WHERE erased_at IS NULL AND id < :before AND received_at < :youngest
    AND state NOT IN ('unread', 'waiting', 'missing')
    AND (state <> 'call_failed' OR settled_at IS NOT NULL)
  ORDER BY id LIMIT :limit
)
UPDATE mails SET {_PERSONAL} WHERE id = ANY (ARRAY (SELECT id FROM page)) RETURNING 1
""").bindparams(_YOUNGEST)  # noqa: S608

# Mails about an order stay as its notices do: a copy that comes later must be known.
_PRUNE = text("""
WITH page AS MATERIALIZED (
  SELECT id FROM mails
  WHERE state = :state AND id < :before AND received_at < :youngest
  ORDER BY state, id LIMIT :limit
)
DELETE FROM mails WHERE id = ANY (ARRAY (SELECT id FROM page)) RETURNING 1
""").bindparams(_YOUNGEST)
_PRUNED = ("other", "not_believed", "unreadable")


async def erase_mails_of(session: AsyncSession, order_no: str) -> int:
    """Erase the mails about an order, and return their number. Never commit."""
    return len((await session.execute(_ERASE_OF_ORDER, {"order_no": order_no})).all())


async def erase_old_mails(
    sessions: Sessions, age: timedelta, *, at: datetime | None = None, batch: int = BATCH
) -> int:
    """Erase the next mails that are older than `age`, and return their number; 0 at the end."""
    async with sessions.begin() as session:
        values = await _old(session, age, at)
        return len((await session.execute(_ERASE_OLD, {**values, "limit": batch})).all())


async def prune_mails(
    sessions: Sessions, age: timedelta, *, at: datetime | None = None, batch: int = BATCH
) -> int:
    """Delete the next mails older than `age` that are about no order, or were not believed.

    Return their number; 0 at the end.
    """
    async with sessions.begin() as session:
        values = {**await _old(session, age, at), "limit": batch}
        gone = 0
        for state in _PRUNED:
            gone += len((await session.execute(_PRUNE, {**values, "state": state})).all())
    return gone


async def _old(session: AsyncSession, age: timedelta, at: datetime | None) -> dict[str, object]:
    youngest = (at or (await session.execute(select(func.now()))).scalar_one()) - age
    return {"before": uuid7_floor(youngest), "youngest": youngest}
