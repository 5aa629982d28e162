"""Recovery jobs: sending a subscriber again what it missed, in batches that survive any crash, a batch of one job at a time."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.errors import in_transaction
from app.db.notify import OUTBOUND
from app.forwarding.queue.claims import STILL_PENDING
from app.logs import get_logger

EVENTS_AT_ONCE = 1_000
WEBHOOKS_AT_ONCE = 500
_BETWEEN_BATCHES_S = 0.05  # new events are owed meanwhile, and other workers claim
_IDLE_S = 0.5
_CLOCKS_APART = timedelta(hours=1)
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)

log = get_logger("forwarding")


class Scope(StrEnum):
    """Which webhooks of a span of time a job sends again."""

    UNDELIVERED = "undelivered"
    EVERYTHING = "everything"


class JobState(StrEnum):
    """Where a job stands."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Progress:
    """What one batch did: how many webhooks became due, and where the job stands after it."""

    job_id: UUID
    webhooks: int
    state: JobState


# The row lock is what keeps two workers from the same job. The subscriber's keeps it from being removed meanwhile and
# conflicts with nothing else: recording locks webhooks before subscribers, and this does it the other way round.
# Of a rate, no more is made up for than a second's worth.
_TAKE = text(f"""
SELECT j.id, j.subscriber_id, j.since, j.until, j.event_types, j.scope, j.cursor, s.state = 'removed' AS removed,
  CAST(least({WEBHOOKS_AT_ONCE}, j.rate, floor(extract(epoch FROM now() - j.advanced_at) * j.rate)) AS int) AS room
FROM recovery_jobs j JOIN subscribers s ON s.id = j.subscriber_id
WHERE j.state = 'running' AND (j.rate IS NULL OR extract(epoch FROM now() - j.advanced_at) * j.rate >= 1)
ORDER BY j.advanced_at LIMIT 1
FOR UPDATE OF j SKIP LOCKED FOR KEY SHARE OF s SKIP LOCKED
""")  # noqa: S608 - only our own constants are put in

_PAGE = f"""
page AS MATERIALIZED (
  SELECT id, type, order_no, sequence, created_at FROM events
  WHERE id > CAST(:cursor AS uuid) AND id < CAST(:end AS uuid) ORDER BY id LIMIT {EVENTS_AT_ONCE}
), meant AS MATERIALIZED (
  SELECT * FROM page WHERE type = ANY (CAST(:event_types AS text[])) AND created_at >= :since AND created_at < :until
)"""  # noqa: S608
# Spelled so that only the unique index by event can be used: see STILL_PENDING.
_BEING_SENT = f"{STILL_PENDING} AND w.lease_token IS NOT NULL AND w.due_at > now()"
_OF_SUBSCRIBER = "CAST(w.subscriber_id AS text) = CAST(CAST(:subscriber_id AS uuid) AS text)"
_AFRESH = (
    "state = 'pending', due_at = now(), lease_token = NULL, attempts = 0, excused = 0, finished_at = NULL, "
    "dismissed_at = NULL, dismissal = NULL"
)
# `looked` is where the next batch begins behind: at the last one chosen if there was no room for more, else at the end of the page.
_LOOKED = """
SELECT (SELECT count(*) FROM page) AS events, (SELECT count(*) FROM chosen) AS chosen, (SELECT count(*) FROM revived) AS webhooks,
  (SELECT event_id FROM chosen ORDER BY event_id DESC LIMIT 1) AS last_chosen, (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last_event
"""
UNDELIVERED = text(f"""
WITH {_PAGE}, chosen AS MATERIALIZED (
  SELECT w.id, w.event_id FROM meant CROSS JOIN LATERAL (
    SELECT w.id, w.event_id FROM outbound_webhooks w
    WHERE w.event_id = meant.id AND {_OF_SUBSCRIBER} AND w.state || '' IN ('pending', 'dead')
      AND NOT ({_BEING_SENT})
    FOR UPDATE OF w
  ) AS w ORDER BY w.event_id LIMIT :room
), revived AS (
  UPDATE outbound_webhooks w SET {_AFRESH} WHERE w.id = ANY (ARRAY (SELECT id FROM chosen)) RETURNING w.id
) {_LOOKED}
""")  # noqa: S608
EVERYTHING = text(f"""
WITH {_PAGE}, chosen AS MATERIALIZED (
  SELECT id AS event_id, order_no, sequence FROM meant
  WHERE NOT EXISTS (
    SELECT 1 FROM outbound_webhooks w
    WHERE w.event_id = meant.id AND {_OF_SUBSCRIBER} AND {_BEING_SENT})
  ORDER BY id LIMIT :room
), revived AS (
  INSERT INTO outbound_webhooks AS w (event_id, subscriber_id, order_no, sequence)
  SELECT event_id, CAST(:subscriber_id AS uuid), order_no, sequence FROM chosen ORDER BY event_id
  ON CONFLICT (event_id, subscriber_id) DO UPDATE SET {_AFRESH} WHERE NOT ({_BEING_SENT})
  RETURNING w.id
) {_LOOKED}
""")  # noqa: S608

