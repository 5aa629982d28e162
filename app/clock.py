"""Clock of this process, and the ids made from it.

The database's clock schedules everything.
"""

import secrets
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

_COUNTER_BITS = 42
CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far clocks may be apart before nothing is erased or pruned."""


class UUID7Factory:
    """Makes UUIDv7 ids (RFC 9562) that only ever grow within this process, also when the clock is set back."""

    def __init__(self) -> None:
        self._last_ms = 0
        self._counter = 0

    def __call__(self) -> UUID:
        now_ms = time.time_ns() // 1_000_000
        if now_ms > self._last_ms:
            self._last_ms = now_ms
            self._counter = secrets.randbits(
                _COUNTER_BITS - 1
            )  # the top bit stays free: room to count within the millisecond
        else:
            self._counter += 1
        counter = self._counter
        return UUID(
            int=self._last_ms << 80
            | 0x7 << 76
            | (counter >> 30) << 64
            | 0b10 << 62
            | (counter & 0x3FFF_FFFF) << 32
            | secrets.randbits(32)
        )


uuid7 = UUID7Factory()


def uuid7_floor(moment: datetime) -> UUID:
    """The smallest UUIDv7 of a moment: every id made before it is smaller, every id made from then on is not."""
    return UUID(int=int(moment.timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62)


def now() -> datetime:
    """The present moment in UTC, to the microsecond."""
    return datetime.now(UTC)
