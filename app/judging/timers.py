"""Timers: what follows when no call comes. Passed deadlines, overdue confirmations, second looks.

All times are the database's. Nothing is kept but the orders themselves, so nothing is lost while no
worker runs.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import CLOCK_TOLERANCE, now
from app.db.checks.clock_guard import read_clocks
from app.db.driver.direct import finds_any
from app.db.engine import Sessions
from app.db.lanes import lane_of
from app.db.notify import NOTICES
from app.db.tables.orders import AWAITING, PROVISIONAL
from app.judging import sql
from app.judging.batch import write
from app.judging.event_data import Cause, Source
from app.judging.outcome import JudgedBatch
from app.judging.policy import Policy
from app.judging.surroundings import lock_purchases, read_surroundings
from app.logs import get_logger
from app.metrics import events_created
from app.order_life.change import OrderChange
from app.order_life.consequences import find_overdue, presume_expiry, recheck
from app.order_life.order_state import KnownOrder
from app.order_life.relatives import Purchases, applications_of

BATCH = 100
"""Orders at most whose timers are handled in one transaction."""


class DueTimer(StrEnum):
    """What is due for an order."""

    EXPIRY = "expiry"
    OVERDUE = "overdue"
    RECHECK = "recheck"


# Each part reads the oldest due rows from the end of an index. A deadline is a day in Japan in
# Zeus's form, which sorts as text; it is over at midnight.
DUE = text(f"""
(SELECT '{DueTimer.EXPIRY}' AS timer, order_no FROM orders
 WHERE {AWAITING}
   AND pay_limit < to_char((now() - CAST(:grace AS interval)) AT TIME ZONE 'Asia/Tokyo', 'YYYYMMDD')
 ORDER BY pay_limit, order_no LIMIT {BATCH})
UNION ALL
(SELECT '{DueTimer.OVERDUE}', order_no FROM orders
 WHERE {PROVISIONAL} AND COALESCE(paid_at, updated_at) <= now() - CAST(:due AS interval)
 ORDER BY COALESCE(paid_at, updated_at), order_no LIMIT {BATCH})
UNION ALL
(SELECT '{DueTimer.RECHECK}', order_no FROM reviews WHERE recheck ORDER BY id LIMIT {BATCH})
""")  # noqa: S608 - only our own constants are put in
"""Due timers, the oldest of each kind first."""
_CLEAR_RECHECK = text("""
UPDATE reviews SET recheck = false WHERE recheck AND order_no = ANY (CAST(:order_nos AS text[]))
""")

log = get_logger("judging")


@dataclass(frozen=True, slots=True)
class TimerOptions:
    """How long silence lasts until something follows from it, and how orders are judged."""

    expiry_grace: timedelta = timedelta(hours=24)
    confirmation_due: timedelta = timedelta(days=10)
    policy: Policy = field(default_factory=Policy)
    first_wait: timedelta = timedelta(0)


class Timers:
    """Makes what is due, once. Any number may run: they share the locks of judging."""

    def __init__(
        self,
        sessions: Sessions,
        options: TimerOptions,
        on_events: Callable[[], None],
        *,
        clock: Callable[[], datetime] = now,
    ) -> None:
        """`on_events` is called after a commit with events. `clock` is this process's."""
        self._sessions = sessions
        self._options = options
        self._on_events = on_events
        self._clock = clock
        self._stopped = False
        self._parameters = {"grace": options.expiry_grace, "due": options.confirmation_due}

    async def run_batch(self) -> int:
        """Handle the oldest due timers, and return how many were handled.

        Orders that are judged at this moment, and those of a lane with unjudged notices, are left
        for later: a call decides more than silence. Nothing happens while clocks disagree.
        """
        if not await finds_any(self._sessions, DUE, self._parameters):
            return 0
        async with self._sessions.begin() as session:
            if not await self._has_right_time(session):
                return 0
        async with self._sessions.begin() as session:
            due = await self._due(session)
            lanes = await sql.lock_idle_lanes(session, {lane_of(order_no) for _, order_no in due})
            # Once more, since only the locks keep these orders as they are.
            due = [one for one in await self._due(session) if lane_of(one[1]) in lanes]
            outcome = await self._outcome(session, due)
            await write(session, outcome, self._options.first_wait)
            await session.execute(text(f"NOTIFY {NOTICES}"))  # for judges that passed over a lane
        for event_type, count in Counter(row["type"] for row in outcome.events).items():
            events_created.labels(event_type).inc(count)
        if outcome.events:
            self._on_events()
        return len(due)

    async def _due(self, session: AsyncSession) -> list[tuple[DueTimer, str]]:
        rows = await session.execute(DUE, self._parameters)
        return [(DueTimer(row.timer), row.order_no) for row in rows]

    async def _outcome(
        self, session: AsyncSession, due: Collection[tuple[DueTimer, str]]
    ) -> JudgedBatch:
        outcome = JudgedBatch()
        order_nos = sorted({order_no for _, order_no in due})
        if not order_nos:
            return outcome
        outcome.orders = await sql.known_orders(session, order_nos)
        purchases = await self._purchases_of(session, outcome.orders.values())
        rechecked = [order_no for timer, order_no in due if timer is DueTimer.RECHECK]
        for timer, order_no in due:
            order = outcome.orders[order_no]
            change = OrderChange(order, related=purchases.relatives_of(order))
            self._apply(timer, change)
            if change.events:
                outcome.add_change(change, Cause(Source.TIMER))
                purchases.note(change.order)
        if rechecked:
            await session.execute(_CLEAR_RECHECK, {"order_nos": rechecked})
        return outcome

    async def _purchases_of(self, session: AsyncSession, orders: Iterable[KnownOrder]) -> Purchases:
        """Return the relatives of these orders. No payment of them is judged meanwhile."""
        known = list(orders)
        purchases = self._options.policy.purchases_of(order.values for order in known)
        applications = applications_of(known)
        await lock_purchases(session, [*purchases, *applications])
        return (await read_surroundings(session, purchases, (), (), applications)).purchases

    def _apply(self, timer: DueTimer, change: OrderChange) -> None:
        match timer:
            case DueTimer.EXPIRY:
                presume_expiry(change)
            case DueTimer.OVERDUE:
                find_overdue(change)
            case DueTimer.RECHECK:
                recheck(change, self._options.policy.release_on)

    async def _has_right_time(self, session: AsyncSession) -> bool:
        apart = (await read_clocks(session, self._clock)).apart
        was_stopped, self._stopped = self._stopped, apart > CLOCK_TOLERANCE
        if self._stopped and not was_stopped:
            log.error("timers_stopped", seconds_apart=round(apart.total_seconds()))
        return not self._stopped
