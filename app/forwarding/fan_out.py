"""Fan-out: create one outbound webhook per subscriber for each event."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.types import USUAL

WANTS_TESTS = "(e.order_no IS NULL OR s.test = 'include' OR e.test = (s.test = 'only'))"
"""Condition of SQL: the subscriber `s` wants the event `e`, as far as tests are concerned."""

# Ids follow the order of the events: of two webhooks due at the same moment the smaller id goes
# first. The lock waits for a removal that is running, and passes over its subscriber then. Changes
# of a subscriber and of its health do not conflict with the lock.
FAN_OUT = f"""owed AS (
  INSERT INTO outbound_webhooks (event_id, subscriber_id, order_no, sequence, due_at)
  SELECT e.id, s.id, e.order_no, e.sequence, now() + CAST(:delay AS interval)
  FROM new_events e
  JOIN subscribers s ON s.state IN ('active', 'paused') AND NOT s.feed
    AND (s.event_types IS NULL OR e.type = ANY (s.event_types)) AND {WANTS_TESTS}
  WHERE e.type = ANY (CAST(:types AS text[]))
  ORDER BY e.id, s.id
  FOR KEY SHARE OF s
  ON CONFLICT DO NOTHING
  RETURNING id
)"""  # noqa: S608 - only our own constants are put in
"""CTE `owed`: creates the webhooks of the events in the CTE `new_events`.

Each subscriber that wants the type of an event and its test or real order gets one, unless it is
removed or polls the feed. Paused subscribers get theirs too. Repeating it adds nothing. `:delay` is
the wait before the first attempt. Only events about orders are fanned out, those of `:types`: no
`webhook.test`, and no event about a subscriber.
"""
FANNED_OUT = sorted(USUAL)
"""Value of `:types`."""

# A pending webhook stays as it is: it may be in flight.
_ENQUEUE = text("""
INSERT INTO outbound_webhooks AS w (event_id, subscriber_id, order_no, sequence)
SELECT e.id, CAST(:subscriber_id AS uuid), e.order_no, e.sequence FROM events e
WHERE e.id = CAST(:event_id AS uuid)
ON CONFLICT (event_id, subscriber_id) DO UPDATE
SET state = 'pending', due_at = now(), attempts = 0, excused = 0, lease_token = NULL,
  finished_at = NULL
WHERE w.state <> 'pending'
RETURNING id
""")
_FIND = text("""
SELECT id FROM outbound_webhooks
WHERE event_id = CAST(:event_id AS uuid) AND subscriber_id = CAST(:subscriber_id AS uuid)
""")


class EventUnknown(Exception):
    """No event has this id."""


async def enqueue(session: AsyncSession, event_id: UUID, subscriber_id: UUID) -> int:
    """Create one event's webhook for one subscriber, ignoring its filter. Return the webhook's id.

    Test webhooks and replays use it. A settled webhook (delivered, dead, cancelled) becomes due
    again with all its attempts; a pending one stays as it is. Never commit. Raise EventUnknown.
    """
    parameters = {"event_id": event_id, "subscriber_id": subscriber_id}
    webhook_id: int | None = await session.scalar(_ENQUEUE, parameters)
    webhook_id = webhook_id or await session.scalar(_FIND, parameters)
    if webhook_id is None:
        raise EventUnknown(str(event_id))
    return webhook_id
