"""Cancelling what removed subscribers are still owed: nobody claims it, so that it can be done at leisure."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.errors import in_transaction

BATCH = 5_000

# Rows that others have locked this moment are left for later: recording locks webhooks and then subscribers, and webhooks in no order,
# so that whoever waited here for one row while holding others could wait for ever. The order is an index's, for the plan's sake.
CANCEL = text("""
UPDATE outbound_webhooks w SET state = 'cancelled', finished_at = now(), lease_token = NULL
WHERE w.id = ANY (ARRAY (
  SELECT found.id FROM subscribers s CROSS JOIN LATERAL (
    SELECT w.id FROM outbound_webhooks w WHERE w.subscriber_id = s.id AND w.state = 'pending'
    ORDER BY least(w.attempts + w.excused, 1), w.due_at, w.id LIMIT :batch FOR UPDATE OF w SKIP LOCKED
  ) found
  WHERE s.state = 'removed' LIMIT :batch))
RETURNING w.id
""")


async def cancel_pending(session: AsyncSession) -> int:
    """Cancel at most BATCH pending webhooks of removed subscribers; return how many. Never commits."""
    return len((await session.execute(CANCEL, {"batch": BATCH})).all())


async def cancel_all_pending(sessions: Sessions) -> None:
    """Cancel what removed subscribers are owed, in batches. Workers do it too, every second: to them falls what is locked or fails now."""
    while await in_transaction(sessions, "cancel", cancel_pending) == BATCH:
        pass
