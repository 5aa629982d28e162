"""Deadline of a connection, moved as the request proceeds."""

import asyncio
from collections.abc import Callable


def _nothing() -> None:
    """Stand in for a callback that was released."""


class Deadline:
    """Calls `missed` when the deadline passes. Moving it later needs no new timer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, missed: Callable[[], None]) -> None:
        self._loop = loop
        self._missed = missed
        self._timer: asyncio.TimerHandle | None = None
        self._at: float | None = None

    def set(self, seconds: float) -> None:
        """Set the deadline, in seconds from now. It replaces the earlier one."""
        self._at = at = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(at, self._on_timer)

    def lift(self) -> None:
        """Remove the deadline until the next `set`."""
        self._at = None

    def cancel(self) -> None:
        """Release the callback of a closed connection, so that no garbage collector is needed for
        the two.
        """
        self._at = None
        self._missed = _nothing
        if self._timer is not None:
            self._timer.cancel()

    def _on_timer(self) -> None:
        self._timer = None
        if self._at is None:
            return
        if self._loop.time() < self._at:
            self._timer = self._loop.call_at(self._at, self._on_timer)
            return
        self._missed()
