"""Known due times of webhooks, which limit how long a worker waits before its next claim.

A module of its own: the claim loop and the send tasks both add times.
"""

import heapq
from math import ceil
from time import monotonic

_LONG_S = 2.5
_GRID_S = 0.25
"""Moments at least _LONG_S ahead are put off to a common one: many retries share a claim."""


class DueTimes:
    """A priority queue of moments, the earliest first."""

    def __init__(self) -> None:
        """Begin empty."""
        self._moments: list[float] = []

    def add(self, seconds: float) -> None:
        """Add the moment `seconds` from now, a little later if it is far ahead."""
        moment = monotonic() + seconds
        if seconds >= _LONG_S:
            moment = ceil(moment / _GRID_S) * _GRID_S
        heapq.heappush(self._moments, moment)

    def wait_seconds(self, at_most: float) -> float:
        """Return the seconds until the earliest moment, but `at_most`; 0 if it has passed."""
        return min(at_most, max(self._moments[0] - monotonic(), 0)) if self._moments else at_most

    def remove_past(self) -> None:
        """Remove the moments that have passed."""
        while self._moments and self._moments[0] <= monotonic():
            heapq.heappop(self._moments)
