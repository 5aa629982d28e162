"""Judging loop of a worker.

It judges until no notice is left, then sleeps until it is notified or the poll interval ends.
"""

import asyncio

from sqlalchemy.exc import SQLAlchemyError

from app.db.connections import CONNECT_ERRORS, describe_error
from app.db.notify import NOTICES, NotifyListener
from app.judging.judge import Judge
from app.logs import get_logger

_RETRY_SECONDS = 1.0

log = get_logger("worker")


class JudgingLoop:
    """Runs a judge until it is stopped. It finishes the current batch first."""

    def __init__(self, judge: Judge, listener: NotifyListener) -> None:
        self._judge = judge
        self._listener = listener
        self._stopping = False

    def stop(self) -> None:
        """End after the current batch."""
        self._stopping = True
        self._listener.wake(NOTICES)

    async def run(self) -> None:
        """Judge until stopped.

        A database error is followed by a retry. Nothing is lost, since the notices stay unjudged.
        """
        while not self._stopping:
            try:
                judged = await self._judge.judge_batch()
            except (SQLAlchemyError, *CONNECT_ERRORS) as error:
                log.warning("judging_interrupted", error=describe_error(error))
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if not judged or self._judge.has_finished:
                await self._listener.wait(NOTICES)
