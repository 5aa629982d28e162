"""Recovery jobs: send a subscriber again what it missed, in batches that survive any crash."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.driver.direct import Statements
from app.db.engine import Sessions
from app.db.errors import in_statement, in_transaction
from app.db.notify import OUTBOUND
from app.db.tables.webhooks import STILL_PENDING
from app.logs import get_logger

EVENTS_PER_BATCH = 1_000
WEBHOOKS_PER_BATCH = 500
_BETWEEN_BATCHES_S = 0.05  # time for new events and for other workers' claims
_IDLE_S = 1.0
_CLOCK_DIFFERENCE = timedelta(hours=1)
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)

log = get_logger("forwarding")


class Scope(StrEnum):
    """Webhooks of a span of time that a job sends again."""

    UNDELIVERED = "undelivered"
    EVERYTHING = "everything"


class JobState(StrEnum):
    """State of a job."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Progress:
    """Result of one batch: the number of webhooks that became due, and the job's state after it."""

    job_id: UUID
    webhooks: int
    state: JobState


# The row lock keeps two workers from the same job. The lock on the subscriber keeps it from being
# removed meanwhile and conflicts with nothing else: recording locks webhooks before subscribers,
# and a batch locks them the other way round. A rate accumulates for one second at most.
_TAKE = text(f"""
SELECT j.id, j.subscriber_id, j.since, j.until, j.event_types, j.scope, j.cursor,
  s.state = 'removed' AS removed, s.test,
  CAST(least({WEBHOOKS_PER_BATCH}, j.rate,
    floor(extract(epoch FROM now() - j.advanced_at) * j.rate)) AS int) AS batch
FROM recovery_jobs j JOIN subscribers s ON s.id = j.subscriber_id
WHERE j.state = 'running'
  AND (j.rate IS NULL OR extract(epoch FROM now() - j.advanced_at) * j.rate >= 1)
ORDER BY j.advanced_at LIMIT 1
FOR UPDATE OF j SKIP LOCKED FOR KEY SHARE OF s SKIP LOCKED
""")  # noqa: S608 - only our own constants are put in

_RUNNING = text("SELECT FROM recovery_jobs WHERE state = 'running' LIMIT 1")

_PAGE = f"""
page AS MATERIALIZED (
  SELECT id, type, order_no, sequence, created_at, test FROM events
  WHERE id > CAST(:cursor AS uuid) AND id < CAST(:end AS uuid)
  ORDER BY id LIMIT {EVENTS_PER_BATCH}
), wanted AS MATERIALIZED (
  SELECT * FROM page
  WHERE type = ANY (CAST(:event_types AS text[])) AND created_at >= :since AND created_at < :until
    AND (order_no IS NULL OR CAST(:test AS text) = 'include'
      OR test = (CAST(:test AS text) = 'only'))
)"""  # noqa: S608
# Spelled so that only the unique index by event can be used, like STILL_PENDING.
_IN_FLIGHT = f"{STILL_PENDING} AND w.lease_token IS NOT NULL AND w.due_at > now()"
_OF_SUBSCRIBER = "CAST(w.subscriber_id AS text) = CAST(CAST(:subscriber_id AS uuid) AS text)"
_RESET = """state = 'pending', due_at = now(), lease_token = NULL, attempts = 0, excused = 0,
    finished_at = NULL, dismissed_at = NULL, dismissal = NULL"""
