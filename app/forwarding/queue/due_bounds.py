"""Lower bounds of the scans for due webhooks, two for each subscriber, in the memory of one worker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.scan_bounds import Margin, SweepSchedule
from app.forwarding.queue.array_lookup import look_up

_MARGIN_S = 1.0
_START = datetime(1970, 1, 1, tzinfo=UTC)

SCAN = look_up(
    "scan",
    "CAST(:bound_ids AS uuid[])",
    first_tries="CAST(:bound_first AS timestamptz[])",
    later_tries="CAST(:bound_later AS timestamptz[])",
)
"""A part of a statement: the bounds of subscriber `s`, NULL where it has none. Its parameters are those of DueBounds."""

# What a claim, too, looks for: the first pending webhook of each kind from the bound on, and no later than now.
_FIRST_DUE = """(
    SELECT w.due_at FROM outbound_webhooks w
    WHERE w.subscriber_id = s.id AND w.state = 'pending' AND least(w.attempts + w.excused, 1) = {tries}
      AND w.due_at >= coalesce(scan.{column}, to_timestamp(0)) AND w.due_at <= now()
    ORDER BY w.due_at LIMIT 1)"""
FIRST_DUE = text(f"""
SELECT s.id, now() AS now, {_FIRST_DUE.format(tries=0, column="first_tries")} AS first_tries,
  {_FIRST_DUE.format(tries=1, column="later_tries")} AS later_tries,
  CAST(extract(epoch FROM clock_timestamp() - statement_timestamp()) AS float8) AS took
FROM subscribers s {SCAN}
WHERE s.state = 'active' AND NOT s.feed AND (s.capped_at IS NOT NULL) = CAST(:capped AS boolean)
""")  # noqa: S608 - only our own constants are put in


@dataclass(frozen=True, slots=True)
class Bound:
    """The due times from which claims for one subscriber read: for first tries and for later ones."""

    first_tries: datetime = _START
    later_tries: datetime = _START


class DueBounds:
    """For each active subscriber, of those that are capped or of the others, the due times from which its claims read.

    A bound stays at the first pending webhook that was seen, and a margin behind the database's clock. One
    that becomes pending below its bound is found by a sweep. A subscriber that is not active has no bound,
    so that its backlog is found as soon as it is resumed.
    """

    def __init__(self, *, capped: bool = False) -> None:
        """Begin without any bound, for the subscribers that are `capped` or for those that are not."""
        self._capped = capped
        self._bounds: dict[UUID, Bound] = {}
        self._margin = Margin(_MARGIN_S)
        self._sweeps = SweepSchedule()

    def parameters(self) -> dict[str, Any]:
        """Return the bounds as the parameters of a statement."""
        return _parameters(self._bounds)

    def parameters_with(self, others: "DueBounds") -> dict[str, Any]:
        """Return these bounds and those of other subscribers as the parameters of a statement."""
        return _parameters({**others._bounds, **self._bounds})

    async def move(self, session: AsyncSession) -> bool:
        """Move the bounds up to what is pending now, or sweep when that is due. Never commits.

        Returns whether a sweep found a webhook that claims could not see.
        """
        sweep = self._sweeps.is_due()
        if sweep:
            self._sweeps.begin()
        rows = (
            await session.execute(
                FIRST_DUE, {"capped": self._capped, **(NO_BOUNDS if sweep else self.parameters())}
            )
        ).all()
        late = [moment for row in rows for moment in self._late(row)]
        if sweep:
            self._sweeps.note(max((row.took for row in rows), default=0.0))
        if late:
            self._margin.note_late((rows[0].now - min(late)).total_seconds())
        self._learn(rows)
        return bool(late)

    def _late(self, row: Row[Any]) -> list[datetime]:
        bound = self._bounds.get(row.id, Bound())
        pairs = ((row.first_tries, bound.first_tries), (row.later_tries, bound.later_tries))
        return [found for found, least in pairs if found is not None and found < least]

    def _learn(self, rows: Sequence[Row[Any]]) -> None:
        self._bounds = {}
        for row in rows:
            most = row.now - timedelta(seconds=self._margin.seconds)
            self._bounds[row.id] = Bound(
                min(row.first_tries or most, most), min(row.later_tries or most, most)
            )


def _parameters(bounds: Mapping[UUID, Bound]) -> dict[str, Any]:
    ids = sorted(bounds)
    return {
        "bound_ids": ids,
        "bound_first": [bounds[subscriber_id].first_tries for subscriber_id in ids],
        "bound_later": [bounds[subscriber_id].later_tries for subscriber_id in ids],
    }


NO_BOUNDS: Mapping[str, Any] = _parameters({})
"""Parameters of a statement that reads from the start."""
