"""Delivery engine: claim due webhooks, send them and record the outcomes, until stopped."""

import asyncio
from collections.abc import Coroutine, Sequence

from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.db.errors import autocommitting
from app.db.notify import OUTBOUND, POLL_SECONDS, NotifyListener
from app.forwarding.attempts.sql import AttemptResult, Recorded
from app.forwarding.attempts.writer import AttemptWriter
from app.forwarding.claim_loops import ClaimLoops
from app.forwarding.destinations.credentials import CredentialCache
from app.forwarding.destinations.http.sender import Sender
from app.forwarding.immediate_leases import ImmediateLeases
from app.forwarding.options import ForwardingOptions
from app.forwarding.outcome import OutcomeKind
from app.forwarding.queue.concurrency import ConcurrencyLimits
from app.forwarding.queue.due_bounds import DueBounds
from app.forwarding.queue.due_times import DueTimes
from app.forwarding.queue.lease_keeper import (
    BOUND_SECONDS,
    CAPPED_BOUND_SECONDS,
    bound_forever,
    park_forever,
    renew_forever,
)
from app.forwarding.recovery_jobs import recover_forever
from app.forwarding.send_tasks import SendTasks

_REMEMBERED_WAIT_S = 60.0  # later due times are found by polling


class Forwarder:
    """Deliver outbound webhooks. Forwarders in any number of processes share the work."""

    def __init__(
        self, sessions: Sessions, vault: Vault, listener: NotifyListener, options: ForwardingOptions
    ) -> None:
        """Use up to eight connections of `sessions` together.

        `listener` must listen to the channel OUTBOUND; the caller runs it.
        """
        self._transactions = sessions
        self._sessions = autocommitting(sessions)  # most transactions here are one statement
        self._listener = listener
        self._options = options
        self._limits = ConcurrencyLimits(options.concurrency)
        self._due = DueTimes()
        self._bounds = {capped: DueBounds(capped=capped) for capped in (False, True)}
        self._writer = AttemptWriter(
            self._sessions, pause_after=options.pause_after, on_recorded=self._recorded
        )
        self._sends = SendTasks(
            options,
            CredentialCache(vault),
            self._limits,
            self._due,
            on_result=self._writer.put,
            on_slot=self._wake,
            on_hanging=self._wake_throttled,
        )
        self._claims = ClaimLoops(
            self._sessions,
            listener,
            options,
            self._limits,
            self._due,
            self._bounds,
            self._sends,
            backlog=lambda: self._writer.backlog,
        )

    @property
    def immediate_leases(self) -> ImmediateLeases:
        """Leases of webhooks that this forwarder sends without a claim."""
        return self._claims.immediate_leases

    def stop(self) -> None:
        """Claim nothing more. `run` returns when the sends in flight have ended."""
        self._claims.stop()
        self._wake()

    async def run(self) -> None:
        """Deliver until `stop`.

        The order of stopping: no more claims, then the sends in flight end (within `stop_s`), then
        their outcomes are recorded, then unsent webhooks are released. If a task fails, all others
        are cancelled and its exception is raised; the leases run out then.
        """
        sender = self._make_sender()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._writer.run())
                renewing = group.create_task(
                    renew_forever(self._sessions, self._options.lease, self._sends.slow)
                )
                background = [group.create_task(job) for job in self._background_jobs()]
                capped = group.create_task(self._claims.run_capped(group, sender))
                await self._claims.run(group, sender)
                await capped
                for task in background:
                    task.cancel()
                await self._sends.end()
                renewing.cancel()
                self._writer.finish()
            await self._claims.immediate_leases.ended()
            await self._claims.release_unsent()
        finally:
            await sender.close()

    def _make_sender(self) -> Sender:
        return Sender(
            networks=self._options.networks,
            allow_http=self._options.allow_http,
            limits=self._options.limits,
            tls=self._options.tls,
            lookup=self._options.lookup,
            lookup_limits=self._options.lookup_limits,
            tls_contexts=self._options.tls_contexts,
            proxy=self._options.proxy,
        )

    def _background_jobs(self) -> list[Coroutine[None, None, None]]:
        bounds, capped_bounds = self._bounds[False], self._bounds[True]
        return [
            park_forever(self._sessions, self._options.order_hold, bounds, capped_bounds),
            bound_forever(self._sessions, bounds, BOUND_SECONDS, self._wake),
            bound_forever(self._sessions, capped_bounds, CAPPED_BOUND_SECONDS, self._wake),
            recover_forever(self._transactions),
        ]

    def _recorded(self, results: Sequence[AttemptResult], recorded: Recorded) -> None:
        """Claim again if the recorded results make webhooks due, or allow more in flight."""
        self._sends.show_in_flight()
        if any(result.outcome is OutcomeKind.GONE for result in results):
            self._limits.reopen()
        # Capped subscribers have their own claims, at their own times.
        waits = [
            result.wait.total_seconds()
            for result in results
            if result.wait is not None and not result.unhurried
        ]
        for seconds in waits:
            if seconds < _REMEMBERED_WAIT_S:
                self._due.add(seconds)
        # A wait that is shorter than the poll must also shorten the pause before the next claim.
        if (
            recorded.has_successor
            or recorded.has_health_events
            or self._claims.throttled
            or (waits and min(waits) < POLL_SECONDS)
        ):
            self._wake()

    def _wake(self) -> None:
        """Make the claim loop claim again."""
        self._listener.wake(OUTBOUND)

    def _wake_throttled(self) -> None:
        """Make the claim loop claim again if it waits for a free slot."""
        if self._claims.throttled:
            self._wake()
