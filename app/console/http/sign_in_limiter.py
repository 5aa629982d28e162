"""Limits for failed sign-ins: an address is locked out after a few in a minute, the others are slowed down in an attack."""

import asyncio
import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from app.network.allowed_sources import Address

WINDOW_SECONDS = 60.0
PER_ADDRESS = 5
SLOW_AFTER = 50
"""Failures of all addresses in a minute, after which every failed attempt is answered late."""
SLOW_SECONDS = 3.0
MOST_SLOWED = 200
"""Attempts that wait for their late answer at the same time, at most; more are answered at once."""
_MOST_ADDRESSES = 10_000
_IPV6_PREFIX = 64
"""What one subscriber of a provider has at least."""


class SignInThrottle:
    """Counts failed sign-ins of the last minute. `clock` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all: deque[float] = deque(maxlen=SLOW_AFTER)
        self._slowed = 0
        self._by_address: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, address: Address | None) -> bool:
        """Return whether an address may try now. An attempt counts as failed until `succeeded`, so that many at once gain nothing.

        Addresses that cannot be told count as one, and those of an IPv6 /64 as well.
        """
        now = self._clock()
        key = _key(address)
        mine = self._by_address.setdefault(key, deque(maxlen=PER_ADDRESS))
        self._by_address.move_to_end(key)
        if len(self._by_address) > _MOST_ADDRESSES:
            self._by_address.popitem(last=False)
        if len(mine) == PER_ADDRESS and mine[0] > now - WINDOW_SECONDS:
            return False
        mine.append(now)
        return True

    def succeeded(self, address: Address | None) -> None:
        """The attempt that just began was no failure."""
        mine = self._by_address.get(_key(address))
        if mine:
            mine.pop()

    async def failed(self) -> None:
        """The attempt that just began was one. In an attack this takes a while; who has the right token is not delayed."""
        now = self._clock()
        self._all.append(now)
        attacked = len(self._all) == SLOW_AFTER and self._all[0] > now - WINDOW_SECONDS
        if not attacked or self._slowed >= MOST_SLOWED:
            return
        self._slowed += 1
        try:
            await asyncio.sleep(SLOW_SECONDS)
        finally:
            self._slowed -= 1


def _key(address: Address | None) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
    return str(address)
