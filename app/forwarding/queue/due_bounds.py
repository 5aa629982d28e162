"""Lower bounds of the scans for due webhooks, two per subscriber, in the memory of a worker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.scan_bounds import Margin, SweepSchedule
from app.forwarding.queue.array_lookup import array_parameter, array_text, look_up

_MARGIN_S = 1.0
_START = datetime(1970, 1, 1, tzinfo=UTC)

FIRST_ATTEMPT = "least(w.attempts + w.excused, 1) = 0"
"""SQL condition that webhook `w` was not attempted yet, written as the index of due webhooks is."""
RETRY = "least(w.attempts + w.excused, 1) = 1"
"""SQL condition that webhook `w` was attempted before, written as the index of due webhooks is."""
OF_SUBSCRIBER = "w.subscriber_id = s.id AND w.state = 'pending'"
"""SQL condition that `w` is a pending webhook of subscriber `s`."""

SCAN = look_up(
    "scan",
    array_parameter("bound_ids", "uuid"),
    first_attempts=array_parameter("bound_first_attempts", "timestamptz"),
    retries=array_parameter("bound_retries", "timestamptz"),
)
"""FROM item with the bounds of subscriber `s`, NULL where it has none; parameters of DueBounds."""

# A database's clock that was set back lowers both.
FIRST_ATTEMPTS_FROM = (
    "least(coalesce(scan.first_attempts, to_timestamp(0)), now() - interval '1 s')"
)
"""SQL expression of the due time from which to read first attempts; needs SCAN."""
RETRIES_FROM = "least(coalesce(scan.retries, to_timestamp(0)), now() - interval '1 s')"
"""SQL expression of the due time from which to read retries; needs SCAN."""


def _first_due(attempted: str, column: str) -> str:
    """Return the SQL of the earliest due time of one kind from the bound on, as a claim sees it."""
    return f"""(
    SELECT w.due_at FROM outbound_webhooks w
    WHERE {OF_SUBSCRIBER} AND {attempted}
      AND w.due_at >= coalesce(scan.{column}, to_timestamp(0)) AND w.due_at <= now()
    ORDER BY w.due_at LIMIT 1)"""  # noqa: S608 - only our own constants are put in


FIRST_DUE = text(f"""
SELECT s.id, now() AS now, {_first_due(FIRST_ATTEMPT, "first_attempts")} AS first_attempts,
  {_first_due(RETRY, "retries")} AS retries,
  CAST(extract(epoch FROM clock_timestamp() - statement_timestamp()) AS float8) AS took
FROM subscribers s {SCAN}
WHERE s.state = 'active' AND NOT s.feed AND (s.capped_at IS NOT NULL) = CAST(:capped AS boolean)
""")  # noqa: S608 - only our own constants are put in


@dataclass(frozen=True, slots=True)
class Bound:
    """Due times from which claims for one subscriber read."""

    first_attempts: datetime = _START
    retries: datetime = _START


class DueBounds:
    """Bounds of each active subscriber, either of the capped ones or of the others.

    A bound stays at the first pending webhook seen, and a margin behind the database's clock. A
    sweep finds a webhook that becomes pending below its bound. A subscriber that is not active has
    no bound, so a claim finds its backlog as soon as it is resumed.
    """

    def __init__(self, *, capped: bool = False) -> None:
        """Begin without bounds, for the subscribers that are `capped` or for those that are not."""
        self._capped = capped
        self._bounds: dict[UUID, Bound] = {}
        self._margin = Margin(_MARGIN_S)
        self._sweeps = SweepSchedule()
        self._parameters: dict[str, Any] | None = None
        self.is_used = False
        """Whether a statement has read with these bounds since they were moved."""

    def parameters(self) -> dict[str, Any]:
        """Return the bounds as the parameters of a statement."""
        self.is_used = True
        if self._parameters is None:
            self._parameters = _parameters(self._bounds)
        return self._parameters

    def parameters_with(self, others: "DueBounds") -> dict[str, Any]:
        """Return these bounds and those of other subscribers as the parameters of a statement."""
        self.is_used = others.is_used = True
        return _parameters({**others._bounds, **self._bounds})

    async def move(self, session: AsyncSession) -> bool:
        """Move the bounds up to what is pending now, or sweep when a sweep is due. Never commit.

        Return whether a sweep found a webhook that claims could not see.
        """
        sweep = self._sweeps.is_due()
        if sweep:
            self._sweeps.begin()
        bounds = NO_BOUNDS if sweep else self.parameters()
        rows = (await session.execute(FIRST_DUE, {"capped": self._capped, **bounds})).all()
        late = [moment for row in rows for moment in self._late(row)]
        if sweep:
            self._sweeps.note(max((row.took for row in rows), default=0.0))
        if late:
            self._margin.note_late((rows[0].now - min(late)).total_seconds())
        self._keep(rows)
        self.is_used = False
        return bool(late)

    def _late(self, row: Row[Any]) -> list[datetime]:
        """Return the due times of `row` that lie below the subscriber's bounds."""
        bound = self._bounds.get(row.id, Bound())
        pairs = ((row.first_attempts, bound.first_attempts), (row.retries, bound.retries))
        return [found for found, least in pairs if found is not None and found < least]

    def _keep(self, rows: Sequence[Row[Any]]) -> None:
        """Replace the bounds with those that `rows` allow."""
        self._bounds, self._parameters = {}, None
        for row in rows:
            most = row.now - timedelta(seconds=self._margin.seconds)
            self._bounds[row.id] = Bound(
                min(row.first_attempts or most, most), min(row.retries or most, most)
            )


def _parameters(bounds: Mapping[UUID, Bound]) -> dict[str, Any]:
    ids = sorted(bounds)
    return {
        "bound_ids": array_text(ids),
        "bound_first_attempts": array_text(
            bounds[subscriber_id].first_attempts for subscriber_id in ids
        ),
        "bound_retries": array_text(bounds[subscriber_id].retries for subscriber_id in ids),
    }


NO_BOUNDS: Mapping[str, Any] = _parameters({})
"""Parameters of a statement that reads from the start."""
