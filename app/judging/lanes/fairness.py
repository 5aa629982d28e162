"""Fairness between the orders of a lane: one order with many calls does not delay the others."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.db.driver.direct import Statements
from app.judging import sql
from app.judging.sql import UnjudgedNotice
from app.zeus.wire import order_no_of

CROWDED_FROM = 16
"""Notices of one order in one batch of a lane that make the order crowded."""
LOOK_AHEAD = 512
"""Notices after a crowded order that are read in one batch."""


@dataclass(slots=True)
class _Crowded:
    """A lane with crowded orders, and the place up to which later notices were read."""

    orders: set[str] = field(default_factory=set)
    after: UUID | None = None


class Fairness:
    """Finds notices of other orders behind a crowded one, so that each batch of a lane has both.

    Notices of one order keep their sequence: a crowded order's are taken only from the head of the
    lane, and all others that were passed have been taken. Call `restart` after a batch that was not
    judged whole.
    """

    def __init__(self) -> None:
        self._crowded: dict[int, _Crowded] = {}

    def restart(self) -> None:
        """Begin again at the head of each lane."""
        self._crowded.clear()

    async def behind_crowded(
        self, session: Statements, heads: Sequence[UnjudgedNotice], limit: int
    ) -> list[UnjudgedNotice]:
        """Return notices of other orders that follow the crowded ones in `heads`.

        `heads` holds at most `limit` notices of each lane.
        """
        by_lane: dict[int, list[UnjudgedNotice]] = defaultdict(list)
        for notice in heads:
            by_lane[notice.lane].append(notice)
        found: list[UnjudgedNotice] = []
        for lane, head in by_lane.items():
            if crowded := self._observe(lane, head, limit):
                found += await self._behind(session, lane, head[-1].id, crowded)
        return found

    def _observe(self, lane: int, head: Sequence[UnjudgedNotice], limit: int) -> _Crowded | None:
        counts = (
            Counter(_order_no(notice) for notice in head) if len(head) == limit else Counter[str]()
        )
        crowded_orders = {order_no for order_no, count in counts.items() if count >= CROWDED_FROM}
        if not crowded_orders:
            self._crowded.pop(lane, None)
            return None
        crowded = self._crowded.setdefault(lane, _Crowded())
        crowded.orders |= crowded_orders
        return crowded

    async def _behind(
        self, session: Statements, lane: int, head: UUID, crowded: _Crowded
    ) -> list[UnjudgedNotice]:
        after = max(head, crowded.after or head)
        page = await sql.unjudged_after(session, lane, after, LOOK_AHEAD)
        # Begin again at the end: a notice with a smaller id may have been committed meanwhile.
        crowded.after = page[-1].id if len(page) == LOOK_AHEAD else None
        return [notice for notice in page if _order_no(notice) not in crowded.orders]


def _order_no(notice: UnjudgedNotice) -> str:
    return order_no_of(notice.target.partition(b"?")[2], notice.body)
