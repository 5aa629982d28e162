"""Timer loop of a worker: handles what is due, a bounded number a second."""

import asyncio
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from app.db.connections import CONNECT_ERRORS, describe_error
from app.logs import get_logger

_PAUSE_SECONDS = 0.5
"""Pause between two batches: with 100 orders in each, at most 200 orders a second."""
_POLL_SECONDS = 1.0

log = get_logger("worker")


class DueWork(Protocol):
    """Something that falls due at times of the database."""

    async def run_batch(self) -> int:
        """Handle what is due, a bounded number of it, and return how many were handled."""


class TimerLoop:
    """Runs timers until cancelled."""

    def __init__(self, timers: DueWork) -> None:
        self._timers = timers

    async def run(self) -> None:
        """Handle due timers. After a database error they are still due."""
        while True:
            handled = 0
            try:
                handled = await self._timers.run_batch()
            except (SQLAlchemyError, *CONNECT_ERRORS) as error:
                log.warning("timers_interrupted", error=describe_error(error))
            await asyncio.sleep(_PAUSE_SECONDS if handled else _POLL_SECONDS)
