"""Background jobs of a worker: renew leases, park webhooks, move scan bounds, clean up."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from time import monotonic

from app.db.engine import Sessions
from app.db.errors import in_transaction
from app.db.scan_bounds import SweepSchedule
from app.forwarding.queue.claims import unwind
from app.forwarding.queue.due_bounds import DueBounds
from app.forwarding.queue.leases import renew
from app.forwarding.queue.order_sequence import park
from app.forwarding.subscribers.removal import cancel_pending
from app.forwarding.webhook import ClaimedWebhook

_PARK_SECONDS = 1.0
BOUND_SECONDS = 0.2
CAPPED_BOUND_SECONDS = 2.0
_UNUSED_SECONDS = 1.0


async def park_forever(
    sessions: Sessions, order_hold: timedelta, bounds: DueBounds, capped_bounds: DueBounds
) -> None:
    """Park, end slow releases and cancel webhooks of removed subscribers, every second.

    Return only when cancelled.
    """
    cleanups = SweepSchedule()
    while True:
        await asyncio.sleep(_PARK_SECONDS)
        work = partial(park, order_hold=order_hold, bounds=bounds.parameters_with(capped_bounds))
        await in_transaction(sessions, "park", work)
        await in_transaction(sessions, "unwind", unwind)
        if cleanups.is_due():
            started = monotonic()
            cancelled = await in_transaction(sessions, "cancel", cancel_pending)
            cleanups.note(0 if cancelled else monotonic() - started)


async def bound_forever(
    sessions: Sessions, bounds: DueBounds, seconds: float, on_late: Callable[[], None]
) -> None:
    """Move `bounds` along every `seconds`, or less often while nobody reads with them.

    Return only when cancelled. `on_late` is called when a sweep found webhooks that claims could
    not see.
    """
    moved_at = float("-inf")
    while True:
        if bounds.is_used or monotonic() - moved_at >= _UNUSED_SECONDS:
            if await in_transaction(sessions, "bound", bounds.move):
                on_late()
            moved_at = monotonic()
        await asyncio.sleep(seconds)


async def renew_forever(
    sessions: Sessions, lease: timedelta, slow: Callable[[float], Sequence[ClaimedWebhook]]
) -> None:
    """Renew the leases of slow sends. Return only when cancelled.

    `slow` returns the webhooks claimed more than so many seconds ago. A quick send needs no
    renewal: three renewals fit into one lease.
    """
    pause = lease.total_seconds() / 3
    while True:
        await asyncio.sleep(pause)
        held = slow(pause / 2)
        if held:
            await in_transaction(sessions, "renew", partial(renew, webhooks=held, lease=lease))
