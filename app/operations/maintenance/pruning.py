"""Pruning: delete outbound webhooks that were settled long ago, their attempts, and old answers.

Notices, orders and events stay.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import DateTime, bindparam, func, select, text

from app.clock import uuid7_floor
from app.db.engine import Sessions

BATCH = 2_000
NOTHING = UUID(int=0)
"""Id before all others."""
_AT = bindparam("at", type_=DateTime(timezone=True))

# Each batch continues along the primary key, so it does not scan the rows that stay again.
# `= ANY (ARRAY (…))` makes the deletes look up each row; a join could scan the whole table.
_PRUNE = text("""
WITH page AS MATERIALIZED (
  SELECT id, state, finished_at, dismissed_at FROM outbound_webhooks
  WHERE id > :after AND created_at < coalesce(:at, now()) - CAST(:age AS interval)
  ORDER BY id LIMIT :limit
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
SELECT created_at < coalesce(:at, now()) - CAST(:age AS interval)
FROM outbound_webhooks WHERE id > :after ORDER BY id LIMIT 1
""").bindparams(_AT)

# Each batch begins behind the rows that the previous batch deleted: until a vacuum removes them,
# the index still leads through them.
_PRUNE_ANSWERS = text("""
WITH page AS MATERIALIZED (
  SELECT notice_id FROM answers WHERE notice_id > :after AND notice_id < :before
  ORDER BY notice_id LIMIT :limit
), gone AS (
  DELETE FROM answers WHERE notice_id = ANY(ARRAY(SELECT notice_id FROM page)) AND NOT EXISTS (
    SELECT 1 FROM notices
    WHERE notices.id = notice_id AND (judged_at IS NULL OR judged_at >= :youngest))
)
SELECT (SELECT notice_id FROM page ORDER BY notice_id DESC LIMIT 1) AS last,
  (SELECT count(*) FROM page) AS pruned
""").bindparams(bindparam("youngest", type_=DateTime(timezone=True)))


async def prune_history(
    sessions: Sessions,
    age: timedelta,
    *,
    after: int = 0,
    batch: int = BATCH,
    at: datetime | None = None,
) -> tuple[int | None, int]:
    """Delete webhooks settled for longer than `age` among the next `batch` behind the id `after`.

    One short transaction. Dead webhooks stay until somebody dismisses them. The age counts back
    from `at`; None: from the database's clock. Return the id to continue from (None at the end)
    and the number of deleted webhooks.
    """
    async with sessions.begin() as session:
        # Ids and times rise together, so the first young row ends the work. Without this check
        # the page would scan all young rows.
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
    """Delete the next `batch` answers behind `after` that are older than `age`.

    Zeus repeats no call that late. An id holds the time of a receiver's clock, so the notice must
    also have been judged that long ago by the database's clock. Return the id to continue from
    (None at the end) and the number of examined answers.
    """
    async with sessions.begin() as session:
        youngest = (at or (await session.execute(select(func.now()))).scalar_one()) - age
        values = {
            "after": after,
            "before": uuid7_floor(youngest),
            "youngest": youngest,
            "limit": batch,
        }
        row = (await session.execute(_PRUNE_ANSWERS, values)).one()
    return row.last, row.pruned
