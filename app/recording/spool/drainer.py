"""Drainer: copies the spool to Postgres in order and in batches. A file is removed only after the
commit of its last record.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import asyncpg

from app.db.connections import Connection, connect, describe_error
from app.db.sqlstates import is_data_error
from app.logs import get_logger
from app.metrics import spool_entries_skipped, spool_records_drained
from app.recording.postgres.insert import append_notices
from app.recording.spool.segment_claims import (
    Claim,
    Claimed,
    SegmentHeld,
    claim_segments,
    describe_problem,
)
from app.recording.spool.segment_reader import (
    Found,
    Remains,
    keep_remains,
    read_batches,
    remove_segment,
)
from app.recording.spool.segments import list_segments
from app.recording.spool.spool import Spool

BATCH = 256
STATEMENT_TIMEOUT_MS = 10_000
LOCK_TIMEOUT_MS = 5_000
_POLL_SECONDS = 1.0
_BACKOFF_LIMIT_SECONDS = 10.0
_SKIP_SECONDS = 60.0
"""Seconds before an unusable entry is tried again."""
_PAUSE = 0.15
"""Pause after a batch, as a share of its duration. New calls use the same process and database."""

log = get_logger("spool")

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class _Unusable(Exception):
    """A directory entry cannot be read or removed. The database works."""


@dataclass(slots=True)
class Drained:
    """Result of one round.

    Records stored, segments removed, records refused, segments held by living processes.

    `skipped` counts unusable entries.
    """

    records: int = 0
    segments: int = 0
    refused: int = 0
    held: int = 0
    skipped: int = 0


class Drainer:
    """Drains the segments of its own spool, if any, and of every process that has ended."""

    def __init__(
        self,
        url: str,
        directory: Path,
        *,
        spool: Spool | None = None,
        on_commit: Callable[[], None] = lambda: None,
        worth_trying: Callable[[], bool] = lambda: True,
    ) -> None:
        self._url = url
        self._directory = directory
        self._spool = spool
        self._on_commit = on_commit
        self._worth_trying = worth_trying
        self._skipped: dict[
            Path, tuple[float, str]
        ] = {}  # time of the next try, by the monotonic clock, and the reason

    async def run(self) -> None:
        """Drain at the start and whenever the spool holds records, until cancelled.

        No error ends it.
        """
        wait = _POLL_SECONDS
        while True:
            try:
                if self._worth_trying():
                    await self.drain_once()
                wait = _POLL_SECONDS
            except Exception as error:
                log.warning("drain_interrupted", error=describe_error(error), retry_seconds=wait)
                wait = min(wait * 2, _BACKOFF_LIMIT_SECONDS)
            await asyncio.sleep(wait)

    async def drain_once(self) -> Drained:
        """Drain every segment that may be drained now. Unusable entries are skipped for a while.

        Raises database errors; the next round continues where this one failed.
        """
        drained = Drained()
        if not await self._is_something_there():
            return drained
        connection = await connect(
            self._url,
            application="zeus-relay drainer",
            statement_timeout_ms=STATEMENT_TIMEOUT_MS,
            lock_timeout_ms=LOCK_TIMEOUT_MS,
        )
        try:
            own = await self._spool.claim_own() if self._spool is not None else []
            with ExitStack() as locks:
                others = await asyncio.to_thread(
                    self._claim, locks, {claim.segment.path for claim in own}
                )
                drained.held = others.held
                self._skip_all(others.unusable, drained)
                for claim in sorted([*own, *others.claims], key=lambda claim: claim.segment.age):
                    await self._drain_claim(connection, claim, drained)
        finally:
            connection.terminate()
        if drained.segments:
            log.info(
                "spool_drained",
                records=drained.records,
                segments=drained.segments,
                refused=drained.refused,
            )
        return drained

    async def _is_something_there(self) -> bool:
        if self._spool is not None and self._spool.has_records():
            return True
        segments = await asyncio.to_thread(list_segments, self._directory)
        return any(not self._is_skipped(segment.path) for segment in segments)

    def _claim(self, locks: ExitStack, known: set[Path]) -> Claimed:
        return claim_segments(
            self._directory, locks, self._spool.owner if self._spool is not None else None, known
        )

    async def _drain_claim(self, connection: Connection, claim: Claim, drained: Drained) -> None:
        path = claim.segment.path
        if self._is_skipped(path):
            drained.skipped += 1
            return
        try:
            await self._drain_segment(connection, claim, drained)
            self._skipped.pop(path, None)
        except FileNotFoundError:  # another process drained it
            self._skipped.pop(path, None)
        except SegmentHeld:
            drained.held += 1
        except _Unusable as unusable:
            self._skip_all({path: str(unusable)}, drained)

    async def _drain_segment(self, connection: Connection, claim: Claim, drained: Drained) -> None:
        remains = Remains()
        records = 0
        with ExitStack() as opened:
            descriptor = await _on_disk(opened.enter_context, claim.open())
            batches = read_batches(descriptor, claim.segment, remains, size=BATCH)
            reading = _begin_reading(batches)
            try:
                while batch := await reading:
                    # read the next one while Postgres writes this one
                    reading = _begin_reading(batches)
                    await self._append(connection, batch, remains)
                    records += len(batch)
            finally:
                reading.cancel()
            await _on_disk(keep_remains, claim.segment, descriptor, remains)
            claim.drained()
            await _on_disk(remove_segment, claim.segment, descriptor)
        _count(drained, records, remains)

    def _is_skipped(self, path: Path) -> bool:
        again_at, _ = self._skipped.get(path, (0.0, ""))
        return time.monotonic() < again_at

    def _skip_all(self, unusable: dict[Path, str], drained: Drained) -> None:
        """Skip entries for a while. Each is logged once per reason."""
        drained.skipped += len(unusable)
        for path, reason in unusable.items():
            if self._is_skipped(path):
                continue
            spool_entries_skipped.inc()
            if self._skipped.get(path, (0.0, ""))[1] != reason:
                log.error("spool_entry_skipped", entry=path.name, reason=reason)
            self._skipped[path] = (time.monotonic() + _SKIP_SECONDS, reason)

    async def _append(self, connection: Connection, batch: list[Found], remains: Remains) -> None:
        started = asyncio.get_running_loop().time()
        try:
            await append_notices(connection, [found.notice for found in batch])
        except asyncpg.PostgresError as error:
            if not is_data_error(error):
                raise
            if len(batch) > 1:
                for found in batch:
                    await self._append(connection, [found], remains)
                return
            log.error(
                "notice_refused", notice_id=str(batch[0].notice.id), error=describe_error(error)
            )
            remains.refused.append(batch[0].place)
            return
        self._on_commit()
        await asyncio.sleep((asyncio.get_running_loop().time() - started) * _PAUSE)


async def _on_disk(
    function: Callable[_Arguments, _Result], *arguments: _Arguments.args, **named: _Arguments.kwargs
) -> _Result:
    """Run disk access in a thread, and keep its errors apart from the database's."""
    try:
        return await asyncio.to_thread(function, *arguments, **named)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _Unusable(describe_problem(error)) from error


def _begin_reading(batches: Iterator[list[Found]]) -> asyncio.Task[list[Found] | None]:
    """Return a task that reads the next batch in a thread; its result is None after the last one.

    Its exception stays with it, and is dropped if the database failed before.
    """
    reading = asyncio.create_task(_on_disk(next, batches, None))
    reading.add_done_callback(lambda task: task.cancelled() or task.exception())
    return reading


def _count(drained: Drained, records: int, remains: Remains) -> None:
    stored = records - len(remains.refused)
    drained.records += stored
    drained.segments += 1
    drained.refused += len(remains.refused) + len(remains.unreadable)
    spool_records_drained.inc(stored)
