"""One deadline of a connection, set anew as it goes on."""

import asyncio
from collections.abc import Callable


def _nothing() -> None:
    """Stand for what is not called any more."""


class Deadline:
    """Calls `missed` once the deadline is over. Moving it to a later time costs no new timer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, missed: Callable[[], None]) -> None:
        self._loop = loop
        self._missed = missed
        self._timer: asyncio.TimerHandle | None = None
        self._at: float | None = None

    def set(self, seconds: float) -> None:
        """Something has to happen within so many seconds. The deadline before this one is void."""
        self._at = at = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(at, self._on_timer)

    def lift(self) -> None:
        """Nothing has to happen until the next `set`."""
        self._at = None

    def cancel(self) -> None:
        """The connection is gone. What was to be called is let go, so that the two need no garbage collector."""
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
