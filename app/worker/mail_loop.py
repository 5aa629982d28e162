"""Mail loops of a worker: reads what was kept, and matches mails with calls."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

from app.db.connections import CONNECT_ERRORS, describe_error
from app.db.engine import Sessions
from app.logs import get_logger
from app.mailbox.judging import MailJudge
from app.mailbox.matching import Matching

_PAUSE_SECONDS = 0.05
"""Pause between two batches, so that calls get the database first."""
_POLL_SECONDS = 1.0

log = get_logger("worker")


class MailLoop:
    """Judges mails and matches them, until cancelled."""

    def __init__(self, sessions: Sessions, judge: MailJudge, matching: Matching) -> None:
        self._sessions = sessions
        self._judge = judge
        self._matching = matching

    async def run(self) -> None:
        """Judge and match beside each other. After a database error both go on."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_forever(self._judge_batch, "judging"))
            group.create_task(_forever(self._matching.run_pass, "matching"))

    async def _judge_batch(self) -> bool:
        if not await self._judge.is_any_unread(self._sessions):
            return False
        async with self._sessions.begin() as session:
            return bool(await self._judge.judge_batch(session))


async def _forever(work: Callable[[], Awaitable[bool]], name: str) -> None:
    """Repeat `work`, soon if there is more. An interrupted batch is done again as a whole."""
    while True:
        has_more = False
        try:
            has_more = await work()
        except (SQLAlchemyError, *CONNECT_ERRORS) as error:
            log.warning("mails_interrupted", work=name, error=describe_error(error))
        await asyncio.sleep(_PAUSE_SECONDS if has_more else _POLL_SECONDS)
