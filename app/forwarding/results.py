"""What an outcome means for its webhook: delivered, dead, or another attempt."""

from collections.abc import Sequence
from datetime import timedelta

from app.forwarding.outcome import Outcome, OutcomeKind
from app.forwarding.records import Result
from app.forwarding.retry import is_charged, next_attempt
from app.forwarding.webhook import OutboundWebhook


def result_of(
    webhook: OutboundWebhook, outcome: Outcome, schedule: Sequence[timedelta], *, started: float, ended: float, random: float
) -> Result:
    """The result to record. `started` and `ended` are by `time.monotonic`; `random` is from 0 to 1."""
    charged = is_charged(outcome.kind, webhook.excused + 1)
    wait: timedelta | None = None
    state = "delivered"
    if outcome.kind is not OutcomeKind.DELIVERED:
        tries, excused = webhook.attempts + charged, webhook.excused + (not charged)
        wait = next_attempt(schedule, tries, outcome.kind, outcome.retry_after, random, excused=excused)
        state = "dead" if wait is None else "pending"
    return Result(
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
    )
