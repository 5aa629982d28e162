"""A clock for upper limits in tests: what the machine, or Python itself, takes from this whole process does not count."""

import functools
import threading
import time

_TICK = 0.01
_LONGEST_TICK = 0.05


class FairClock:
    """Follows time.perf_counter() by ticks of a thread; a tick that comes late counts as 50 ms at most.

    A thread comes late when the process gets no processor, or while the garbage collector walks the heap, which is large in a test's
    process. It does not come late when an event loop waits, computes or blocks on a file: all that counts in full.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = time.perf_counter()
        self._seconds = 0.0
        threading.Thread(target=self._tick, daemon=True, name="fair clock").start()

    def seconds(self) -> float:
        """Seconds since some moment in the past, without stalls."""
        with self._lock:
            now = time.perf_counter()
            self._seconds += min(now - self._seen, _LONGEST_TICK)
            self._seen = now
            return self._seconds

    def _tick(self) -> None:
        while True:
            time.sleep(_TICK)
            self.seconds()


@functools.cache
def _clock() -> FairClock:
    return FairClock()


def fair_seconds() -> float:
    """The seconds of this process's one clock; it goes from the first reading on."""
    return _clock().seconds()
