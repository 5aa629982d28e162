"""Fairness between the orders of a lane: many calls of one order do not keep the others waiting."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.judging import sql
from app.judging.sql import UnjudgedNotice
from app.zeus.wire import order_no_of

CROWD = 16
"""Notices of one order in one batch of a lane that make it a crowd."""
LOOK_AHEAD = 512
"""Notices behind a crowd that are looked through in one batch."""


@dataclass(slots=True)
class _Crowded:
    """A lane with crowds: the orders that make them, and how far the notices behind them were looked through."""

    orders: set[str] = field(default_factory=set)
    after: UUID | None = None


class Fairness:
    """Finds notices of other orders behind a crowd, so that each batch of a lane has some of both.

    The notices of one order keep their sequence: those of a crowd are taken from the head of the lane only,
    and all others that were passed have been taken. After a batch that was not judged whole, call `forget`.
    """

    def __init__(self) -> None:
        self._crowded: dict[int, _Crowded] = {}

    def forget(self) -> None:
        """Begin anew at the head of each lane."""
        self._crowded.clear()

    async def behind_crowds(
        self, session: AsyncSession, heads: Sequence[UnjudgedNotice], limit: int
    ) -> list[UnjudgedNotice]:
        """Return notices of other orders from behind the crowds in `heads`, which hold at most `limit` of each lane."""
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
        crowds = {order_no for order_no, count in counts.items() if count >= CROWD}
        if not crowds:
            self._crowded.pop(lane, None)
            return None
        crowded = self._crowded.setdefault(lane, _Crowded())
        crowded.orders |= crowds
        return crowded

    async def _behind(
        self, session: AsyncSession, lane: int, head: UUID, crowded: _Crowded
    ) -> list[UnjudgedNotice]:
        after = max(head, crowded.after or head)
        page = await sql.unjudged_after(session, lane, after, LOOK_AHEAD)
        # At the end begin anew: a notice with a smaller id may have been committed meanwhile.
        crowded.after = page[-1].id if len(page) == LOOK_AHEAD else None
        return [notice for notice in page if _order_no(notice) not in crowded.orders]


def _order_no(notice: UnjudgedNotice) -> str:
    return order_no_of(notice.target.partition(b"?")[2], notice.body)
