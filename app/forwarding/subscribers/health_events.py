"""Events about subscribers (`subscriber.*`, `outbound.dead`) for other subscribers, as SQL."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.types import OPERATIONAL, EventType
from app.forwarding.subscribers.health import OPERATOR_REASON

# chr(58) is a colon: SQLAlchemy would read a literal one as the beginning of a parameter's name.
_MOMENT = """'YYYY-MM-DD"T"HH24' || chr(58) || 'MI' || chr(58) || 'SS.US"Z"'"""
# Postgres makes UUIDs of version 7 only from 18 on: 48 bits of the time, then random bits and the
# four bits of the version.
_UUID7 = """CAST(encode(set_bit(set_bit(overlay(
  uuid_send(gen_random_uuid())
  PLACING substring(int8send(CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)) FROM 3)
  FROM 1 FOR 6), 52, 1), 53, 1), 'hex') AS uuid)"""

# An event about a subscriber goes to others that name its type in their filter, never to itself. No
# event tells that such an event could not be delivered. Without a recipient nothing is stored.
_ENQUEUE = f"""
identified AS MATERIALIZED (
  SELECT {_UUID7} AS id, reported.* FROM reported
), enqueued AS (
  SELECT identified.id AS event_id, s.id AS subscriber_id
  FROM identified JOIN subscribers s
    ON s.id <> identified.about AND NOT s.feed AND s.state IN ('active', 'paused')
      AND identified.type = ANY (s.event_types)
), stored AS (
  INSERT INTO events (id, type, created_at, data)
  SELECT id, type, now(), data FROM identified WHERE id IN (SELECT event_id FROM enqueued)
), sent AS (
  INSERT INTO outbound_webhooks (event_id, subscriber_id)
  SELECT event_id, subscriber_id FROM enqueued ORDER BY event_id, subscriber_id
)"""  # noqa: S608 - only our own constants are put in

HEALTH_EVENTS = f"""
reported AS (
  SELECT event_type AS type, id AS about, json_build_object(
    'subscriber', name, 'reason', reason,
    'since', to_char(since AT TIME ZONE 'UTC', {_MOMENT}), 'failures', failures) AS data
  FROM changed WHERE event_type IS NOT NULL
  UNION ALL
  SELECT '{EventType.OUTBOUND_DEAD}', s.id, json_build_object(
    'subscriber', s.name, 'reason', moved.outcome,
    'since', to_char(moved.created_at AT TIME ZONE 'UTC', {_MOMENT}),
    'attempts', moved.number, 'event', json_build_object(
      'id', moved.event_id, 'type', e.type,
      'order_no', moved.order_no, 'sequence', moved.sequence))
  FROM moved
  CROSS JOIN LATERAL (SELECT type FROM events WHERE id = moved.event_id OFFSET 0) AS e
  JOIN subscribers s ON s.id = moved.subscriber_id
  WHERE moved.new_state = 'dead' AND e.type <> ALL ('{{{",".join(sorted(OPERATIONAL))}}}')
), {_ENQUEUE}"""  # noqa: S608 - only our own constants are put in
"""CTEs of the recording's SQL: they follow `moved` and those of the subscribers' health."""

# The first success after a pause by an operator is an event too, as after every other pause. A
# subscriber without pending webhooks has recovered as soon as it is resumed.
_REPORT = text(f"""
WITH about AS (
  UPDATE subscribers
  SET failure_told = CAST(:type AS text) <> '{EventType.SUBSCRIBER_RECOVERED}'
  WHERE id = CAST(:subscriber_id AS uuid) RETURNING id, name, failures, failing_since
), reported AS (
  SELECT CAST(:type AS text) AS type, id AS about, json_build_object(
    'subscriber', name, 'reason', CAST(:reason AS text),
    'since', to_char(failing_since AT TIME ZONE 'UTC', {_MOMENT}), 'failures', failures) AS data
  FROM about
), {_ENQUEUE}
SELECT count(*) FROM enqueued
""")  # noqa: S608 - only our own constants are put in


async def report_paused(session: AsyncSession, subscriber_id: UUID) -> None:
    """Enqueue `subscriber.paused` after an operator paused a subscriber. Never commit."""
    await _report(session, subscriber_id, EventType.SUBSCRIBER_PAUSED, OPERATOR_REASON)


async def report_recovered(session: AsyncSession, subscriber_id: UUID) -> None:
    """Enqueue `subscriber.recovered` for a subscriber that works again. Never commit."""
    await _report(session, subscriber_id, EventType.SUBSCRIBER_RECOVERED, None)


async def _report(
    session: AsyncSession, subscriber_id: UUID, event_type: EventType, reason: str | None
) -> None:
    parameters = {"subscriber_id": subscriber_id, "type": event_type.value, "reason": reason}
    await session.execute(_REPORT, parameters)
