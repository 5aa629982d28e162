"""The delivery engine: claims what is due, sends it, and has the outcome recorded, until it is told to stop."""

import asyncio
import traceback
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import random
from time import monotonic
from uuid import UUID

from app.crypto.vault import KeyMissing, Vault
from app.db.engine import Sessions
from app.db.errors import RETRY_SECONDS, autocommitting, in_transaction
from app.db.notify import OUTBOUND, POLL_SECONDS, NotifyListener
from app.forwarding.attempts.retry import result_of
from app.forwarding.attempts.sql import AttemptResult, Recorded
from app.forwarding.attempts.writer import AttemptWriter
from app.forwarding.destinations.credentials import CredentialCache, NoSecret
from app.forwarding.destinations.http.sender import Sender
from app.forwarding.min_interval import Pace
from app.forwarding.options import ForwardingOptions
from app.forwarding.outcome import DeliveryOutcome, OutcomeKind
from app.forwarding.queue.claims import claim, release
from app.forwarding.queue.concurrency import HANGING_S, ConcurrencyLimits, ends_ahead
from app.forwarding.queue.due_bounds import DueBounds
from app.forwarding.queue.due_times import DueTimes
from app.forwarding.queue.lease_keeper import (
    BOUND_SECONDS,
    CAPPED_BOUND_SECONDS,
    bound_forever,
    park_forever,
    renew_forever,
)
from app.forwarding.queue.send_slots import SendSlots
from app.forwarding.recovery_jobs import recover_forever
from app.forwarding.webhook import ClaimedWebhook
from app.logs import get_logger
from app.metrics import (
    attempt_seconds,
    attempts_made,
    claim_batch_webhooks,
    sends_capped,
    sends_hanging,
    sends_in_flight,
)

_CLAIM_SECONDS = 0.003
_CAPPED_SECONDS = 0.5
_CAPPED_AT_LATEST_SECONDS = 2.0
_REST_SECONDS = 2.0
_PACED_SECONDS = 0.1  # between claims for a subscriber that may not get all at once
_REMEMBERED_WAIT_S = 60.0  # what is due later than this is found by polling

log = get_logger("forwarding")


@dataclass(eq=False, slots=True)
class _Send:
    """A claimed webhook on its way. `started` is when its attempt began, `kind` how that ended, `hangs` whether it takes long."""

    webhook: ClaimedWebhook
    claimed_at: float = field(default_factory=monotonic)
    started: float = field(default_factory=monotonic)
    kind: OutcomeKind | None = None
    hangs: bool = False


