"""Spool: durable place on disk for notices while Postgres is away. Concurrent calls share one write
and one sync.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from app.logs import get_logger
from app.metrics import notices_refused, spool_failures, spool_files_lost, spool_records_written
from app.recording.notice import RawNotice, Unstorable
from app.recording.spool.held_segments import HeldSegments
from app.recording.spool.owner_lock import OwnerLock
from app.recording.spool.record_format import encode_notice
from app.recording.spool.segment_claims import Claim
from app.recording.spool.segments import (
    REFUSED,
    SEGMENT_BYTES,
    SPOOLED,
    OpenSegment,
    SegmentLost,
    SegmentWriter,
    SpoolFull,
)

_BATCH = 512
_LOOK_SECONDS = 1.0
_TRIES = 3
_REFUSED_SECONDS = 60.0
"""Seconds without a refused notice after which their file is ended, so that operators can use it.
"""
_QUEUE_LIMIT = 20_000
"""Records queued for a hanging disk at most.

Beyond it the spool counts as failed, which bounds memory.
"""

_Result = TypeVar("_Result")

log = get_logger("spool")


@dataclass(frozen=True, slots=True)
class _Waiting:
    payload: bytes
    written: asyncio.Future[bool]


class Spool:
    """Writing side of one process. The drainer reads."""

    def __init__(self, directory: Path, *, limit: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.directory = directory
        self.owner: str | None = None
        self.failing = False
        self._lock: OwnerLock | None = None
        self._held = {SPOOLED: HeldSegments(), REFUSED: HeldSegments()}
        self._writers = {
            suffix: SegmentWriter(
                directory,
                "",
                suffix=suffix,
                limit=limit,
                segment_bytes=segment_bytes,
                on_sealed=on_sealed,
            )
            for suffix, on_sealed in (
                (SPOOLED, self._held[SPOOLED].add),
                (REFUSED, self._leave_refused),
            )
        }
        self._refused_at = float("-inf")
        self._queues: dict[str, dict[UUID, _Waiting]] = {SPOOLED: {}, REFUSED: {}}
        self._writing: dict[UUID, _Waiting] = {}
        self._flushing: asyncio.Task[None] | None = None
        # A thread of its own: the shared ones may all wait for the address of a lost database.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")

    async def append(self, notice: RawNotice) -> None:
        """Return once the notice is durable in the spool. Raises Unstorable.

        A caller that gives up leaves its notice in the queue, and finds it there when it comes
        back.
        """
        if not await asyncio.shield(self._enqueue(notice, SPOOLED)):
            raise Unstorable

    async def refuse(self, notice: RawNotice) -> None:
        """Keep a notice that Postgres refuses, in files of their own. As durable as `append`."""
        if not await asyncio.shield(self._enqueue(notice, REFUSED)):
            raise Unstorable
        notices_refused.inc()
        log.error("notice_set_aside", notice_id=str(notice.id))

    def append_soon(self, notice: RawNotice) -> None:
        """Write a notice that no caller waits for any more."""
        self._enqueue(notice, SPOOLED)

    def has_records(self) -> bool:
        """Return True if this process holds undrained records, as far as known."""
        return self._writers[SPOOLED].is_writing or bool(self._held[SPOOLED])

    async def claim_own(self) -> list[Claim]:
        """End the active segment, so that it can be drained.

        Return this process's segments, oldest first.
        """
        return await self._in_thread(self._claim_own)

    async def run(self) -> None:
        """Rewrite segments that were removed, and probe the disk while writing fails, until
        cancelled.
        """
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            with suppress(OSError, SpoolFull):
                if self.failing:
                    await self._in_thread(lambda: self._writer(SPOOLED).probe())
                    self.failing = False
                while await self._in_thread(
                    self._look_after
                ):  # one segment at a time, to write calls in between
                    pass

    async def close(self) -> None:
        """Write the queue and release the rest for other processes."""
        if self._flushing is not None:
            await self._flushing
        await self._in_thread(self._release)
        self._thread.shutdown()

    def _enqueue(self, notice: RawNotice, kind: str) -> asyncio.Future[bool]:
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
            await self._in_thread(lambda: self._write_reachably(kind, payloads))
        except (OSError, SpoolFull) as error:
            spool_failures.inc()
            if not self.failing:
                log.error(
                    "spool_failed",
                    error=f"{type(error).__name__}: {error}",
                    directory=str(self.directory),
                )
            self.failing = True
            return False
        if self.failing:
            log.info("spool_works_again")
        self.failing = False
        spool_records_written.inc(len(payloads))
        return True

    def _write_reachably(self, kind: str, payloads: list[bytes]) -> None:
        """Write records durably, with an owner that others can see. Raises OSError or SpoolFull."""
        if kind == REFUSED:
            self._refused_at = time.monotonic()
        for left in reversed(range(_TRIES)):
            self._drop_lost_lock()
            try:
                self._writer(kind).write(payloads)
                if self._lock is not None and self._lock.is_reachable():
                    return
            except (FileNotFoundError, SegmentLost):  # removed meanwhile
                if not left:
                    raise
        raise SegmentLost("the lock was removed again and again")

    def _writer(self, kind: str) -> SegmentWriter:
        if self._lock is None:
            self.owner, self._lock = OwnerLock.of_new_owner(self.directory)
            for writer in self._writers.values():
                writer.owner = self.owner
        return self._writers[kind]

    def _drop_lost_lock(self) -> bool:
        """Begin anew under another name if the lock's name no longer leads to it.

        Others may drain for the owner then.
        """
        if self._lock is None or self._lock.is_reachable():
            return False
        log.error("spool_lock_lost", owner=self.owner)
        spool_files_lost.inc()
        for writer in self._writers.values():
            writer.seal()
        self._lock.release(remove=False)
        self._lock = None
        return True

    def _look_after(self) -> bool:
        """Check that written records can be reached by name, and rescue one segment that cannot.

        Return True if one was.
        """
        self._drop_lost_lock()
        if time.monotonic() - self._refused_at > _REFUSED_SECONDS:
            self._writers[REFUSED].seal()
        for kind, writer in self._writers.items():
            if not writer.is_reachable():
                writer.seal()
            if self._held[kind].rescue_one(partial(self._write_reachably, kind)):
                return True
        return False

    def _leave_refused(self, segment: OpenSegment) -> None:
        """Close a file of refused notices, unless its name no longer leads to it."""
        if segment.is_reachable():
            segment.close()
        else:
            self._held[REFUSED].add(segment)

    def _claim_own(self) -> list[Claim]:
        """Seal in the writing thread, so that nothing is written meanwhile."""
        self._writers[SPOOLED].seal()
        return self._held[SPOOLED].claims()

    def _release(self) -> None:
        with suppress(OSError, SpoolFull):
            while self._look_after():
                pass
        for kind, writer in self._writers.items():
            writer.seal()
            self._held[kind].close()
        if self._lock is not None:
            self._lock.release(remove=False)
            self._lock = None

    async def _in_thread(self, function: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)
