"""Rate limits for failed sign-ins: a lockout per address, and delays during an attack."""

import asyncio
import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from app.network.allowed_sources import Address

WINDOW_SECONDS = 60.0
PER_ADDRESS = 5
SLOW_AFTER = 50
"""Failures of all addresses per minute after which every failed attempt is delayed."""
SLOW_SECONDS = 3.0
MAX_SLOWED = 200
"""Maximum number of delayed attempts in flight; more are answered without delay."""
_MAX_ADDRESSES = 10_000
_IPV6_PREFIX = 64
"""Prefix length that a provider gives to one customer at least."""


class SignInLimiter:
    """Counter of failed sign-ins in the last minute. `clock` returns monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all: deque[float] = deque(maxlen=SLOW_AFTER)
        self._slowed = 0
        self._by_address: OrderedDict[str, deque[float]] = OrderedDict()

    def begin(self, address: Address | None) -> bool:
        """Return True if an address may try now.

        An attempt counts as failed until `succeeded`, so concurrent attempts gain nothing.
        Unknown addresses count as one address, and so do those of an IPv6 /64.
        """
        now = self._clock()
        key = _key(address)
        failures = self._by_address.setdefault(key, deque(maxlen=PER_ADDRESS))
        self._by_address.move_to_end(key)
        if len(self._by_address) > _MAX_ADDRESSES:
            self._by_address.popitem(last=False)
        if len(failures) == PER_ADDRESS and failures[0] > now - WINDOW_SECONDS:
            return False
        failures.append(now)
        return True

    def succeeded(self, address: Address | None) -> None:
        """Take back the failure that `begin` counted for this address."""
        failures = self._by_address.get(_key(address))
        if failures:
            failures.pop()

    async def failed(self) -> None:
        """Count a failure of any address; wait during an attack. A valid token is never delayed."""
        now = self._clock()
        self._all.append(now)
        attacked = len(self._all) == SLOW_AFTER and self._all[0] > now - WINDOW_SECONDS
        if not attacked or self._slowed >= MAX_SLOWED:
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
