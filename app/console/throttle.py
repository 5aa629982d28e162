"""Slowing down who tries tokens: a few failures a minute from one address, and a bound for all addresses together."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

WINDOW_SECONDS = 60.0
PER_ADDRESS = 5
IN_ALL = 50
_MOST_ADDRESSES = 10_000


class SignInThrottle:
    """Counts failed sign-ins of the last minute. `clock` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all: deque[float] = deque()
        self._by_address: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, address: str) -> bool:
        """Whether an address may try now. An attempt counts as failed until `succeeded`, so that many at once gain nothing."""
        now = self._clock()
        mine = self._by_address.setdefault(address, deque())
        self._by_address.move_to_end(address)
        if len(self._by_address) > _MOST_ADDRESSES:
            self._by_address.popitem(last=False)
        for tries in (mine, self._all):
            while tries and tries[0] <= now - WINDOW_SECONDS:
                tries.popleft()
        if len(mine) >= PER_ADDRESS or len(self._all) >= IN_ALL:
            return False
        mine.append(now)
        self._all.append(now)
        return True

    def succeeded(self, address: str) -> None:
        """The attempt that just began was no failure."""
        for tries in (self._by_address.get(address), self._all):
            if tries:
                tries.pop()
