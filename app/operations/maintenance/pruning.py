"""Pruning history: outbound webhooks that were settled long ago, with their attempts. Notices, orders and events stay."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import DateTime, bindparam, func, select, text

from app.clock import uuid7_floor
from app.db.engine import Sessions

BATCH = 2_000
NOTHING = UUID(int=0)
"""The id before all others."""
_AT = bindparam("at", type_=DateTime(timezone=True))

# Page by page along the primary key, so that what must stay is not searched through again for every batch.
# `= ANY (ARRAY (…))` makes the deletes look each row up; as a join they could read the whole table.
_PRUNE = text("""
WITH page AS MATERIALIZED (
  SELECT id, state, finished_at, dismissed_at FROM outbound_webhooks
  WHERE id > :after AND created_at < coalesce(:at, now()) - CAST(:age AS interval) ORDER BY id LIMIT :limit
), settled AS MATERIALIZED (
  SELECT id FROM page
  WHERE (state IN ('delivered', 'cancelled') OR state = 'dead' AND dismissed_at IS NOT NULL)
    AND finished_at < coalesce(:at, now()) - CAST(:age AS interval)
), tries AS (
  DELETE FROM attempts WHERE outbound_webhook_id = ANY(ARRAY(SELECT id FROM settled))
), webhooks AS (
  DELETE FROM outbound_webhooks WHERE id = ANY(ARRAY(SELECT id FROM settled)) RETURNING id
)
SELECT (SELECT max(id) FROM page) AS last, (SELECT count(*) FROM webhooks) AS pruned
""").bindparams(_AT)

_YOUNGEST_OLD = text("""
SELECT created_at < coalesce(:at, now()) - CAST(:age AS interval) FROM outbound_webhooks WHERE id > :after ORDER BY id LIMIT 1
""").bindparams(_AT)

# Behind what the batch before deleted: until it is vacuumed away, the index still leads through all of it.
_PRUNE_ANSWERS = text("""
WITH page AS MATERIALIZED (
  SELECT notice_id FROM answers WHERE notice_id > :after AND notice_id < :before ORDER BY notice_id LIMIT :limit
), gone AS (
  DELETE FROM answers WHERE notice_id = ANY(ARRAY(SELECT notice_id FROM page)) AND NOT EXISTS (
    SELECT 1 FROM notices WHERE notices.id = notice_id AND (judged_at IS NULL OR judged_at >= :youngest))
)
SELECT (SELECT notice_id FROM page ORDER BY notice_id DESC LIMIT 1) AS last, (SELECT count(*) FROM page) AS pruned
""").bindparams(bindparam("youngest", type_=DateTime(timezone=True)))


async def prune_history(
    sessions: Sessions,
    age: timedelta,
    *,
    after: int = 0,
    batch: int = BATCH,
    at: datetime | None = None,
) -> tuple[int | None, int]:
    """Delete what is settled for longer than `age` among the next `batch` webhooks behind the id `after`, in one short transaction.

    Dead webhooks stay until somebody dismisses them. The age is counted back from `at`, None: from the database's clock.
    Returns the id to go on from, None at the end, and how many were deleted.
    """
    async with sessions.begin() as session:
        # Ids and times rise together, so the first young row is the end; asking for it first keeps the page from searching on.
        if not await session.scalar(_YOUNGEST_OLD, {"age": age, "after": after, "at": at}):
            return None, 0
        row = (
            await session.execute(_PRUNE, {"after": after, "age": age, "limit": batch, "at": at})
        ).one()
    return row.last, row.pruned


async def prune_answers(
    sessions: Sessions,
    age: timedelta,
    *,
    after: UUID = NOTHING,
    batch: int = BATCH,
    at: datetime | None = None,
) -> tuple[UUID | None, int]:
    """Delete the next `batch` pieces of evidence of answers behind `after` that are older than `age`. No repetition comes that late.

    An id holds the time of a receiver's clock, so the notice must also have been judged that long ago, by the database's clock.
    Returns the id to go on from, None at the end, and how many were deleted.
    """
    async with sessions.begin() as session:
        youngest = (at or (await session.execute(select(func.now()))).scalar_one()) - age
        asked = {
            "after": after,
            "before": uuid7_floor(youngest),
            "youngest": youngest,
            "limit": batch,
        }
        row = (await session.execute(_PRUNE_ANSWERS, asked)).one()
    return row.last, row.pruned
