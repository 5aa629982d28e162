"""Backlog of a paused subscriber, made ready for delivery in sequence after it is resumed."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables.webhooks import STILL_PENDING

BATCH = 5_000

# A webhook attempted before the pause is due at a time of its own, and its order no longer waits
# for it: sent at that time, it would be overtaken by later events. A parked webhook has such a time
# too. As in `removal`, the statement skips rows that others have locked.
READY = text(f"""
WITH paused AS MATERIALIZED (
  SELECT id FROM subscribers WHERE id = CAST(:subscriber_id AS uuid) AND state = 'paused'
), attempted AS MATERIALIZED (
  SELECT w.id FROM paused CROSS JOIN LATERAL (
    SELECT w.id FROM outbound_webhooks w
    WHERE w.subscriber_id = paused.id AND w.state = 'pending'
      AND least(w.attempts + w.excused, 1) = 1
      AND NOT (w.lease_token IS NOT NULL AND w.due_at > now())
    ORDER BY w.due_at, w.id LIMIT :batch FOR UPDATE OF w SKIP LOCKED
  ) w
), parked AS MATERIALIZED (
  SELECT w.id FROM paused CROSS JOIN LATERAL (
    SELECT w.id FROM outbound_webhooks w
    WHERE w.subscriber_id = paused.id AND w.state = 'pending'
      AND least(w.attempts + w.excused, 1) = 0
      AND w.lease_token IS NULL AND w.due_at > now()
    ORDER BY w.due_at, w.id LIMIT :batch FOR UPDATE OF w SKIP LOCKED
  ) w
)
UPDATE outbound_webhooks w
SET due_at = w.created_at, attempts = 0, excused = 0, lease_token = NULL
WHERE {STILL_PENDING} AND w.id = ANY (ARRAY (
  SELECT id FROM attempted UNION ALL SELECT id FROM parked LIMIT :batch))
RETURNING w.id
""")  # noqa: S608 - only our own constants are put in


async def ready_backlog(session: AsyncSession, subscriber_id: UUID) -> int:
    """Reset at most BATCH webhooks of a paused subscriber to a first attempt, the oldest first.

    Webhooks in flight, or locked by others, stay as they are. Return how many were reset. Never
    commit.
    """
    parameters = {"subscriber_id": subscriber_id, "batch": BATCH}
    return len((await session.execute(READY, parameters)).all())
