"""What a worker does beside sending: keep its leases, keep waiting webhooks out of the way of claims, end what is temporary."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from time import monotonic

from app.db.engine import Sessions
from app.db.errors import in_transaction
from app.db.scan_bounds import SweepSchedule
from app.forwarding.queue.claims import park, renew, unwind
from app.forwarding.queue.due_bounds import DueBounds
from app.forwarding.subscribers.removal import cancel_pending
from app.forwarding.webhook import ClaimedWebhook

_PARK_SECONDS = 1.0
BOUND_SECONDS = 0.2
CAPPED_BOUND_SECONDS = 2.0


async def park_forever(
    sessions: Sessions, order_hold: timedelta, bounds: DueBounds, capped_bounds: DueBounds
) -> None:
    """Every second until cancelled: park what waits for an earlier event's retry, end the slow release of backlogs, cancel leftovers."""
    leftovers = SweepSchedule()
    while True:
        await asyncio.sleep(_PARK_SECONDS)
        work = partial(park, order_hold=order_hold, bounds=bounds.parameters_with(capped_bounds))
        await in_transaction(sessions, "park", work)
        await in_transaction(sessions, "unwind", unwind)
        if leftovers.is_due():
            started = monotonic()
            cancelled = await in_transaction(sessions, "cancel", cancel_pending)
            leftovers.note(0 if cancelled else monotonic() - started)


async def bound_forever(
    sessions: Sessions, bounds: DueBounds, seconds: float, on_late: Callable[[], None]
) -> None:
    """Move the bounds of claims along until cancelled, `seconds` after the last time.

    `on_late` is called when a sweep found webhooks that claims could not see.
    """
    while True:
        if await in_transaction(sessions, "bound", bounds.move):
            on_late()
        await asyncio.sleep(seconds)


async def renew_forever(
    sessions: Sessions, lease: timedelta, slow: Callable[[float], Sequence[ClaimedWebhook]]
) -> None:
    """Keep the leases of sends that take long, until cancelled. `slow` gives what has been under way for so many seconds.

    A quick send never needs it: three renewals fit into one lease.
    """
    pause = lease.total_seconds() / 3
    while True:
        await asyncio.sleep(pause)
        held = slow(pause / 2)
        if held:
            await in_transaction(sessions, "renew", partial(renew, webhooks=held, lease=lease))
