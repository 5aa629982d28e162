"""Lanes: the shares of judging that workers take.

A module of its own without SQLAlchemy, since the receiver imports it.
"""

import zlib

LANES = 16
"""Number of lanes that order numbers are hashed into.

One order is always in the same lane, and one worker at a time judges a lane.
"""


def lane_of(order_no: str) -> int:
    """Return the lane of an order, 0 to LANES - 1, from its canonical number.

    Two workers must not judge one order concurrently.
    """
    return zlib.crc32(order_no.encode()) % LANES
