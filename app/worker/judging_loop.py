"""The judging half of a worker: judge until nothing is left, then sleep until woken or for a poll interval."""

import asyncio

from sqlalchemy.exc import SQLAlchemyError

from app.db.connections import CONNECT_ERRORS, describe_error
from app.db.notify import NOTICES, NotifyListener
from app.judging.judge import Judge
from app.logs import get_logger

_RETRY_SECONDS = 1.0

log = get_logger("worker")


class JudgingLoop:
    """Runs a judge until it is told to stop; a batch under way is finished first."""

    def __init__(self, judge: Judge, listener: NotifyListener) -> None:
        self._judge = judge
        self._listener = listener
        self._stopping = False

    def stop(self) -> None:
        """End after the batch under way."""
        self._stopping = True
        self._listener.wake(NOTICES)

    async def run(self) -> None:
        """Judge until stopped. A database that is away is waited for; nothing is lost, since notices stay unjudged."""
        while not self._stopping:
            try:
                judged = await self._judge.judge_batch()
            except (SQLAlchemyError, *CONNECT_ERRORS) as error:
                log.warning("judging_interrupted", error=describe_error(error))
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if not judged:
                await self._listener.wait(NOTICES)
