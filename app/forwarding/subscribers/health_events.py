"""News of subscribers for others that ask: the SQL that makes events of it and owes them, and the news of what operators do."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.types import OPERATIONAL, EventType
from app.forwarding.subscribers.health import OPERATOR_REASON

# chr(58) is the colon, which would begin the name of a parameter.
_MOMENT = """'YYYY-MM-DD"T"HH24' || chr(58) || 'MI' || chr(58) || 'SS.US"Z"'"""
# Postgres makes UUIDs of version 7 by itself only from 18 on: 48 bits of the time, the rest random, and the version's four bits.
_UUID7 = """CAST(encode(set_bit(set_bit(overlay(
  uuid_send(gen_random_uuid())
  PLACING substring(int8send(CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)) FROM 3)
  FROM 1 FOR 6), 52, 1), 53, 1), 'hex') AS uuid)"""

# News of a subscriber goes to others that name the type in their filter, never to itself; that news could not be delivered is no news.
# Where nobody asks, nothing is stored.
_OWED = f"""
signal AS MATERIALIZED (
  SELECT {_UUID7} AS id, told.* FROM told
), owed AS (
  SELECT signal.id AS event_id, s.id AS subscriber_id
  FROM signal JOIN subscribers s
    ON s.id <> signal.about AND NOT s.feed AND s.state IN ('active', 'paused') AND signal.type = ANY (s.event_types)
), stored AS (
  INSERT INTO events (id, type, created_at, data)
  SELECT id, type, now(), data FROM signal WHERE id IN (SELECT event_id FROM owed)
), sent AS (
  INSERT INTO outbound_webhooks (event_id, subscriber_id) SELECT event_id, subscriber_id FROM owed ORDER BY event_id, subscriber_id
)"""  # noqa: S608 - only our own constants are put in

# A part of the recording's SQL: it follows the parts that say how the attempts moved webhooks and subscribers.
SIGNALS = f"""
told AS (
  SELECT signal AS type, id AS about, json_build_object(
    'subscriber', name, 'reason', reason, 'since', to_char(since AT TIME ZONE 'UTC', {_MOMENT}), 'failures', failures) AS data
  FROM became WHERE signal IS NOT NULL
  UNION ALL
  SELECT '{EventType.OUTBOUND_DEAD}', s.id, json_build_object(
    'subscriber', s.name, 'reason', moved.outcome, 'since', to_char(moved.created_at AT TIME ZONE 'UTC', {_MOMENT}),
    'attempts', moved.number, 'event', json_build_object(
      'id', moved.event_id, 'type', e.type, 'order_no', moved.order_no, 'sequence', moved.sequence))
  FROM moved
  CROSS JOIN LATERAL (SELECT type FROM events WHERE id = moved.event_id OFFSET 0) AS e
  JOIN subscribers s ON s.id = moved.subscriber_id
  WHERE moved.new_state = 'dead' AND e.type <> ALL ('{{{",".join(sorted(OPERATIONAL))}}}')
), {_OWED}"""  # noqa: S608 - only our own constants are put in

# The first success after it is told as well, as after every other pause; one that is sent nothing has recovered when it is resumed.
_TELL = text(f"""
WITH about AS (
  UPDATE subscribers SET failure_told = CAST(:type AS text) <> '{EventType.SUBSCRIBER_RECOVERED}'
  WHERE id = CAST(:subscriber_id AS uuid) RETURNING id, name, failures, failing_since
), told AS (
  SELECT CAST(:type AS text) AS type, id AS about, json_build_object(
    'subscriber', name, 'reason', CAST(:reason AS text), 'since', to_char(failing_since AT TIME ZONE 'UTC', {_MOMENT}),
    'failures', failures) AS data
  FROM about
), {_OWED}
SELECT count(*) FROM owed
""")  # noqa: S608 - only our own constants are put in


async def tell_paused(session: AsyncSession, subscriber_id: UUID) -> None:
    """Owe those who ask the news that an operator paused a subscriber. Never commits."""
    await _tell(session, subscriber_id, EventType.SUBSCRIBER_PAUSED, OPERATOR_REASON)


async def tell_recovered(session: AsyncSession, subscriber_id: UUID) -> None:
    """Owe those who ask the news that a subscriber is well again. Never commits."""
    await _tell(session, subscriber_id, EventType.SUBSCRIBER_RECOVERED, None)


async def _tell(
    session: AsyncSession, subscriber_id: UUID, signal: EventType, reason: str | None
) -> None:
    await session.execute(
        _TELL, {"subscriber_id": subscriber_id, "type": signal.value, "reason": reason}
    )