_NOTE = text("""
UPDATE recovery_jobs SET cursor = :cursor, done = done + :webhooks, state = :state,
  advanced_at = CASE WHEN :webhooks > 0 THEN now() ELSE advanced_at END, finished_at = CASE WHEN :state <> 'running' THEN now() END
WHERE id = :id
""")


def events_between(since: datetime, until: datetime) -> tuple[UUID, UUID]:
    """The ids between which those of the events of a span of time lie: an id begins with the time of some machine's clock."""
    latest = datetime.now(UTC) + _CLOCKS_APART
    since, until = (
        min(max(moment, _EARLIEST), latest) for moment in (since, until)
    )  # what Postgres and a UUID can hold
    return _first_id_of(since - _CLOCKS_APART), _first_id_of(until + _CLOCKS_APART)


def _first_id_of(moment: datetime) -> UUID:
    return UUID(int=int(moment.timestamp() * 1000) << 80)


async def advance(session: AsyncSession) -> Progress | None:
    """Do the next batch of the job that has waited longest; None if there is none that others are not doing. Never commits."""
    job = (await session.execute(_TAKE)).mappings().one_or_none()
    if job is None:
        return None
    cursor, webhooks, state = job["cursor"], 0, JobState.CANCELLED
    if not job["removed"]:
        found = (
            await session.execute(
                UNDELIVERED if job["scope"] == Scope.UNDELIVERED else EVERYTHING, _parameters(job)
            )
        ).one()
        full = found.chosen >= job["room"]
        cursor = (found.last_chosen if full else found.last_event) or cursor
        webhooks, state = (
            found.webhooks,
            JobState.DONE if found.events < EVENTS_AT_ONCE and not full else JobState.RUNNING,
        )
        await session.execute(text(f"NOTIFY {OUTBOUND}"))
    await session.execute(
        _NOTE, {"id": job["id"], "cursor": cursor, "webhooks": webhooks, "state": state}
    )
    return Progress(job["id"], webhooks, state)


def _parameters(job: Any) -> dict[str, Any]:
    names = ("subscriber_id", "since", "until", "event_types", "cursor", "room")
    return {
        **{name: job[name] for name in names},
        "end": events_between(job["since"], job["until"])[1],
    }


async def recover_forever(sessions: Sessions) -> None:
    """Work off jobs until cancelled. A batch that was interrupted is undone whole, so that the next one begins where it began."""
    while True:
        progress = await in_transaction(sessions, "recovery", advance)
        if progress is not None and progress.state is not JobState.RUNNING:
            log.info("recovery_ended", recovery_id=str(progress.job_id), state=progress.state.value)
        await asyncio.sleep(_IDLE_S if progress is None else _BETWEEN_BATCHES_S)
