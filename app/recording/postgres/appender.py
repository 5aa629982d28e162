"""Appender: shared commits of notices. Calls that arrive during a commit share the next one."""

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
"""From this number on, notices are committed in two batches instead of one."""

log = get_logger("appender")


class Waiting(NamedTuple):
    """A notice in the queue. `due` is its caller's deadline by the loop's clock."""

    notice: RawNotice
    committed: asyncio.Future[None]
    due: float


class NotAppended(Exception):
    """Postgres refuses this notice because of its data. A retry would not help."""


class DatabaseAway(Exception):
    """The notice was not committed in time, or its commit is uncertain: record it elsewhere.

    Its id makes a second record harmless.
    """


class Appender:
    """Queue of notices and the task that commits them.

    One connection is faster than several: these would split the same calls into smaller batches,
    and every commit costs the same.

    `share`, in seconds, limits a caller's wait and every database operation: a connection, a lock,
    a statement, a commit.
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
        """Return when the notice is committed.

        Raises NotAppended if Postgres refuses it, DatabaseAway if it must be recorded elsewhere.

        No caller waits longer than `share`, without a timer of its own: queued callers came after
        those in the current commit, and when that one is late all of them are released. After the
        end of `run` nobody waits.
        """
        if self._ended or not self.breaker.available:
            raise DatabaseAway
        loop = asyncio.get_running_loop()
        committed: asyncio.Future[None] = loop.create_future()
        self._waiting.append(Waiting(notice, committed, loop.time() + self._share))
        self._work.set()
        await committed

    def answered(self, notice_id: UUID, moment: datetime) -> None:
        """Record that a notice's answer was handed to the network in time.

        It is written with the next append, or shortly after.
        """
        self._answered.append((notice_id, moment))

    async def run(self) -> None:
        """Commit queued notices until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.breaker.run())
                tasks.create_task(self._flush_answers_forever())
                tasks.create_task(self._commit_forever())
        finally:
            self._ended = True
            self._send_all_elsewhere()

    async def drain(self) -> None:
        """Write the rest of the answer log.

        Call it at the end of a process, after its last answer.
        """
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
                if not self.breaker.available:  # the probe may have found out meanwhile
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
        """Commit a batch before its first caller's deadline, or release all callers with
        DatabaseAway.

        Returns the connection to use next, or None.
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
                        # An old connection may have been ended for reasons of its own. A new one
                        # tells whether the database is there.
        except Exception as error:
            # of any kind: a caller waits, and the spool can still record its notice
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
        """Open the circuit breaker and release all callers, until a probe succeeds."""
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
        """Append nothing: it fails where an append fails, as without a connection, a table or write
        access.
        """
        async with asyncio.timeout(self._share):
            connection = await self._connect()
            try:
                await append_notices(connection, [])
            finally:
                connection.terminate()

    def _take(self, *, in_two: bool) -> list[Waiting]:
        """Return the next batch; with `in_two`, half of a long queue.

        Use `in_two` after a pause. Otherwise all callers would be answered together and call again
        together, and either the commits or the answers would always be idle.
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
            elif not batch:  # answer log only: nothing better to wait for
                self._answered.clear()
                log.error("answers_refused", error=describe_error(error))
            else:  # one notice spoils its batch: find it, and commit the others
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
