"""Appending notices to Postgres: whatever came while one commit was under way shares the next statement and the next commit."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from app.db.connections import Connection, connect, describe_error
from app.db.sqlstates import is_data_error
from app.logs import get_logger
from app.metrics import append_batch_notices
from app.recording.notice import RawNotice
from app.recording.postgres.circuit_breaker import Breaker
from app.recording.postgres.insert import Answer, append_notices

SHARE_SECONDS = 3.0
_ANSWERS_SECONDS = 0.2
_ANSWERS_AT_ONCE = 2_000
_ANSWERS_KEPT = 100_000
_STOP_SECONDS = 5.0
_WORTH_TWO = 32
"""Notices that are better committed in two batches than in one."""

log = get_logger("appender")


class Waiting(NamedTuple):
    """A notice on its way to Postgres. `due`, by the loop's clock, is when its caller has to go elsewhere."""

    notice: RawNotice
    committed: asyncio.Future[None]
    due: float


class NotAppended(Exception):
    """Postgres refuses this one notice for what it holds; trying again would not help."""


class DatabaseAway(Exception):
    """The notice was not committed in time, or nobody knows whether it was: record it elsewhere. Its id makes a second record harmless."""


class Appender:
    """A queue of notices and the task that commits it; `append` returns once the notice is durable.

    One connection is faster than several: they would share out the same calls into smaller batches, and each commit costs as much.

    `share`, in seconds, is how long a caller waits at most, and how long anything to do with the database may take: a connection, a lock, a
    statement, a commit.
    """

    def __init__(
        self,
        url: str,
        *,
        on_commit: Callable[[], None],
        batch: int = 256,
        share: float = SHARE_SECONDS,
    ) -> None:
        self._url = url
        self._on_commit = on_commit
        self._batch = batch
        self._share = share
        self._waiting: deque[Waiting] = deque()
        self._answered: deque[Answer] = deque(maxlen=_ANSWERS_KEPT)
        self._work = asyncio.Event()
        self._ended = False
        self.breaker = Breaker(self._probe)

    async def append(self, notice: RawNotice) -> None:
        """Return when the notice is committed; raise NotAppended if Postgres refuses it, DatabaseAway if it has to go elsewhere.

        Nobody waits longer than `share`, and no timer of one's own sees to that: whoever waits in the queue came after those whose commit
        is under way, and when these are late everybody is sent elsewhere. After the end of `run` nobody waits at all.
        """
        if self._ended or not self.breaker.available:
            raise DatabaseAway
        loop = asyncio.get_running_loop()
        committed: asyncio.Future[None] = loop.create_future()
        self._waiting.append(Waiting(notice, committed, loop.time() + self._share))
        self._work.set()
        await committed

    def answered(self, notice_id: UUID, moment: datetime) -> None:
        """Note that the answer to a notice was handed to the network in time. It is written with the next append or within a moment."""
        self._answered.append((notice_id, moment))

    async def run(self) -> None:
        """Commit what is waiting, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.breaker.run())
                tasks.create_task(self._flush_answers_forever())
                tasks.create_task(self._commit_forever())
        finally:
            self._ended = True
            self._send_all_elsewhere()

    async def drain(self) -> None:
        """Write what is left of the answers' evidence; for the end of a process, after its last call was answered."""
        if not self._answered or not self.breaker.available:
            return
        with suppress(Exception):
            async with asyncio.timeout(_STOP_SECONDS):
                connection = await self._connect()
                try:
                    while self._answered:
                        await self._commit(connection, [])
                finally:
                    connection.terminate()

    async def _flush_answers_forever(self) -> None:
        while True:
            await asyncio.sleep(_ANSWERS_SECONDS)
            if self._answered:
                self._work.set()

    async def _commit_forever(self) -> None:
        connection: Connection | None = None
        idle = True
        try:
            while True:
                await self._work.wait()
                if (
                    not self.breaker.available
                ):  # its own probe may have found that out while others were waiting
                    self._send_all_elsewhere()
                    await self.breaker.wait_available()
                batch = self._take(in_two=idle)
                idle = not batch
                if batch or self._answered:
                    connection = await self._commit_or_fail(connection, batch)
                else:
                    self._work.clear()
        finally:
            if connection is not None:
                connection.terminate()

    async def _commit_or_fail(
        self, connection: Connection | None, batch: list[Waiting]
    ) -> Connection | None:
        """Commit a batch before its first caller's time is over, or tell everybody who waits that the database is away.

        Returns the connection to go on with.
        """
        due = batch[0].due if batch else asyncio.get_running_loop().time() + self._share
        try:
            async with asyncio.timeout_at(due):
                while True:
                    reused = connection is not None and not connection.is_closed()
                    if connection is None or not reused:
                        connection = await self._connect()
                    try:
                        await self._commit_batch(connection, batch)
                        return connection
                    except Exception:
                        connection.terminate()
                        if not reused:
                            raise
                        # An old connection may have been ended for its own sake; a new one tells whether the database is there.
        except (
            Exception
        ) as error:  # whatever it is, a caller waits for an answer, and the spool can still give it
            if connection is not None:
                connection.terminate()
            _send_elsewhere(batch)
            self._give_up("slow" if isinstance(error, TimeoutError) else describe_error(error))
            return None
        except asyncio.CancelledError:
            if connection is not None:
                connection.terminate()
            _send_elsewhere(batch)
            raise

    def _give_up(self, reason: str) -> None:
        """Take the database for away: everybody who waits has to go elsewhere, and nobody comes until a probe succeeds."""
        self.breaker.trip(reason)
        self._send_all_elsewhere()

    def _send_all_elsewhere(self) -> None:
        _send_elsewhere(self._waiting)
        self._waiting.clear()

    async def _connect(self) -> Connection:
        milliseconds = int(self._share * 1000)
        return await connect(
            self._url,
            application="zeus-relay appender",
            statement_timeout_ms=milliseconds,
            lock_timeout_ms=milliseconds * 8 // 10,
        )

    async def _probe(self) -> None:
        """An append of nothing fails where an append would: no connection, no table, a lock on it, a server that takes no writes."""
        async with asyncio.timeout(self._share):
            connection = await self._connect()
            try:
                await append_notices(connection, [])
            finally:
                connection.terminate()

    def _take(self, *, in_two: bool) -> list[Waiting]:
        """The next batch; `in_two`: half of what waits, if that is much.

        That is asked for after a pause. Else all callers could be answered together and call again together, and there would always be
        either nothing to commit or nobody to answer.
        """
        limit = self._batch
        if in_two and len(self._waiting) >= _WORTH_TWO:
            limit = min(limit, len(self._waiting) // 2)
        batch: list[Waiting] = []
        while self._waiting and len(batch) < limit:
            waiting = self._waiting.popleft()
            if not waiting.committed.done():  # else its caller gave up and recorded it elsewhere
                batch.append(waiting)
        return batch

    async def _commit_batch(self, connection: Connection, batch: list[Waiting]) -> None:
        try:
            await self._commit(connection, batch)
        except asyncpg.PostgresError as error:
            if not is_data_error(error):
                raise
            if len(batch) == 1:
                refused = batch[0]
                log.error(
                    "notice_refused", notice_id=str(refused.notice.id), error=describe_error(error)
                )
                if not refused.committed.done():
                    refused.committed.set_exception(NotAppended(describe_error(error)))
            elif not batch:  # the evidence of answers alone: it can wait for nothing better
                self._answered.clear()
                log.error("answers_refused", error=describe_error(error))
            else:  # one notice spoils the batch it is in: find it, so that it does not take the others with it
                for waiting in batch:
                    await self._commit_batch(connection, [waiting])

    async def _commit(self, connection: Connection, batch: list[Waiting]) -> None:
        answered = [
            self._answered.popleft() for _ in range(min(len(self._answered), _ANSWERS_AT_ONCE))
        ]
        try:
            await append_notices(connection, [waiting.notice for waiting in batch], answered)
        except BaseException:
            self._answered.extendleft(reversed(answered))
            raise
        for waiting in batch:
            if not waiting.committed.done():
                waiting.committed.set_result(None)
        if batch:
            append_batch_notices.observe(len(batch))
            self._on_commit()


def _send_elsewhere(batch: Iterable[Waiting]) -> None:
    for waiting in batch:
        if not waiting.committed.done():
            waiting.committed.set_exception(DatabaseAway)
