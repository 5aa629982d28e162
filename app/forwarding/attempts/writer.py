"""Batched writer of attempt results: waiting results share one statement and one commit."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import asyncpg

from app.db.connections import describe_error
from app.db.engine import Sessions
from app.db.errors import RETRY_SECONDS, in_statement
from app.events.types import EventType
from app.forwarding.attempts.sql import AttemptResult, Recorded, record
from app.forwarding.min_interval import MinInterval
from app.forwarding.subscribers.health import HealthChange
from app.logs import get_logger
from app.metrics import results_fenced_out, subscriber_signals, webhooks_dead

REJECTED_AT_MOST = 10
"""Results in a row that the database may reject. One more means that no webhook is the cause, and
the worker must stop sending."""
_BATCH = 500
_COMMIT_SECONDS = 0.006
_UNHURRIED_SECONDS = 0.25
"""Longest wait of a result that is not hurried."""

log = get_logger("forwarding")


class AttemptWriter:
    """Queue of results, and the task that commits them.

    While the database is unavailable the results wait, and their leases may run out.
    """

    def __init__(
        self,
        sessions: Sessions,
        *,
        pause_after: timedelta,
        on_recorded: Callable[[Sequence[AttemptResult], Recorded], None],
    ) -> None:
        """Call `on_recorded` after the commit of each batch.

        A subscriber that fails for `pause_after` is paused.
        """
        self._sessions = sessions
        self._pause_after = pause_after
        self._on_recorded = on_recorded
        self._rejected = 0
        self._waiting: asyncio.Queue[AttemptResult | None] = asyncio.Queue()
        self._unhurried: list[AttemptResult] = []

    @property
    def backlog(self) -> int:
        """The number of results that wait for a statement."""
        return self._waiting.qsize() + len(self._unhurried)

    def put(self, result: AttemptResult) -> None:
        """Queue a result."""
        if not result.unhurried:
            self._waiting.put_nowait(result)
            return
        if not self._unhurried:
            asyncio.get_running_loop().call_later(_UNHURRIED_SECONDS, self._hurry)
        self._unhurried.append(result)

    def finish(self) -> None:
        """Make `run` return once everything queued so far is recorded."""
        self._hurry()
        self._waiting.put_nowait(None)

    def _hurry(self) -> None:
        for result in self._take_unhurried():
            self._waiting.put_nowait(result)

    def _take_unhurried(self) -> list[AttemptResult]:
        taken, self._unhurried = self._unhurried, []
        return taken

    async def run(self) -> None:
        """Record queued results until `finish`."""
        last = False
        interval = MinInterval(_COMMIT_SECONDS)
        while not last:
            batch = [await self._waiting.get()]
            await interval.wait()
            while not self._waiting.empty() and len(batch) < _BATCH:
                batch.append(self._waiting.get_nowait())
            last = batch[-1] is None
            results = [result for result in batch if result is not None] + self._take_unhurried()
            if results:
                await self._record(results)

    async def _record(self, results: list[AttemptResult]) -> None:
        """Record results. Halve a batch that the database rejects, to isolate the faulty result."""
        try:
            recorded = await self._commit(results)
        except asyncpg.PostgresError as error:
            await self._record_halves(results, error)
            return
        self._rejected = 0
        self._report(results, recorded.webhook_ids)
        for change in recorded.changes:
            _report_change(change)
        self._on_recorded(results, recorded)

    async def _record_halves(
        self, results: list[AttemptResult], error: asyncpg.PostgresError
    ) -> None:
        [first, *others] = results
        if others:
            middle = len(results) // 2
            await self._record(results[:middle])
            await self._record(results[middle:])
        elif first.excerpt is not None:
            await self._record([replace(first, excerpt=None)])
        else:
            log.error(
                "result_refused",
                outbound_webhook_id=first.webhook_id,
                outcome=first.outcome.value,
                error=describe_error(error),
            )
            self._rejected += 1
            if self._rejected > REJECTED_AT_MOST:
                raise error

    async def _commit(self, results: list[AttemptResult]) -> Recorded:
        while True:
            recorded = await in_statement(
                self._sessions,
                "record",
                partial(record, results=results, pause_after=self._pause_after),
            )
            if recorded is not None:
                return recorded
            await asyncio.sleep(RETRY_SECONDS)

    def _report(self, results: list[AttemptResult], recorded: frozenset[int]) -> None:
        for result in results:
            if result.webhook_id not in recorded:
                # The lease ran out, and another worker has the webhook now: its result counts.
                results_fenced_out.inc()
                log.warning(
                    "result_fenced_out",
                    outbound_webhook_id=result.webhook_id,
                    outcome=result.outcome.value,
                )
            elif result.state == "dead":
                webhooks_dead.inc()
                log.warning(
                    "webhook_dead",
                    outbound_webhook_id=result.webhook_id,
                    outcome=result.outcome.value,
                )


def _report_change(change: HealthChange) -> None:
    subscriber_signals.labels(change.event_type).inc()
    write = log.info if change.event_type == EventType.SUBSCRIBER_RECOVERED else log.warning
    event = change.event_type.replace(".", "_")
    write(
        event,
        subscriber_id=str(change.subscriber_id),
        subscriber=change.name,
        reason=change.reason,
        failures=change.failures,
    )
