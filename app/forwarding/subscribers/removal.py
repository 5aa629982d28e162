"""Cancel the pending webhooks of removed subscribers.

Nobody claims them, so this can run later than the removal, in batches.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.errors import in_transaction

BATCH = 5_000

# Rows that others have locked are left for later. Recording locks webhooks in no order and then
# subscribers, so a wait here, with other rows locked, could become a deadlock. The order is that of
# an index, for the plan.
CANCEL = text("""
UPDATE outbound_webhooks w SET state = 'cancelled', finished_at = now(), lease_token = NULL
WHERE w.id = ANY (ARRAY (
  SELECT found.id FROM subscribers s CROSS JOIN LATERAL (
    SELECT w.id FROM outbound_webhooks w WHERE w.subscriber_id = s.id AND w.state = 'pending'
    ORDER BY least(w.attempts + w.excused, 1), w.due_at, w.id LIMIT :batch
    FOR UPDATE OF w SKIP LOCKED
  ) found
  WHERE s.state = 'removed' LIMIT :batch))
RETURNING w.id
""")


async def cancel_pending(session: AsyncSession) -> int:
    """Cancel at most BATCH webhooks. Return how many. Never commit."""
    return len((await session.execute(CANCEL, {"batch": BATCH})).all())


async def cancel_all_pending(sessions: Sessions) -> None:
    """Cancel the webhooks in batches, until none is left that others have not locked.

    Workers do this every second too, so they cancel what is locked or fails now.
    """
    while await in_transaction(sessions, "cancel", cancel_pending) == BATCH:
        pass
