"""Lower bounds of index scans, so that scans skip dead entries that an old snapshot keeps.

A row that leaves a partial index leaves a dead entry there. Postgres removes it once no snapshot can see
the row; until then every scan from the start of the index reads it again. A bound that moves along with
the work skips those entries. A bound may be wrong: a row can become visible below it (a slow commit, a
drained spool, another machine's clock). Sweeps without a bound find such rows, so a bound only saves time.
"""

from time import monotonic

_SHARE = 0.02
"""Share of the time that sweeps may take."""
_FAILED_S = 5.0
"""Time from a failed sweep to the next: the database was away, or its time limit ended the sweep."""
_AT_MOST_S = 30.0
"""Longest time between two sweeps, however long they take: what is late waits for one."""
_WIDE_FOR_S = 600.0


class SweepSchedule:
    """Decide when the next sweep may run: sweeps take a small share of the time, however long they are."""

    def __init__(self) -> None:
        self._ended = float("-inf")
        self._took = 0.0

    @property
    def ended(self) -> float:
        """The monotonic time at which the last sweep ended or began; minus infinity before any."""
        return self._ended

    def is_due(self) -> bool:
        """Return whether a sweep may run now."""
        return monotonic() - self._ended >= min(self._took / _SHARE, _AT_MOST_S)

    def begin(self) -> None:
        """Remember that a sweep begins now: one that fails is not tried again at once."""
        self.note(_FAILED_S * _SHARE)

    def note(self, seconds: float) -> None:
        """Remember that a sweep ended now and took `seconds` of the server's time."""
        self._ended, self._took = monotonic(), seconds


class Margin:
    """Distance that a bound keeps behind the newest row, for rows that become visible late.

    A sweep that finds a late row widens the distance for ten minutes, up to a limit. Rows that are later
    than that are left to sweeps.
    """

    def __init__(self, usual_s: float, most_s: float = 60.0) -> None:
        """Keep `usual_s` seconds, and at most `most_s` after late rows."""
        self._usual_s = usual_s
        self._most_s = most_s
        self._wide_s = usual_s
        self._wide_until = 0.0

    @property
    def seconds(self) -> float:
        """The distance as of now, in seconds."""
        return self._wide_s if monotonic() < self._wide_until else self._usual_s

    def note_late(self, seconds: float) -> None:
        """Remember that a sweep found a row `seconds` behind the newest."""
        self._wide_s = min(max(2 * seconds, self.seconds), self._most_s)
        self._wide_until = monotonic() + _WIDE_FOR_S
