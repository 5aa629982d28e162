"""Limits of exports: how many run at a time, and for how long.

An export holds a database connection and a snapshot, which keeps Postgres from removing old rows.
"""

import asyncio
from contextlib import aclosing
from time import monotonic

from app.downloads import Chunks
from app.operations.errors import ExportsBusy

AT_A_TIME = 2
LONGEST_S = 1_800.0


class ExportSlots:
    """Slots of one process for exports."""

    def __init__(self, at_a_time: int = AT_A_TIME, longest_s: float = LONGEST_S) -> None:
        self._free = asyncio.Semaphore(at_a_time)
        self._longest_s = longest_s

    async def limited(self, chunks: Chunks) -> Chunks:
        """Yield the chunks. Raise ExportsBusy without a free slot, TimeoutError after LONGEST_S."""
        async with aclosing(chunks):
            if self._free.locked():
                raise ExportsBusy
            async with self._free:
                end = monotonic() + self._longest_s
                async for chunk in chunks:
                    if monotonic() > end:
                        raise TimeoutError
                    yield chunk
