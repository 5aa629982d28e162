"""Turning events into debts: one outbound webhook for each subscriber that wants the event."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.types import USUAL

_NO_DELAY = timedelta(0)

# Ids are given in the order of the events, because of two webhooks due at the same moment the smaller id goes first. The lock waits for
# a removal that is under way and passes over its subscriber then; changes of a subscriber and its health do not conflict with it.
FAN_OUT = text("""
INSERT INTO outbound_webhooks (event_id, subscriber_id, order_no, sequence, due_at)
SELECT e.id, s.id, e.order_no, e.sequence, now() + CAST(:delay AS interval)
FROM events e
JOIN subscribers s ON s.state IN ('active', 'paused') AND NOT s.feed AND (s.event_types IS NULL OR e.type = ANY (s.event_types))
WHERE e.id = ANY (CAST(:event_ids AS uuid[])) AND e.type = ANY (CAST(:usual AS text[]))
ORDER BY e.id, s.id
FOR KEY SHARE OF s
ON CONFLICT DO NOTHING
RETURNING id
""")

# One that is still pending is left alone: it may be under way this very moment.
_OWE = text("""
INSERT INTO outbound_webhooks AS owed (event_id, subscriber_id, order_no, sequence)
SELECT e.id, CAST(:subscriber_id AS uuid), e.order_no, e.sequence FROM events e WHERE e.id = CAST(:event_id AS uuid)
ON CONFLICT (event_id, subscriber_id) DO UPDATE
SET state = 'pending', due_at = now(), attempts = 0, excused = 0, lease_token = NULL, finished_at = NULL
WHERE owed.state <> 'pending'
RETURNING id
""")
_OWED = text(
    "SELECT id FROM outbound_webhooks WHERE event_id = CAST(:event_id AS uuid) AND subscriber_id = CAST(:subscriber_id AS uuid)"
)


class EventUnknown(Exception):
    """There is no event with this id."""


async def fan_out(
    session: AsyncSession, event_ids: Sequence[UUID], *, delay: timedelta = _NO_DELAY
) -> int:
    """Owe these events to every subscriber that is not removed, polls no feed and wants their type, paused ones included.

    Returns how many were added.

    Repeating it adds nothing. `delay` is the wait before the first attempt. Only what is about orders is fanned out: no `webhook.test`,
    and no signal about a subscriber.
    """
    result = await session.execute(
        FAN_OUT, {"event_ids": list(event_ids), "usual": sorted(USUAL), "delay": delay}
    )
    return len(result.all())


async def enqueue(session: AsyncSession, event_id: UUID, subscriber_id: UUID) -> int:
    """Owe one event to one subscriber, whatever its filter: a test webhook or a replay. Return the id of the outbound webhook.

    One that is settled (delivered, dead, cancelled) becomes due again with all its tries; one that is pending stays as it is.
    Raises EventUnknown.
    """
    parameters = {"event_id": event_id, "subscriber_id": subscriber_id}
    owed: int | None = await session.scalar(_OWE, parameters) or await session.scalar(
        _OWED, parameters
    )
    if owed is None:
        raise EventUnknown(str(event_id))
    return owed
