"""Retry policy: a pure function of the outcome and the number of attempts."""

from collections.abc import Sequence
from datetime import timedelta

from app.forwarding.attempts.sql import AttemptResult
from app.forwarding.outcome import DeliveryOutcome, OutcomeKind
from app.forwarding.webhook import ClaimedWebhook

JITTER = 0.1
RETRY_AFTER_AT_LEAST = timedelta(seconds=1)
RETRY_AFTER_AT_MOST = timedelta(hours=24)
OVERLOADED_PAUSE = timedelta(seconds=60)
EXCUSED_FIRST_PAUSE = timedelta(seconds=5)
EXCUSED_LONGEST_PAUSE = timedelta(minutes=5)
EXCUSED_AT_MOST = 1_000
"""Failures on our own side that are not charged (about three and a half days). Later ones are, so
that every webhook ends."""

_OVERLOADED = (OutcomeKind.TIMEOUT, OutcomeKind.TOO_MANY_REQUESTS)


def next_attempt(
    schedule: Sequence[timedelta],
    attempts: int,
    outcome: OutcomeKind,
    retry_after: timedelta | None,
    random: float,
    *,
    excused: int = 0,
) -> timedelta | None:
    """Return the wait before the next attempt, or None when the webhook is dead.

    `schedule` holds the wait before each attempt; its length is the number of attempts. `attempts`
    and `excused` count the attempts so far, this one included: `attempts` those charged to the
    subscriber, `excused` those that failed on our own side. `random` is from 0 to 1.
    `retry_after` can only lengthen the wait.
    """
    if outcome is OutcomeKind.GONE:
        return None
    spread = 1 + JITTER * (2 * random - 1)
    if not outcome.charged and excused <= EXCUSED_AT_MOST:
        doublings = min(max(excused - 1, 0), 10)
        return min(EXCUSED_FIRST_PAUSE * (1 << doublings), EXCUSED_LONGEST_PAUSE) * spread
    if attempts >= len(schedule):
        return None
    wait = schedule[attempts] * spread
    if outcome in _OVERLOADED:
        wait = max(wait, OVERLOADED_PAUSE * (1 + JITTER * random))
    if retry_after is not None:
        wait = max(wait, min(max(retry_after, RETRY_AFTER_AT_LEAST), RETRY_AFTER_AT_MOST))
    return wait


def is_charged(outcome: OutcomeKind, excused: int) -> bool:
    """Return whether an attempt counts against the schedule.

    `excused` counts the failures on our own side, this one included.
    """
    return outcome.charged or excused > EXCUSED_AT_MOST


def result_of(
    webhook: ClaimedWebhook,
    outcome: DeliveryOutcome,
    schedule: Sequence[timedelta],
    *,
    started: float,
    ended: float,
    random: float,
    unhurried: bool = False,
) -> AttemptResult:
    """Return the result to record.

    `started` and `ended` are by `time.monotonic`; `random` is from 0 to 1.
    """
    charged = is_charged(outcome.kind, webhook.excused + 1)
    wait: timedelta | None = None
    state = "delivered"
    if outcome.kind is not OutcomeKind.DELIVERED:
        attempts, excused = webhook.attempts + charged, webhook.excused + (not charged)
        wait = next_attempt(
            schedule, attempts, outcome.kind, outcome.retry_after, random, excused=excused
        )
        state = "dead" if wait is None else "pending"
    return AttemptResult(
        webhook_id=webhook.id,
        lease_token=webhook.lease_token,
        state=state,
        wait=wait,
        charged=charged,
        started=started,
        duration_ms=round((ended - started) * 1000),
        outcome=outcome.kind,
        http_status=outcome.http_status,
        excerpt=outcome.excerpt,
        unhurried=unhurried,
    )
