"""Clock of this process, and UUIDv7 ids made from it.

Schedules use the database's clock instead.
"""

import secrets
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

_COUNTER_BITS = 42
CLOCK_TOLERANCE = timedelta(minutes=5)
"""Largest difference between clocks at which data is erased or pruned."""


class UUID7Factory:
    """Makes UUIDv7 ids (RFC 9562) that always grow within this process.

    They grow even when the clock is set back.
    """

    def __init__(self) -> None:
        self._last_ms = 0
        self._counter = 0

    def __call__(self) -> UUID:
        now_ms = time.time_ns() // 1_000_000
        if now_ms > self._last_ms:
            self._last_ms = now_ms
            # The top bit stays 0, so that the counter can grow within the millisecond.
            self._counter = secrets.randbits(_COUNTER_BITS - 1)
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
    """Return the smallest UUIDv7 of a moment.

    Every id made before the moment is smaller; no id made from then on is.
    """
    return UUID(int=int(moment.timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62)


def now() -> datetime:
    """Return the current time in UTC, to the microsecond."""
    return datetime.now(UTC)
