"""What a paused subscriber is owed, made ready to be sent in sequence once it is resumed."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.forwarding.queue.claims import STILL_PENDING

BATCH = 5_000

# What was tried before the pause waits for moments of its own, and its order no longer waits for it: sent from there, later events would
# overtake earlier ones. What is parked waits for such a moment too. As in `leftovers`, nobody waits here for rows that others have locked.
READY = text(f"""
WITH paused AS MATERIALIZED (
  SELECT id FROM subscribers WHERE id = CAST(:subscriber_id AS uuid) AND state = 'paused'
), tried AS MATERIALIZED (
  SELECT w.id FROM paused CROSS JOIN LATERAL (
    SELECT w.id FROM outbound_webhooks w
    WHERE w.subscriber_id = paused.id AND w.state = 'pending' AND least(w.attempts + w.excused, 1) = 1
      AND NOT (w.lease_token IS NOT NULL AND w.due_at > now())
    ORDER BY w.due_at, w.id LIMIT :batch FOR UPDATE OF w SKIP LOCKED
  ) w
), parked AS MATERIALIZED (
  SELECT w.id FROM paused CROSS JOIN LATERAL (
    SELECT w.id FROM outbound_webhooks w
    WHERE w.subscriber_id = paused.id AND w.state = 'pending' AND least(w.attempts + w.excused, 1) = 0
      AND w.lease_token IS NULL AND w.due_at > now()
    ORDER BY w.due_at, w.id LIMIT :batch FOR UPDATE OF w SKIP LOCKED
  ) w
)
UPDATE outbound_webhooks w SET due_at = w.created_at, attempts = 0, excused = 0, lease_token = NULL
WHERE {STILL_PENDING} AND w.id = ANY (ARRAY (SELECT id FROM tried UNION ALL SELECT id FROM parked LIMIT :batch))
RETURNING w.id
""")  # noqa: S608 - only our own constants are put in


async def ready_backlog(session: AsyncSession, subscriber_id: UUID) -> int:
    """Have at most BATCH webhooks of a paused subscriber tried afresh, the oldest first; return how many. Never commits.

    What a worker is sending this moment, or others have locked, stays as it is.
    """
    return len(
        (await session.execute(READY, {"subscriber_id": subscriber_id, "batch": BATCH})).all()
    )
