"""Comparison of this machine's clock with the database's, before files are erased by age."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from app.clock import CLOCK_TOLERANCE, now
from app.db.connections import CONNECT_ERRORS, connect
from app.logs import get_logger

_SECONDS = 10.0

log = get_logger("spool")


async def clocks_agree(url: str, clock: Callable[[], datetime] = now) -> bool:
    """Return True if `clock` is within CLOCK_TOLERANCE of the database's.

    Without a database, return False.
    """
    try:
        async with asyncio.timeout(_SECONDS):
            connection = await connect(url)
            try:
                before = clock()
                at: datetime = await connection.fetchval("SELECT clock_timestamp()")
                after = clock()
            finally:
                await connection.close(timeout=1)
    except CONNECT_ERRORS:
        return False
    apart = max(before - at, at - after)
    if apart > CLOCK_TOLERANCE:
        log.error("spool_not_erased", seconds_apart=round(apart.total_seconds()))
        return False
    return True
