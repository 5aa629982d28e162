"""Log lines about strangers: a few, with the number of those left out, so that nobody can fill a disk from outside."""

import time


class Throttle:
    """Lets one line through in every `seconds`."""

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._next = 0.0
        self._left_out = 0

    def take(self) -> int | None:
        """How many lines were left out before this one, or None if this one is to be left out too."""
        now = time.monotonic()
        if now < self._next:
            self._left_out += 1
            return None
        self._next = now + self._seconds
        left_out, self._left_out = self._left_out, 0
        return left_out
