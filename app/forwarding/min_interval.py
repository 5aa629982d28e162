"""Minimum interval between statements, so that each carries more rows.

A module of its own: the claim loop and the attempt writer both need it.
"""

import asyncio
from time import monotonic


class MinInterval:
    """Keep a minimum time between the runs of one loop. A run after a pause is never delayed."""

    def __init__(self, seconds: float) -> None:
        """Keep `seconds` between the beginnings of two runs."""
        self._seconds = seconds
        self._next = 0.0

    async def wait(self) -> None:
        """Return when the next run may begin."""
        early = self._next - monotonic()
        if early > 0:
            await asyncio.sleep(early)
        self._next = monotonic() + self._seconds
