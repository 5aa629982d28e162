"""Metrics scrapes: one rendering in a thread for all concurrent requests, at a limited rate."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

PAUSE_SECONDS = 0.1
"""Pause between two renderings. Only a client that scrapes faster waits."""


class Scrapes:
    """Renders one text for any number of concurrent scrapes. Must be used in one event loop."""

    def __init__(self, render: Callable[[], bytes], pause_s: float = PAUSE_SECONDS) -> None:
        """Run `render` in a thread, never twice at the same time."""
        self._render = render
        self._pause_s = pause_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scrapes")
        self._rendering = asyncio.Lock()
        self._next: asyncio.Task[bytes] | None = None
        self._earliest = 0.0

    async def text(self) -> bytes:
        """Return the text of a rendering that begins after the call; raises its error."""
        if self._next is None:
            self._next = asyncio.create_task(self._rendered())
        return await asyncio.shield(self._next)

    async def _rendered(self) -> bytes:
        async with self._rendering:
            await asyncio.sleep(max(self._earliest - monotonic(), 0))
            self._next = None  # a later request gets the next rendering
            try:
                return await asyncio.get_running_loop().run_in_executor(self._thread, self._render)
            finally:
                self._earliest = monotonic() + self._pause_s
