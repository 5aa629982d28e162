"""Clock for upper time limits in tests; pauses of the whole process do not count."""

import functools
import threading
import time

_TICK = 0.01
_LONGEST_TICK = 0.05


class FairClock:
    """Follows time.perf_counter() by ticks of a thread; a late tick counts as 50 ms at most.

    A tick is late when the process gets no CPU, or while the garbage collector walks the large heap
    of a test process. It is not late when an event loop waits, computes or blocks on a file: that
    time counts in full.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen = time.perf_counter()
        self._seconds = 0.0
        threading.Thread(target=self._tick, daemon=True, name="fair clock").start()

    def seconds(self) -> float:
        """Return seconds since some moment in the past, without stalls."""
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
    """Return the seconds of this process's only clock, which starts at the first reading."""
    return _clock().seconds()
