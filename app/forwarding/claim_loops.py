"""Claim loops of a worker: claim due webhooks as long as slots are free, else wait."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic

from app.db.engine import Sessions
from app.db.errors import RETRY_SECONDS, in_statement
from app.db.notify import OUTBOUND, POLL_SECONDS, NotifyListener
from app.forwarding.destinations.http.sender import Sender
from app.forwarding.immediate_leases import WEBHOOKS_AT_ONCE, ImmediateLeases, Room
from app.forwarding.min_interval import MinInterval
from app.forwarding.options import ForwardingOptions
from app.forwarding.queue.claims import claim
from app.forwarding.queue.concurrency import ConcurrencyLimits
from app.forwarding.queue.due_bounds import DueBounds
from app.forwarding.queue.due_times import DueTimes
from app.forwarding.queue.leases import release
from app.forwarding.send_tasks import SendTasks
from app.forwarding.webhook import ClaimedWebhook
from app.metrics import claim_batch_webhooks

_CLAIM_SECONDS = 0.003
_CAPPED_SECONDS = 0.5
_CAPPED_AT_LATEST_SECONDS = 2.0
_CAPPED_AT_ONCE = 16
"""Most webhooks of one claim for capped subscribers. Those that fail quickly hold no slot for long,
so the slots alone would let them take the time of this thread from the others."""
_RATE_LIMITED_SECONDS = 0.1  # least time between claims for a subscriber with a rate limit


class ClaimLoops:
    """Two loops that claim webhooks: one for capped subscribers, one for all others."""

    def __init__(
        self,
        sessions: Sessions,
        listener: NotifyListener,
        options: ForwardingOptions,
        limits: ConcurrencyLimits,
        due: DueTimes,
        bounds: Mapping[bool, DueBounds],
        sends: SendTasks,
        *,
        backlog: Callable[[], int],
    ) -> None:
        """Claim into `sends`. `bounds` holds those of the capped subscribers under True.

        `backlog` returns the number of results that are not recorded yet.
        """
        self._sessions = sessions
        self._listener = listener
        self._options = options
        self._limits = limits
        self._due = due
        self._bounds = bounds
        self._sends = sends
        self._backlog = backlog
        self._stopping = False
        self._claiming = 0
        self._capped_wanted = asyncio.Event()
        self._capped_at = 0.0
        self.throttled = False
        """Whether the main loop waits for a free slot."""
        self._has_drained = False
        self._sending: tuple[asyncio.TaskGroup, Sender] | None = None
        self.immediate_leases = ImmediateLeases(self._room, self._send_leased)
        """Leases of webhooks that need no claim, while claims leave nothing that is due."""

    def stop(self) -> None:
        """Make both loops return. The caller wakes the main loop."""
        self._stopping = True
        self._capped_wanted.set()

    async def run(self, group: asyncio.TaskGroup, sender: Sender) -> None:
        """Claim for all but the capped subscribers until `stop`."""
        self._sending = group, sender
        try:
            await self._claim_forever(group, sender)
        finally:
            self._sending = None

    async def _claim_forever(self, group: asyncio.TaskGroup, sender: Sender) -> None:
        interval = MinInterval(_CLAIM_SECONDS)
        while not self._stopping:
            await interval.wait()
            self._sends.dismiss_late()
            await self.release_unsent()
            since_capped = monotonic() - self._capped_at
            late = since_capped > _CAPPED_AT_LATEST_SECONDS  # they come last, but not never
            limit = self._free - (self._limits.free_for_capped if late else 0)
            self.throttled = limit <= 0
            if late:
                self._capped_wanted.set()
            claimed = [] if self.throttled else await self._claim(limit)
            if self._stopping:
                self._sends.unsent.extend(claimed)
                return
            more = self._sends.start(group, sender, claimed)
            if len(claimed) < limit and since_capped > _CAPPED_SECONDS:
                self._capped_wanted.set()
            self._has_drained = len(claimed) < limit and not more
            if self.throttled or self._has_drained:
                await self._wait()

    async def run_capped(self, group: asyncio.TaskGroup, sender: Sender) -> None:
        """Claim for the capped subscribers when the main loop requests it, until `stop`.

        There may be many capped subscribers, and each claim looks at all of them: the claims for
        other subscribers must not wait for it.
        """
        while not self._stopping:
            await self._capped_wanted.wait()
            self._capped_wanted.clear()
            limit = min(self._limits.free_for_capped, self._free, _CAPPED_AT_ONCE)
            if self._stopping or limit <= 0:
                continue
            claimed = await self._claim(limit, capped=True)
            self._capped_at = monotonic()
            if self._stopping:
                self._sends.unsent.extend(claimed)
            elif claimed:
                self._sends.start(group, sender, claimed)
                self._due.add(_CAPPED_SECONDS)

    async def release_unsent(self) -> None:
        """Release the claimed webhooks that were not sent."""
        unsent, self._sends.unsent = self._sends.unsent, []
        if not unsent:
            return
        work = partial(release, webhooks=unsent)
        if await in_statement(self._sessions, "release", work) is None:
            # Released next time; after the last time their leases run out.
            self._sends.unsent += unsent

    @property
    def _free(self) -> int:
        """The number of webhooks that may be claimed, beside those being claimed now."""
        unrecorded = self._options.concurrency - self._backlog()
        return min(self._limits.free, unrecorded) - self._claiming - self.immediate_leases.reserved

    def _room(self) -> Room | None:
        """Return the room for webhooks that are leased as they are made.

        None while a claim has left something that is due: that comes first.
        """
        limit = min(self._free // 2, WEBHOOKS_AT_ONCE)
        if limit <= 0 or self._stopping or self._sending is None or not self._has_drained:
            return None
        return Room(limit, self._limits.room(), self._options.lease)

    def _send_leased(self, webhooks: Sequence[ClaimedWebhook]) -> None:
        if self._stopping or self._sending is None:
            self._sends.unsent.extend(webhooks)
        else:
            self._sends.start_leased(*self._sending, webhooks)

    async def _claim(self, limit: int, *, capped: bool = False) -> Sequence[ClaimedWebhook]:
        work = partial(
            claim,
            capped=capped,
            unproven_limit=self._limits.unproven_limit,
            limit=limit,
            retry_limit=self._limits.free_for_retries,
            busy=self._limits.offer(),
            lease=self._options.lease,
            order_hold=self._options.order_hold,
            resume_rate=self._options.resume_rate,
            bounds=self._bounds[capped].parameters(),
        )
        self._claiming += limit
        try:
            claimed = await in_statement(self._sessions, "claim", work)
        finally:
            self._claiming -= limit
        if claimed is None:
            await asyncio.sleep(RETRY_SECONDS)
            return []
        claim_batch_webhooks.observe(len(claimed))
        # A subscriber with a rate limit gets more as soon as its token bucket has filled a little.
        for rate in {webhook.target.rate for webhook in claimed if webhook.target.rate is not None}:
            self._due.add(max(_RATE_LIMITED_SECONDS, 1.05 / (rate or 1)))
        return claimed

    async def _wait(self) -> None:
        """Wait for a wake-up, for the next known due time or for the next poll."""
        await self._listener.wait(OUTBOUND, self._due.wait_seconds(POLL_SECONDS))
        self._due.remove_past()
