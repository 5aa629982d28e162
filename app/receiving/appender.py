"""Appending notices to Postgres: whatever is waiting shares one statement and one commit, on a few connections."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import asyncpg

from app.db.engine import Connection, connect, describe_error
from app.logs import get_logger
from app.metrics import append_batch_notices
from app.receiving.notice import Notice

# One statement is one transaction and one round trip. The id makes a repeated append harmless, an unclear commit included.
_APPEND = """
WITH answered AS (
  INSERT INTO answers (notice_id, answered_at)
  SELECT * FROM unnest($10::uuid[], $11::timestamptz[])
  ON CONFLICT DO NOTHING
)
INSERT INTO notices (id, lane, received_at, source, method, target, headers, body, cut)
SELECT id, lane, received_at, source::inet, method, target, headers, body, cut
FROM unnest($1::uuid[], $2::smallint[], $3::timestamptz[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::bytea[], $9::boolean[])
  AS call (id, lane, received_at, source, method, target, headers, body, cut)
ON CONFLICT DO NOTHING
"""
_RETRY_SECONDS = 0.2
_ANSWERS_SECONDS = 0.2
_ANSWERS_AT_ONCE = 2_000

log = get_logger("appender")

Waiting = tuple[Notice, asyncio.Future[None]]


class NotAppended(Exception):
    """Postgres refuses this one notice for what it holds; trying again would not help."""


class Appender:
    """A queue of notices and the tasks that commit it; `append` returns once the notice is durable."""

    def __init__(self, url: str, *, on_commit: Callable[[], None], connections: int = 2, batch: int = 256) -> None:
        self._url = url
        self._on_commit = on_commit
        self._connections = connections
        self._batch = batch
        self._waiting: deque[Waiting] = deque()
        self._answered: deque[tuple[UUID, datetime]] = deque(maxlen=100_000)
        self._work = asyncio.Event()

    async def append(self, notice: Notice) -> None:
        """Return when the notice is committed; raise NotAppended if Postgres refuses it.

        While Postgres cannot be reached this waits. A caller that gives up leaves it unknown whether the notice was committed.
        """
        committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((notice, committed))
        self._work.set()
        await committed

    def answered(self, notice_id: UUID, moment: datetime) -> None:
        """Note that the answer to a notice was handed to the network in time. It is written with the next append or within a moment."""
        self._answered.append((notice_id, moment))

    async def run(self) -> None:
        """Commit what is waiting, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._flush_answers_forever())
            for _ in range(self._connections):
                tasks.create_task(self._commit_forever())

    async def drain(self) -> None:
        """Write what is left of the answers' evidence; for the end of a process, after its last call was answered."""
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            connection = await connect(self._url)
            await self._commit(connection, [])
            await connection.close(timeout=1)

    async def _flush_answers_forever(self) -> None:
        while True:
            await asyncio.sleep(_ANSWERS_SECONDS)
            if self._answered:
                self._work.set()

    async def _commit_forever(self) -> None:
        connection: Connection | None = None
        try:
            while True:
                await self._work.wait()
                batch = self._take()
                if not batch and not self._answered:
                    self._work.clear()
                    continue
                try:
                    if connection is None or connection.is_closed():
                        connection = await connect(self._url, application="zeus-relay appender")
                    await self._commit(connection, batch)
                except asyncpg.DataError as error:
                    await self._commit_singly(connection, batch, error)
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                    log.warning("append_failed", error=describe_error(error), notices=len(batch))
                    self._waiting.extendleft(reversed(batch))
                    self._work.set()
                    await asyncio.sleep(_RETRY_SECONDS)
        finally:
            if connection is not None:
                connection.terminate()

    def _take(self) -> list[Waiting]:
        batch: list[Waiting] = []
        while self._waiting and len(batch) < self._batch:
            waiting = self._waiting.popleft()
            if not waiting[1].done():  # else its caller gave up
                batch.append(waiting)
        return batch

    async def _commit(self, connection: Connection, batch: list[Waiting]) -> None:
        answered = [self._answered.popleft() for _ in range(min(len(self._answered), _ANSWERS_AT_ONCE))]
        try:
            columns = _columns([notice for notice, _ in batch])
            await connection.execute(_APPEND, *columns, [answer[0] for answer in answered], [answer[1] for answer in answered])
        except BaseException:
            self._answered.extendleft(reversed(answered))
            raise
        for _, committed in batch:
            if not committed.done():
                committed.set_result(None)
        if batch:
            append_batch_notices.observe(len(batch))
            self._on_commit()

    async def _commit_singly(self, connection: Connection | None, batch: list[Waiting], error: Exception) -> None:
        """One notice spoils the batch it is in: find it, so that it does not take the others with it."""
        for notice, committed in batch:
            try:
                if connection is None or len(batch) == 1:
                    raise error
                await self._commit(connection, [(notice, committed)])
            except asyncpg.DataError as refused:
                log.error("notice_refused", notice_id=str(notice.id), error=describe_error(refused))
                if not committed.done():
                    committed.set_exception(NotAppended(describe_error(refused)))


def _columns(notices: list[Notice]) -> list[list[object]]:
    return [
        [notice.id for notice in notices],
        [notice.lane for notice in notices],
        [notice.received_at for notice in notices],
        [notice.source for notice in notices],
        [notice.method for notice in notices],
        [notice.target for notice in notices],
        [notice.headers for notice in notices],
        [notice.body for notice in notices],
        [notice.cut for notice in notices],
    ]
