"""Lower bounds of index scans, to skip dead entries that an old snapshot keeps.

A row that leaves a partial index leaves a dead entry there. Postgres removes the entry when no
snapshot can see the row. Until then every scan from the start of the index reads it again. A bound
that moves along with the work skips those entries. A row can become visible below the bound after a
slow commit, from a drained spool, or by another machine's clock. Sweeps without a bound find such
rows, so a bound only saves time.
"""

from time import monotonic

_SHARE = 0.02
"""Share of the time that sweeps may take."""
_FAILED_S = 5.0
"""Time from a failed sweep to the next. The database was away, or the sweep timed out."""
_AT_MOST_S = 30.0
"""Longest time between two sweeps, however long they take, since late rows wait for a sweep."""
_WIDE_FOR_S = 600.0


class SweepSchedule:
    """Decides when the next sweep may run, so that sweeps take a small share of the time."""

    def __init__(self) -> None:
        self._ended = float("-inf")
        self._took = 0.0

    @property
    def ended(self) -> float:
        """Return the monotonic time at which the last sweep ended or began; at first -infinity."""
        return self._ended

    def is_due(self) -> bool:
        """Return True when a sweep may run now."""
        return monotonic() - self._ended >= min(self._took / _SHARE, _AT_MOST_S)

    def begin(self) -> None:
        """Record that a sweep begins now. After a failure the next one waits _FAILED_S."""
        self.note(_FAILED_S * _SHARE)

    def note(self, seconds: float) -> None:
        """Record that a sweep ended now and took `seconds` of the server's time."""
        self._ended, self._took = monotonic(), seconds


class Margin:
    """Distance that a bound keeps behind the newest row, for rows that become visible late.

    A sweep that finds a late row widens the distance for ten minutes, up to a limit. Sweeps find
    rows that are later than that.
    """

    def __init__(self, normal_s: float, most_s: float = 60.0) -> None:
        """Keep `normal_s` seconds, and at most `most_s` after late rows."""
        self._normal_s = normal_s
        self._most_s = most_s
        self._wide_s = normal_s
        self._wide_until = 0.0

    @property
    def seconds(self) -> float:
        """Return the current distance, in seconds."""
        return self._wide_s if monotonic() < self._wide_until else self._normal_s

    def note_late(self, seconds: float) -> None:
        """Record that a sweep found a row `seconds` behind the newest."""
        self._wide_s = min(max(2 * seconds, self.seconds), self._most_s)
        self._wide_until = monotonic() + _WIDE_FOR_S
