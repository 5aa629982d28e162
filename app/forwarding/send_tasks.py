"""Send tasks of a worker: one task per claimed webhook, from its send slot to its result."""

import asyncio
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import random
from time import monotonic
from uuid import UUID

from app.crypto.vault import KeyMissing
from app.forwarding.attempts.retry import result_of
from app.forwarding.attempts.sql import AttemptResult
from app.forwarding.destinations.credentials import CredentialCache, NoSecret
from app.forwarding.destinations.http.sender import Sender
from app.forwarding.options import ForwardingOptions
from app.forwarding.outcome import DeliveryOutcome, OutcomeKind
from app.forwarding.queue.concurrency import ConcurrencyLimits
from app.forwarding.queue.due_times import DueTimes
from app.forwarding.queue.send_slots import SendSlots
from app.forwarding.queue.subscriber_limits import HANGING_S, ends_ahead
from app.forwarding.webhook import ClaimedWebhook
from app.logs import get_logger
from app.metrics import (
    attempt_seconds,
    attempts_made,
    sends_capped,
    sends_hanging,
    sends_in_flight,
)

_REST_SECONDS = 2.0
_CAPPED_REST_SECONDS = 10.0
"""Least rest of a subscriber, and of a capped one, whose name has no thread for a look-up. Both are
up to doubled at random."""
_PACE_SECONDS = 0.025
_SPREAD_SECONDS = 0.4
"""Pause between two sends to capped or slow subscribers of one claim, and the longest time over
which all of them are spread."""
_SLOW_WAKE_SECONDS = 0.5
"""Longest wait of a free slot of a capped or slow subscriber for the next claim."""

log = get_logger("forwarding")


@dataclass(eq=False, slots=True)
class _Send:
    """One send: the beginning and the outcome of its attempt, and whether the attempt hangs.

    It starts after `delay` seconds.
    """

    webhook: ClaimedWebhook
    claimed_at: float = field(default_factory=monotonic)
    started: float = field(default_factory=monotonic)
    kind: OutcomeKind | None = None
    hangs: bool = False
    delay: float = 0.0