class Forwarder:
    """Delivers outbound webhooks. Any number of these, in any number of processes, share the work."""

    def __init__(
        self, sessions: Sessions, vault: Vault, listener: NotifyListener, options: ForwardingOptions
    ) -> None:
        """`listener` must know the channel OUTBOUND; somebody else runs it. Up to eight connections of `sessions` are used at once."""
        self._transactions = sessions
        self._sessions = autocommitting(sessions)  # nearly whatever is done here is one statement
        self._keyring = CredentialCache(vault)
        self._listener = listener
        self._options = options
        self._rooms = ConcurrencyLimits(options.concurrency)
        self._turns = SendSlots()
        self._bounds = {capped: DueBounds(capped=capped) for capped in (False, True)}
        self._recorder = AttemptWriter(
            self._sessions, pause_after=options.pause_after, on_recorded=self._recorded
        )
        self._stopping = False
        self._throttled = False
        self._sends: dict[asyncio.Task[None], _Send] = {}
        self._claiming = 0
        self._capped_wanted = asyncio.Event()
        self._capped_at = 0.0
        self._unsent: list[ClaimedWebhook] = []
        self._due = DueTimes()

    def stop(self) -> None:
        """Claim nothing more; `run` returns when what is under way has ended."""
        self._stopping = True
        self._capped_wanted.set()
        self._listener.wake(OUTBOUND)

    async def run(self) -> None:
        """Deliver until `stop`. If a part of it dies, everything is cancelled and its exception raised; the leases run out then.

        The order of stopping: no more claims, then the sends under way end (in `stop_s` at most), then their outcomes are recorded,
        then what was claimed and not sent is given back.
        """
        sender = Sender(
            networks=self._options.networks,
            allow_http=self._options.allow_http,
            limits=self._options.limits,
            tls=self._options.tls,
            lookup=self._options.lookup,
            lookup_limits=self._options.lookup_limits,
            trust=self._options.trust,
            proxy=self._options.proxy,
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._recorder.run())
                renewing = group.create_task(
                    renew_forever(self._sessions, self._options.lease, self._slow)
                )
                background = [group.create_task(job) for job in self._background_jobs()]
                capped = group.create_task(self._claim_capped_until_stopped(group, sender))
                await self._claim_until_stopped(group, sender)
                await capped
                for task in background:
                    task.cancel()
                await self._end_sends()
                renewing.cancel()
                self._recorder.finish()
            await self._give_back()
        finally:
            await sender.close()

    def _background_jobs(self) -> list[Coroutine[None, None, None]]:
        usual, capped = self._bounds[False], self._bounds[True]
        return [
            park_forever(self._sessions, self._options.order_hold, usual, capped),
            bound_forever(self._sessions, usual, BOUND_SECONDS, self._wake),
            bound_forever(self._sessions, capped, CAPPED_BOUND_SECONDS, self._wake),
            recover_forever(self._transactions),
        ]

    async def _claim_until_stopped(self, group: asyncio.TaskGroup, sender: Sender) -> None:
        pace = Pace(_CLAIM_SECONDS)
        while not self._stopping:
            await pace.turn()
            self._turns.send_late_away()
            await self._give_back()
            since_capped = monotonic() - self._capped_at
            late = since_capped > _CAPPED_AT_LATEST_SECONDS  # they come last, but not never
            room = self._free - (self._rooms.free_capped if late else 0)
            self._throttled = room <= 0
            if late:
                self._capped_wanted.set()
            claimed = [] if self._throttled else await self._claim(room)
            if self._stopping:
                self._unsent.extend(claimed)
                return
            more = self._begin(group, sender, claimed)
            if len(claimed) < room and since_capped > _CAPPED_SECONDS:
                self._capped_wanted.set()
            if self._throttled or (len(claimed) < room and not more):
                await self._wait()

    async def _claim_capped_until_stopped(self, group: asyncio.TaskGroup, sender: Sender) -> None:
        """Claim for the capped subscribers when that is wanted, beside the claims for the others.

        There may be many, and each claim looks at all of them: nobody else should wait for it.
        """
        while not self._stopping:
            await self._capped_wanted.wait()
            self._capped_wanted.clear()
            room = min(self._rooms.free_capped, self._free)
            if self._stopping or room <= 0:
                continue
            claimed = await self._claim(room, capped=True)
            self._capped_at = monotonic()
            if self._stopping:
                self._unsent.extend(claimed)
            elif claimed:
                self._begin(group, sender, claimed)
                self._due.remember(_CAPPED_SECONDS)

    @property
    def _free(self) -> int:
        """How many webhooks may be claimed, beside what is being claimed now."""
        return (
            min(self._rooms.free, self._options.concurrency - self._recorder.backlog)
            - self._claiming
        )

    def _begin(
        self, group: asyncio.TaskGroup, sender: Sender, claimed: Sequence[ClaimedWebhook]
    ) -> bool:
        """Have the claimed webhooks sent. Returns whether another claim could find more at once."""
        more = self._rooms.enter(claimed)
        self._show_in_flight()
        for webhook in claimed:
            send = _Send(webhook)
            task = group.create_task(self._send(sender, send))
            self._sends[task] = send
            task.add_done_callback(self._sends.pop)
        return more

    async def _claim(self, room: int, *, capped: bool = False) -> Sequence[ClaimedWebhook]:
        work = partial(
            claim,
            capped=capped,
            unproven=self._rooms.unproven,
            room=room,
            again_room=self._rooms.free_again,
            busy=self._rooms.offer(),
            lease=self._options.lease,
            order_hold=self._options.order_hold,
            resume_rate=self._options.resume_rate,
            bounds=self._bounds[capped].parameters(),
        )
        self._claiming += room
        try:
            claimed = await in_transaction(self._sessions, "claim", work)
        finally:
            self._claiming -= room
        if claimed is None:
            await asyncio.sleep(RETRY_SECONDS)
            return []
        claim_batch_webhooks.observe(len(claimed))
        for rate in {webhook.target.rate for webhook in claimed} - {
            None
        }:  # its bucket will have filled a little by then
            self._due.remember(max(_PACED_SECONDS, 1.05 / (rate or 1)))
        return claimed

    async def _wait(self) -> None:
        """Until a wake-up, the next known due time or the poll."""
        await self._listener.wait(OUTBOUND, self._due.wait_seconds(POLL_SECONDS))
        self._due.forget_past()

    async def _send(self, sender: Sender, send: _Send) -> None:
        webhook = send.webhook
        try:
            if not await self._turns.take(webhook.target) or not await self._send_in_turn(
                sender, send
            ):
                self._unsent.append(webhook)
        except asyncio.CancelledError:
            self._unsent.append(webhook)
            raise
        finally:
            if (
                self._rooms.leave(webhook, send.kind, monotonic() - send.started, hung=send.hangs)
                or send.kind is None
            ):
                self._listener.wake(OUTBOUND)

    async def _send_in_turn(self, sender: Sender, send: _Send) -> bool:
        """Send it, and give the turn to the next. Returns False when it was not sent, because this process has no room for its look-up."""
        webhook, outcome = send.webhook, None
        try:
            if await sender.ready(webhook):
                outcome = await self._send_now(sender, send)
                self._finish(webhook, outcome, send.started)
        finally:
            self._turns.over(webhook.target)
        if outcome is None:
            self._rest(webhook)
            return False
        send.kind = outcome.kind
        if ends_ahead(outcome.kind, monotonic() - send.started):
            self._turns.send_away(webhook.target.subscriber_id)
        return True

    async def _send_now(self, sender: Sender, send: _Send) -> DeliveryOutcome:
        """Make the attempt, whose time begins now."""
        send.started = monotonic()
        hanging = asyncio.get_running_loop().call_later(HANGING_S, self._note_hanging, send)
        try:
            return await self._attempt(sender, send.webhook)
        finally:
            hanging.cancel()

    def _note_hanging(self, send: _Send) -> None:
        send.hangs = True
        self._rooms.hang(send.webhook)
        self._show_in_flight()
        if self._throttled:
            self._listener.wake(OUTBOUND)

    def _rest(self, webhook: ClaimedWebhook) -> None:
        """Leave a subscriber alone for some seconds: others' look-ups take all the threads that its name may have."""
        seconds = _REST_SECONDS * (1 + random())  # noqa: S311  (jitter)
        self._rooms.rest(webhook, seconds)
        self._turns.send_away(webhook.target.subscriber_id)
        self._due.remember(seconds)

    def _show_in_flight(self) -> None:
        sends_in_flight.set(self._turns.under_way)
        sends_hanging.set(self._rooms.hanging)
        sends_capped.set(self._rooms.capped)

    async def _attempt(self, sender: Sender, webhook: ClaimedWebhook) -> DeliveryOutcome:
        try:
            return await sender.send(
                webhook,
                self._keyring.keys_of(webhook.target),
                self._keyring.connection_options_for(webhook.target),
            )
        except (KeyMissing, NoSecret) as error:
            log.error(
                "cannot_sign",
                **_ids(webhook),
                subscriber_id=str(webhook.target.subscriber_id),
                error=str(error),
            )
            return DeliveryOutcome(OutcomeKind.OWN_SIDE, excerpt=str(error))
        except (
            Exception
        ) as error:  # one webhook that cannot be sent must not end the delivery of all others
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
        )
        self._recorder.put(
            result
        )  # first of all: nothing that fails below may lose what was answered
        attempts_made.labels(outcome.kind.value).inc()
        log.debug("webhook_attempted", **_ids(webhook), outcome=outcome.kind.value)
        attempt_seconds.observe(ended - started)

    def _recorded(self, results: Sequence[AttemptResult], recorded: Recorded) -> None:
        self._show_in_flight()
        if any(result.outcome is OutcomeKind.GONE for result in results):
            self._rooms.reopen()
        waits = [result.wait.total_seconds() for result in results if result.wait is not None]
        for seconds in waits:
            if seconds < _REMEMBERED_WAIT_S:
                self._due.remember(seconds)
        # A wait that is shorter than the poll has to shorten the pause that the claims may be in.
        if (
            recorded.awaited
            or recorded.signalled
            or self._throttled
            or (waits and min(waits) < POLL_SECONDS)
        ):
            self._listener.wake(OUTBOUND)

    def _wake(self) -> None:
        """Claim again: more is due than the last claim could see."""
        self._listener.wake(OUTBOUND)

    def _slow(self, seconds: float) -> Sequence[ClaimedWebhook]:
        started_before = monotonic() - seconds
        return [send.webhook for send in self._sends.values() if send.claimed_at < started_before]

    async def _end_sends(self) -> None:
        self._turns.send_away()
        if not self._sends:
            return
        _, late = await asyncio.wait(self._sends, timeout=self._options.stop_s)
        for task in late:
            task.cancel()
        if late:
            log.warning("sends_cut_off", webhooks=len(late))
            await asyncio.wait(late)

    async def _give_back(self) -> None:
        unsent, self._unsent = self._unsent, []
        if (
            unsent
            and await in_transaction(self._sessions, "release", partial(release, webhooks=unsent))
            is None
        ):
            self._unsent += (
                unsent  # for the next time; after the last one their leases run out by themselves
            )


def _ids(webhook: ClaimedWebhook) -> dict[str, int | UUID]:
    return {"outbound_webhook_id": webhook.id, "event_id": webhook.event_id}
