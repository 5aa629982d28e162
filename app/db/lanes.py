"""Lanes: how the work of judging is divided among workers."""

import zlib

LANES = 16
"""Into how many lanes order numbers are hashed. One order is always in one lane, and one lane is judged by one worker at a time."""


def lane_of(order_no: str) -> int:
    """The lane of an order, 0 to LANES - 1, from its number as it is meant: two workers must not judge one order at once."""
    return zlib.crc32(order_no.encode()) % LANES
