"""Clock guard: a comparison of clocks before erasure and pruning.

The clocks of this process, of the database and of recorded rows must agree.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import CLOCK_TOLERANCE

LONGEST_GAP = timedelta(days=1)
"""Longest normal gap since the last pass.

After a longer gap, the clocks may have jumped together, or no process ran.
"""
PATIENCE = timedelta(days=3)
"""Time for which such a gap stops erasure, by the monotonic clock of one process."""

# A judged notice counts by judged_at, the database's clock: a receiver's wrong clock stops nothing.
_READ = text("""
SELECT clock_timestamp() AS at,
  (SELECT max(coalesce(judged_at, received_at)) FROM (
     SELECT judged_at, received_at FROM notices ORDER BY id DESC LIMIT 100) AS newest) AS newest,
  (SELECT updated_at FROM housekeeping_marks WHERE name = 'last_pass') AS last_pass
""")
_KEEP = text("""
INSERT INTO housekeeping_marks (name, position, updated_at)
VALUES ('last_pass', '', clock_timestamp())
ON CONFLICT (name) DO UPDATE SET updated_at = clock_timestamp()
""")


@dataclass(frozen=True, slots=True)
class Clocks:
    """One reading of all clocks.

    The database's clock was read between `before` and `after` of this process's clock.
    """

    before: datetime
    database: datetime
    after: datetime
    newest: datetime | None
    """Newest time in the latest notices; None without notices."""
    last_pass: datetime | None
    """Start of the last pass with clocks that agreed; None for never."""

    @property
    def apart(self) -> timedelta:
        """Return the smallest possible difference between the process and the database."""
        return max(self.before - self.database, self.database - self.after, timedelta(0))


async def read_clocks(session: AsyncSession, clock: Callable[[], datetime]) -> Clocks:
    """Return a reading of all clocks; `clock` is that of this process."""
    before = clock()
    row = (await session.execute(_READ)).one()
    return Clocks(before, row.at, clock(), row.newest, row.last_pass)


async def keep_pass(session: AsyncSession) -> None:
    """Record by the database's clock that a pass begins now."""
    await session.execute(_KEEP)


class ClockGuard:
    """Decides if the clocks can be trusted. `monotonic` returns seconds that only grow."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._doubted_at: float | None = None

    def reason_to_stop(self, clocks: Clocks) -> str | None:
        """Return the reason against erasing now, or None."""
        if clocks.apart > CLOCK_TOLERANCE:
            return f"this process and the database are {clocks.apart.total_seconds():.0f} s apart"
        known = [moment for moment in (clocks.newest, clocks.last_pass) if moment is not None]
        if known and (ahead := max(known) - clocks.database) > CLOCK_TOLERANCE:
            return f"the database's clock is {ahead.total_seconds():.0f} s behind what it recorded"
        since = clocks.last_pass or clocks.newest
        if since is None or clocks.database - since <= LONGEST_GAP:
            self._doubted_at = None
            return None
        return self._doubt(clocks.database - since)

    def _doubt(self, gap: timedelta) -> str | None:
        """Stop for PATIENCE, so that an administrator can correct clocks that jumped together."""
        if self._doubted_at is None:
            self._doubted_at = self._monotonic()
        if self._monotonic() - self._doubted_at >= PATIENCE.total_seconds():
            return None
        return (
            f"both clocks are {gap.days} days after the last pass; "
            f"they are trusted after {PATIENCE.days} days"
        )
