"""Not too often: statements that follow each other closely carry more rows each and cost less."""

import asyncio
from time import monotonic


class Pace:
    """Keeps a distance between the turns of one loop. A turn after a pause is never delayed."""

    def __init__(self, seconds: float) -> None:
        """`seconds` is the least time from one turn to the next."""
        self._seconds = seconds
        self._next = 0.0

    async def turn(self) -> None:
        """Return when the next turn may begin."""
        early = self._next - monotonic()
        if early > 0:
            await asyncio.sleep(early)
        self._next = monotonic() + self._seconds
