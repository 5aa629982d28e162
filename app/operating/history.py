"""Pruning history: outbound webhooks that were settled long ago, with their attempts. Notices, orders and events stay."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from app.clock import now, uuid7_floor
from app.db.engine import Sessions

BATCH = 2_000
NOTHING = UUID(int=0)
"""The id before all others."""

# Page by page along the primary key, so that what must stay is not searched through again for every batch.
# `= ANY (ARRAY (…))` makes the deletes look each row up; as a join they could read the whole table.
_PRUNE = text("""
WITH page AS MATERIALIZED (
  SELECT id, state, finished_at FROM outbound_webhooks
  WHERE id > :after AND created_at < now() - CAST(:age AS interval) ORDER BY id LIMIT :limit
), settled AS MATERIALIZED (
  SELECT id FROM page WHERE state IN ('delivered', 'dead', 'cancelled') AND finished_at < now() - CAST(:age AS interval)
), tries AS (
  DELETE FROM attempts WHERE outbound_webhook_id = ANY(ARRAY(SELECT id FROM settled))
), webhooks AS (
  DELETE FROM outbound_webhooks WHERE id = ANY(ARRAY(SELECT id FROM settled)) RETURNING id
)
SELECT (SELECT max(id) FROM page) AS last, (SELECT count(*) FROM webhooks) AS pruned
""")

_YOUNGEST_OLD = text("SELECT created_at < now() - CAST(:age AS interval) FROM outbound_webhooks WHERE id > :after ORDER BY id LIMIT 1")

# Behind what the batch before deleted: until it is vacuumed away, the index still leads through all of it.
_PRUNE_ANSWERS = text("""
WITH page AS MATERIALIZED (
  SELECT notice_id FROM answers WHERE notice_id > :after AND notice_id < :before ORDER BY notice_id LIMIT :limit
), gone AS (
  DELETE FROM answers WHERE notice_id = ANY(ARRAY(SELECT notice_id FROM page))
)
SELECT (SELECT notice_id FROM page ORDER BY notice_id DESC LIMIT 1) AS last, (SELECT count(*) FROM page) AS pruned
""")


async def prune_history(sessions: Sessions, age: timedelta, *, after: int = 0, batch: int = BATCH) -> tuple[int | None, int]:
    """Delete what is settled for longer than `age` among the next `batch` webhooks behind the id `after`, in one short transaction.

    Returns the id to go on from, None at the end, and how many were deleted.
    """
    async with sessions.begin() as session:
        # Ids and times rise together, so the first young row is the end; asking for it first keeps the page from searching on.
        if not await session.scalar(_YOUNGEST_OLD, {"age": age, "after": after}):
            return None, 0
        row = (await session.execute(_PRUNE, {"after": after, "age": age, "limit": batch})).one()
    return row.last, row.pruned


async def prune_answers(sessions: Sessions, age: timedelta, *, after: UUID = NOTHING, batch: int = BATCH) -> tuple[UUID | None, int]:
    """Delete the next `batch` pieces of evidence of answers behind `after` that are older than `age`. No repetition comes that late.

    Returns the id to go on from, None at the end, and how many were deleted.
    """
    async with sessions.begin() as session:
        row = (await session.execute(_PRUNE_ANSWERS, {"after": after, "before": uuid7_floor(now() - age), "limit": batch})).one()
    return row.last, row.pruned