# The next batch begins after the last chosen event if the batch was full, else after the page.
_RESULT = """
SELECT (SELECT count(*) FROM page) AS events, (SELECT count(*) FROM chosen) AS chosen,
  (SELECT count(*) FROM revived) AS webhooks,
  (SELECT event_id FROM chosen ORDER BY event_id DESC LIMIT 1) AS last_chosen,
  (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last_event
"""
UNDELIVERED = text(f"""
WITH {_PAGE}, chosen AS MATERIALIZED (
  SELECT w.id, w.event_id FROM wanted CROSS JOIN LATERAL (
    SELECT w.id, w.event_id FROM outbound_webhooks w
    WHERE w.event_id = wanted.id AND {_OF_SUBSCRIBER} AND w.state || '' IN ('pending', 'dead')
      AND NOT ({_IN_FLIGHT})
    FOR UPDATE OF w
  ) AS w ORDER BY w.event_id LIMIT :batch
), revived AS (
  UPDATE outbound_webhooks w SET {_RESET}
  WHERE w.id = ANY (ARRAY (SELECT id FROM chosen)) RETURNING w.id
) {_RESULT}
""")  # noqa: S608
EVERYTHING = text(f"""
WITH {_PAGE}, chosen AS MATERIALIZED (
  SELECT id AS event_id, order_no, sequence FROM wanted
  WHERE NOT EXISTS (
    SELECT 1 FROM outbound_webhooks w
    WHERE w.event_id = wanted.id AND {_OF_SUBSCRIBER} AND {_IN_FLIGHT})
  ORDER BY id LIMIT :batch
), revived AS (
  INSERT INTO outbound_webhooks AS w (event_id, subscriber_id, order_no, sequence)
  SELECT event_id, CAST(:subscriber_id AS uuid), order_no, sequence FROM chosen ORDER BY event_id
  ON CONFLICT (event_id, subscriber_id) DO UPDATE SET {_RESET} WHERE NOT ({_IN_FLIGHT})
  RETURNING w.id
) {_RESULT}
""")  # noqa: S608

_ADVANCE = text("""
UPDATE recovery_jobs SET cursor = :cursor, done = done + :webhooks, state = :state,
  advanced_at = CASE WHEN :webhooks > 0 THEN now() ELSE advanced_at END,
  finished_at = CASE WHEN :state <> 'running' THEN now() END
WHERE id = :id
""")


def events_between(since: datetime, until: datetime) -> tuple[UUID, UUID]:
    """Return the ids between which the ids of the events of a span of time lie.

    An id begins with the time of some machine's clock, so the span is widened.
    """
    latest = datetime.now(UTC) + _CLOCK_DIFFERENCE
    # Postgres and a UUID hold no more than this.
    since, until = (min(max(moment, _EARLIEST), latest) for moment in (since, until))
    return _first_id_of(since - _CLOCK_DIFFERENCE), _first_id_of(until + _CLOCK_DIFFERENCE)


def _first_id_of(moment: datetime) -> UUID:
    return UUID(int=int(moment.timestamp() * 1000) << 80)


async def advance(session: AsyncSession) -> Progress | None:
    """Run the next batch of the job that has waited longest. Never commit.

    Return None when no job is ready that other workers have not locked.
    """
    job = (await session.execute(_TAKE)).mappings().one_or_none()
    if job is None:
        return None
    cursor, webhooks, state = job["cursor"], 0, JobState.CANCELLED
    if not job["removed"]:
        statement = UNDELIVERED if job["scope"] == Scope.UNDELIVERED else EVERYTHING
        found = (await session.execute(statement, _parameters(job))).one()
        full = found.chosen >= job["batch"]
        ended = found.events < EVENTS_PER_BATCH and not full
        cursor = (found.last_chosen if full else found.last_event) or cursor
        webhooks, state = found.webhooks, JobState.DONE if ended else JobState.RUNNING
        await session.execute(text(f"NOTIFY {OUTBOUND}"))
    await session.execute(
        _ADVANCE, {"id": job["id"], "cursor": cursor, "webhooks": webhooks, "state": state}
    )
    return Progress(job["id"], webhooks, state)


def _parameters(job: Any) -> dict[str, Any]:
    names = ("subscriber_id", "since", "until", "event_types", "test", "cursor", "batch")
    return {
        **{name: job[name] for name in names},
        "end": events_between(job["since"], job["until"])[1],
    }


async def recover_forever(sessions: Sessions) -> None:
    """Run batches of jobs. Return only when cancelled.

    An interrupted batch is rolled back as a whole, and the next one begins where it began.
    """
    while True:
        progress = None
        if await in_statement(sessions, "recovery", _is_any_running):
            progress = await in_transaction(sessions, "recovery", advance)
        if progress is not None and progress.state is not JobState.RUNNING:
            log.info("recovery_ended", recovery_id=str(progress.job_id), state=progress.state.value)
        await asyncio.sleep(_IDLE_S if progress is None else _BETWEEN_BATCHES_S)


async def _is_any_running(statements: Statements) -> bool:
    return bool((await statements.execute(_RUNNING)).all())
