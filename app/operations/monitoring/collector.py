"""Watch: takes a snapshot every few seconds, sets the metrics, and runs jobs such as alerts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.db.checks.old_transactions import OldestTransactions, Slot, read_slots
from app.db.connections import describe_error
from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.logs import get_logger
from app.operations.monitoring import snapshot_gauges as gauges
from app.operations.monitoring.baseline import Baseline, Expectation
from app.operations.monitoring.mail_snapshot import MailSnapshot
from app.operations.monitoring.snapshot import Snapshot, read_snapshot

MEASURE_SECONDS = 15.0

log = get_logger("watch")


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement: snapshot, baseline, old transactions and replication slots."""

    snapshot: Snapshot
    expectation: Expectation
    oldest_transactions: Mapping[str, float] = field(default_factory=dict)
    slots: Sequence[Slot] = ()


Job = Callable[[Measured | None], Awaitable[None]]
"""Job that runs after each measurement. It gets None if the database did not answer."""


class Watch:
    """Loop of measurements. No error in it may stop its process."""

    def __init__(self, sessions: Sessions, *then: Job, seconds: float = MEASURE_SECONDS) -> None:
        """Call the jobs `then` after each measurement, in this order, every `seconds`."""
        self._sessions = sessions
        self._then = then
        self._seconds = seconds
        self._baseline = Baseline()
        self._oldest = OldestTransactions()

    async def run(self) -> None:
        """Measure until cancelled."""
        gauges.expose()
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
        """Measure once and set the gauges. Raise the errors of the database."""
        async with snapshot(self._sessions) as session:
            current = await read_snapshot(session)
            expectation = await self._baseline.read(session, current.at, current.last_call_at)
            oldest, slots = await self._oldest.read(session), await read_slots(session)
        measured = Measured(current, expectation, oldest, slots)
        show(measured)
        return measured


async def _do(job: Job, measured: Measured | None) -> None:
    """Run one job. An error is logged and does not affect the other jobs."""
    try:
        await job(measured)
    except Exception as error:
        log.warning("watch_job_failed", job=type(job).__name__, error=describe_error(error))


def show(measured: Measured) -> None:
    """Set the gauges. Nothing is awaited here, so a scrape never sees a partial update."""
    current = measured.snapshot
    gauges.unjudged_notices.set(current.unjudged)
    gauges.unjudged_oldest_seconds.set(current.unjudged_seconds or 0)
    for kind, count in (
        ("quarantined", current.quarantined),
        ("conflict", current.conflicts),
        ("dead_webhook", current.dead),
    ):
        gauges.needs_attention.labels(kind).set(count)
    for reason, count in current.open_reviews.items():
        gauges.open_reviews.labels(reason).set(count)
    gauges.unknown_applications.set(current.unknown_applications)
    gauges.last_call_timestamp.set(current.last_call_at.timestamp() if current.last_call_at else 0)
    gauges.usual_calls_per_hour.set(measured.expectation.per_hour)
    gauges.expected_calls_since_last.set(measured.expectation.since_last)
    gauges.measured_timestamp.set(current.at.timestamp())
    _show_mails(current.mails)
    _show_subscribers(current)
    _show_database(measured)


def _show_mails(mails: MailSnapshot) -> None:
    for state, count in (
        ("missing", mails.missing),
        ("not_believed", mails.not_believed),
        ("call_failed", mails.call_failed),
    ):
        gauges.mails_open.labels(state).set(count)
    gauges.last_mail_timestamp.set(mails.last_mail_at.timestamp() if mails.last_mail_at else 0)
    gauges.calls_with_mails.set(mails.calls if mails.in_use else 0)
    gauges.calls_without_mail.set(mails.calls_without_mail)


def _show_subscribers(current: Snapshot) -> None:
    for gauge in (
        gauges.undelivered_webhooks,
        gauges.undelivered_oldest_seconds,
        gauges.subscriber_paused,
    ):
        gauge.clear()  # drops the values of removed subscribers
    for state in ("active", "paused"):
        gauges.subscribers.labels(state).set(
            sum(subscriber.state == state for subscriber in current.subscribers)
        )
    for subscriber in current.subscribers:
        gauges.undelivered_webhooks.labels(subscriber.name).set(subscriber.undelivered)
        gauges.undelivered_oldest_seconds.labels(subscriber.name).set(
            subscriber.oldest_seconds or 0
        )
        gauges.subscriber_paused.labels(subscriber.name).set(subscriber.state == "paused")


def _show_database(measured: Measured) -> None:
    for holder, seconds in measured.oldest_transactions.items():
        gauges.oldest_transaction_seconds.labels(holder).set(seconds)
    for gauge in (gauges.replication_slot_active, gauges.replication_slot_wal_bytes):
        gauge.clear()  # drops the values of dropped slots
    for slot in measured.slots:
        gauges.replication_slot_active.labels(slot.name).set(slot.active)
        gauges.replication_slot_wal_bytes.labels(slot.name).set(slot.wal_bytes)