class SendTasks:
    """Send claimed webhooks within the limits of their subscribers."""

    def __init__(
        self,
        options: ForwardingOptions,
        credentials: CredentialCache,
        limits: ConcurrencyLimits,
        due: DueTimes,
        *,
        on_result: Callable[[AttemptResult], None],
        on_slot: Callable[[], None],
        on_hanging: Callable[[], None],
    ) -> None:
        """Call `on_result` with each result.

        `on_slot` is called when a claim may find more webhooks, `on_hanging` when a hanging attempt
        gives its slot to another.
        """
        self._options = options
        self._credentials = credentials
        self._limits = limits
        self._due = due
        self._on_result = on_result
        self._on_slot = on_slot
        self._on_hanging = on_hanging
        self._slots = SendSlots()
        self._sends: dict[asyncio.Task[None], _Send] = {}
        self._is_waking = False
        self.unsent: list[ClaimedWebhook] = []
        """Claimed webhooks that were not sent and must be released."""

    def start(
        self, group: asyncio.TaskGroup, sender: Sender, claimed: Sequence[ClaimedWebhook]
    ) -> bool:
        """Start a task for each webhook. Return whether another claim could find more now.

        Many capped and slow subscribers come in one claim. Their sends start one by one, so that
        the others do not wait behind them for this thread.
        """
        more = self._limits.add(claimed)
        self._start(group, sender, claimed)
        return more

    def start_leased(
        self, group: asyncio.TaskGroup, sender: Sender, webhooks: Sequence[ClaimedWebhook]
    ) -> None:
        """Start a task for each webhook that was leased without a claim."""
        self._limits.add_leased(webhooks)
        self._start(group, sender, webhooks)

    def _start(
        self, group: asyncio.TaskGroup, sender: Sender, claimed: Sequence[ClaimedWebhook]
    ) -> None:
        self.show_in_flight()
        burdened = sum(self._limits.is_burdened(webhook.target) for webhook in claimed)
        pause = min(_PACE_SECONDS, _SPREAD_SECONDS / max(burdened, 1))
        delay = 0.0
        for webhook in claimed:
            send = _Send(webhook)
            if self._limits.is_burdened(webhook.target):
                delay += pause
                send.delay = delay
            task = group.create_task(self._send(sender, send))
            self._sends[task] = send
            task.add_done_callback(self._sends.pop)

    def slow(self, seconds: float) -> Sequence[ClaimedWebhook]:
        """Return the webhooks that were claimed more than `seconds` ago."""
        started_before = monotonic() - seconds
        return [send.webhook for send in self._sends.values() if send.claimed_at < started_before]

    def dismiss_late(self) -> None:
        """Stop the webhooks that have waited too long for a slot; they become unsent."""
        self._slots.dismiss_late()

    def show_in_flight(self) -> None:
        """Set the metrics of sends in flight."""
        sends_in_flight.set(self._slots.in_flight)
        sends_hanging.set(self._limits.hanging)
        sends_capped.set(self._limits.capped)

    async def end(self) -> None:
        """Wait for the sends in flight for `stop_s`, then cancel the rest."""
        self._slots.dismiss_waiting()
        if not self._sends:
            return
        _, late = await asyncio.wait(self._sends, timeout=self._options.stop_s)
        for task in late:
            task.cancel()
        if late:
            log.warning("sends_cut_off", webhooks=len(late))
            await asyncio.wait(late)

    async def _send(self, sender: Sender, send: _Send) -> None:
        webhook = send.webhook
        try:
            if send.delay:
                await asyncio.sleep(send.delay)
            if not await self._slots.acquire(webhook.target) or not await self._send_in_slot(
                sender, send
            ):
                self.unsent.append(webhook)
        except asyncio.CancelledError:
            self.unsent.append(webhook)
            raise
        finally:
            seconds = monotonic() - send.started
            claimable = self._limits.remove(webhook, send.kind, seconds, hung=send.hangs)
            if claimable or send.kind is None:
                self._wake_for(webhook)

    def _wake_for(self, webhook: ClaimedWebhook) -> None:
        """Make the claim loop claim for the free slot of `webhook`.

        Slots of slow subscribers become free one by one, and wait a little to share a claim. A slot
        that all others wait for does not.
        """
        if self._limits.free <= 1 or not self._limits.is_burdened(webhook.target):
            self._on_slot()
        elif not self._is_waking:
            self._is_waking = True
            asyncio.get_running_loop().call_later(_SLOW_WAKE_SECONDS, self._wake)

    def _wake(self) -> None:
        self._is_waking = False
        self._on_slot()

    async def _send_in_slot(self, sender: Sender, send: _Send) -> bool:
        """Send the webhook and release its slot.

        Return False when it was not sent, because no thread of this process was free for the
        look-up of its name.
        """
        webhook, outcome = send.webhook, None
        try:
            if await sender.ready(webhook):
                outcome = await self._send_now(sender, send)
                self._finish(webhook, outcome, send.started)
        finally:
            self._slots.release(webhook.target)
        if outcome is None:
            self._rest(webhook)
            return False
        send.kind = outcome.kind
        if ends_ahead(outcome.kind, monotonic() - send.started):
            self._slots.dismiss_waiting(webhook.target.subscriber_id)
        return True

    async def _send_now(self, sender: Sender, send: _Send) -> DeliveryOutcome:
        """Make the attempt. Its time begins now."""
        send.started = monotonic()
        hanging = asyncio.get_running_loop().call_later(HANGING_S, self._note_hanging, send)
        try:
            return await self._attempt(sender, send.webhook)
        finally:
            hanging.cancel()

    def _note_hanging(self, send: _Send) -> None:
        send.hangs = True
        self._limits.note_hanging(send.webhook)
        self.show_in_flight()
        self._on_hanging()

    def _rest(self, webhook: ClaimedWebhook) -> None:
        """Claim nothing for a subscriber for some seconds: its name has all its look-up threads."""
        least = _CAPPED_REST_SECONDS if webhook.target.capped else _REST_SECONDS
        seconds = least * (1 + random())  # noqa: S311  (jitter)
        self._limits.rest(webhook, seconds)
        self._slots.dismiss_waiting(webhook.target.subscriber_id)
        self._due.add(seconds)

    async def _attempt(self, sender: Sender, webhook: ClaimedWebhook) -> DeliveryOutcome:
        try:
            return await sender.send(
                webhook,
                self._credentials.keys_of(webhook.target),
                self._credentials.connection_options_for(webhook.target),
            )
        except (KeyMissing, NoSecret) as error:
            log.error(
                "cannot_sign",
                **_ids(webhook),
                subscriber_id=str(webhook.target.subscriber_id),
                error=str(error),
            )
            return DeliveryOutcome(OutcomeKind.OWN_SIDE, excerpt=str(error))
        except Exception as error:  # a fault in one webhook must not end the delivery of others
            where = traceback.extract_tb(error.__traceback__)[-1]
            # Neither the error's text nor its locals: they may hold what was to be sent.
            log.error(
                "attempt_broke",
                **_ids(webhook),
                error=type(error).__name__,
                at=f"{where.filename}:{where.lineno}",
            )
            return DeliveryOutcome(OutcomeKind.OWN_SIDE, excerpt=type(error).__name__)

    def _finish(self, webhook: ClaimedWebhook, outcome: DeliveryOutcome, started: float) -> None:
        ended = monotonic()
        result = result_of(
            webhook,
            outcome,
            self._options.schedule,
            started=started,
            ended=ended,
            random=random(),  # noqa: S311
            unhurried=self._limits.is_burdened(webhook.target),
        )
        self._on_result(result)  # first: a failure below must not lose the outcome
        attempts_made.labels(outcome.kind.value).inc()
        log.debug("webhook_attempted", **_ids(webhook), outcome=outcome.kind.value)
        attempt_seconds.observe(ended - started)


def _ids(webhook: ClaimedWebhook) -> dict[str, int | UUID]:
    return {"outbound_webhook_id": webhook.id, "event_id": webhook.event_id}
