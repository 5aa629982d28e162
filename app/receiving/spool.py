"""The spool: where notices become durable while Postgres is away. Calls that come together share one write and one sync."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from app.logs import get_logger
from app.metrics import notices_refused, spool_failures, spool_records_written
from app.receiving.notice import Notice, Unstorable
from app.receiving.segments import REFUSED, SEGMENT_BYTES, SPOOLED, Segment, SegmentWriter, SpoolFull, list_segments
from app.receiving.spool_format import encode_notice
from app.receiving.spool_owner import OwnerLock

_BATCH = 512
_PROBE_SECONDS = 1.0
_QUEUE_LIMIT = 20_000
"""Records that may wait for a disk that hangs. Beyond it the spool counts as failed, so that memory stays bounded."""

_Result = TypeVar("_Result")

log = get_logger("spool")


@dataclass(frozen=True, slots=True)
class _Waiting:
    payload: bytes
    written: asyncio.Future[bool]


class Spool:
    """The writing side of one process. Reading is the drainer's."""

    def __init__(self, directory: Path, *, limit: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.directory = directory
        self.owner: str | None = None
        self.failing = False
        self._limit = limit
        self._segment_bytes = segment_bytes
        self._lock: OwnerLock | None = None
        self._writers: dict[str, SegmentWriter] = {}
        self._queues: dict[str, dict[UUID, _Waiting]] = {SPOOLED: {}, REFUSED: {}}
        self._writing: dict[UUID, _Waiting] = {}
        self._flushing: asyncio.Task[None] | None = None
        # A thread of its own: the common ones may all be waiting for the address of a database that is gone.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")

    async def append(self, notice: Notice) -> None:
        """Return once the notice is durable in the spool; raise Unstorable if it cannot be.

        A caller that gives up leaves the notice to be written, and finds it here again when it comes back.
        """
        if not await asyncio.shield(self._enqueue(notice, SPOOLED)):
            raise Unstorable

    async def refuse(self, notice: Notice) -> None:
        """Keep a notice that Postgres will never take, in files of their own; as durable as `append`."""
        if not await asyncio.shield(self._enqueue(notice, REFUSED)):
            raise Unstorable
        notices_refused.inc()
        log.error("notice_set_aside", notice_id=str(notice.id))

    def append_soon(self, notice: Notice) -> None:
        """Write a notice for whose writing nobody waits any more."""
        self._enqueue(notice, SPOOLED)

    async def seal(self) -> list[Segment]:
        """End the active segment, so that everything written so far can be drained, and return this process's segments, oldest first."""
        return await self._in_thread(self._seal)

    async def run(self) -> None:
        """While writing fails, try now and then whether it would work again, until cancelled."""
        while True:
            await asyncio.sleep(_PROBE_SECONDS)
            if self.failing:
                with suppress(OSError, SpoolFull):
                    await self._in_thread(lambda: self._writer(SPOOLED).probe())
                    self.failing = False

    async def close(self) -> None:
        """Write what is queued and let other processes drain what is left."""
        if self._flushing is not None:
            await self._flushing
        await self._in_thread(self._release)
        self._thread.shutdown()

    def _enqueue(self, notice: Notice, kind: str) -> asyncio.Future[bool]:
        queue = self._queues[kind]
        waiting = queue.get(notice.id) or self._writing.get(notice.id)
        if waiting is not None:  # it was tried before, and its caller could not wait for the disk
            return waiting.written
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if len(queue) >= _QUEUE_LIMIT:
            written.set_result(False)
            return written
        queue[notice.id] = _Waiting(encode_notice(notice), written)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return written

    async def _flush(self) -> None:
        while kind := next((kind for kind, queue in self._queues.items() if queue), None):
            queue = self._queues[kind]
            self._writing = {notice_id: queue.pop(notice_id) for notice_id in list(queue)[:_BATCH]}
            ok = await self._write(kind, [waiting.payload for waiting in self._writing.values()])
            for waiting in self._writing.values():
                waiting.written.set_result(ok)
            self._writing = {}

    async def _write(self, kind: str, payloads: list[bytes]) -> bool:
        try:
            await self._in_thread(lambda: self._writer(kind).write(payloads))
        except (OSError, SpoolFull) as error:
            spool_failures.inc()
            if not self.failing:
                log.error("spool_failed", error=f"{type(error).__name__}: {error}", directory=str(self.directory))
            self.failing = True
            return False
        if self.failing:
            log.info("spool_works_again")
        self.failing = False
        spool_records_written.inc(len(payloads))
        return True

    def _writer(self, kind: str) -> SegmentWriter:
        if self._lock is None:
            self.owner, self._lock = OwnerLock.of_new_owner(self.directory)
            for suffix in (SPOOLED, REFUSED):
                self._writers[suffix] = SegmentWriter(
                    self.directory, self.owner, suffix=suffix, limit=self._limit, segment_bytes=self._segment_bytes
                )
        return self._writers[kind]

    def _seal(self) -> list[Segment]:
        """In the writing thread, so that no segment of ours is open while we list them."""
        if SPOOLED not in self._writers:
            return []
        self._writers[SPOOLED].seal()
        return [segment for segment in list_segments(self.directory) if segment.owner == self.owner]

    def _release(self) -> None:
        for writer in self._writers.values():
            writer.seal()
        if self._lock is not None:
            self._lock.release(remove=False)
            self._lock = None

    async def _in_thread(self, function: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)
