"""The watch: measures every few seconds how things stand, shows it in the metrics, and has alerts sent where they are wanted."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app import metrics
from app.db.checks.old_transactions import OldestTransactions, Slot, read_slots
from app.db.connections import describe_error
from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.logs import get_logger
from app.operations.monitoring.baseline import Baseline, Expectation
from app.operations.monitoring.snapshot import Snapshot, read_snapshot

MEASURE_SECONDS = 15.0

log = get_logger("watch")


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement."""

    standing: Snapshot
    expectation: Expectation
    oldest_transactions: Mapping[str, float] = field(default_factory=dict)
    slots: Sequence[Slot] = ()


Job = Callable[[Measured | None], Awaitable[None]]
"""What is done after each measurement; it gets None when the database could not be asked."""


class Watch:
    """Measures for as long as it runs. Nothing that goes wrong in it may stop the process it runs in."""

    def __init__(self, sessions: Sessions, *then: Job, seconds: float = MEASURE_SECONDS) -> None:
        """What is in `then` is called after each measurement, in this order; `seconds` pass between two."""
        self._sessions = sessions
        self._then = then
        self._seconds = seconds
        self._usual = Baseline()
        self._oldest = OldestTransactions()

    async def run(self) -> None:
        """Measure until cancelled."""
        metrics.expose_snapshot()
        while True:
            measured: Measured | None = None
            try:
                measured = await self.measure()
            except Exception as error:
                log.warning("standing_not_measured", error=describe_error(error))
            for job in self._then:
                await _do(job, measured)
            await asyncio.sleep(self._seconds)

    async def measure(self) -> Measured:
        """Ask the database once, and set the metrics. Raises what the database raises."""
        async with snapshot(self._sessions) as session:
            standing = await read_snapshot(session)
            expectation = await self._usual.read(session, standing.at, standing.last_call_at)
            oldest, slots = await self._oldest.read(session), await read_slots(session)
        measured = Measured(standing, expectation, oldest, slots)
        show(measured)
        return measured


async def _do(job: Job, measured: Measured | None) -> None:
    """One job that fails must not keep the others from theirs."""
    try:
        await job(measured)
    except Exception as error:
        log.warning("watch_job_failed", job=type(job).__name__, error=describe_error(error))


def show(measured: Measured) -> None:
    """Set the metrics to what was measured. Nothing is awaited here, so nobody reads half of it."""
    standing = measured.standing
    metrics.unjudged_notices.set(standing.unjudged)
    metrics.unjudged_oldest_seconds.set(standing.unjudged_seconds or 0)
    for kind, count in (
        ("quarantined", standing.quarantined),
        ("conflict", standing.conflicts),
        ("dead_webhook", standing.dead),
    ):
        metrics.needs_attention.labels(kind).set(count)
    metrics.last_call_timestamp.set(
        standing.last_call_at.timestamp() if standing.last_call_at else 0
    )
    metrics.usual_calls_per_hour.set(measured.expectation.per_hour)
    metrics.expected_calls_since_last.set(measured.expectation.since_last)
    metrics.measured_timestamp.set(standing.at.timestamp())
    _show_subscribers(standing)
    _show_database(measured)


def _show_subscribers(standing: Snapshot) -> None:
    for gauge in (
        metrics.undelivered_webhooks,
        metrics.undelivered_oldest_seconds,
        metrics.subscriber_paused,
    ):
        gauge.clear()  # one that was removed since must not stay as it was
    for state in ("active", "paused"):
        metrics.subscribers.labels(state).set(
            sum(subscriber.state == state for subscriber in standing.subscribers)
        )
    for subscriber in standing.subscribers:
        metrics.undelivered_webhooks.labels(subscriber.name).set(subscriber.undelivered)
        metrics.undelivered_oldest_seconds.labels(subscriber.name).set(
            subscriber.oldest_seconds or 0
        )
        metrics.subscriber_paused.labels(subscriber.name).set(subscriber.state == "paused")


def _show_database(measured: Measured) -> None:
    for holder, seconds in measured.oldest_transactions.items():
        metrics.oldest_transaction_seconds.labels(holder).set(seconds)
    for gauge in (metrics.replication_slot_active, metrics.replication_slot_wal_bytes):
        gauge.clear()  # a dropped slot must not stay as it was
    for slot in measured.slots:
        metrics.replication_slot_active.labels(slot.name).set(slot.active)
        metrics.replication_slot_wal_bytes.labels(slot.name).set(slot.wal_bytes)
