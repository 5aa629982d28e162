"""Moments at which webhooks are known to come due: a worker waits until the next one at most."""

import heapq
from time import monotonic


class DueTimes:
    """A queue of moments, the earliest first."""

    def __init__(self) -> None:
        """Begin with none."""
        self._moments: list[float] = []

    def remember(self, seconds: float) -> None:
        """Add a moment that many seconds from now."""
        heapq.heappush(self._moments, monotonic() + seconds)

    def wait_seconds(self, at_most: float) -> float:
        """Return the seconds until the earliest moment, but `at_most`; 0 if it has passed."""
        return min(at_most, max(self._moments[0] - monotonic(), 0)) if self._moments else at_most

    def forget_past(self) -> None:
        """Remove the moments that have passed."""
        while self._moments and self._moments[0] <= monotonic():
            heapq.heappop(self._moments)
