"""Bringing the spool into Postgres: in order, in batches, and never a file removed before the commit of its last record."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from app.db.connections import Connection, connect, describe_error
from app.logs import get_logger
from app.metrics import spool_records_drained
from app.receiving.append_statement import REFUSALS, append_notices
from app.receiving.notice import Notice
from app.receiving.segment_reader import Content, read_segment, remove_segment
from app.receiving.segments import Segment, in_order, list_segments
from app.receiving.spool import Spool
from app.receiving.spool_format import encode_notice
from app.receiving.spool_owner import LOCK, OwnerLock

BATCH = 256
STATEMENT_TIMEOUT_MS = 10_000
LOCK_TIMEOUT_MS = 5_000
_POLL_SECONDS = 1.0
_BACKOFF_LIMIT_SECONDS = 10.0
_PAUSE = 0.15
"""Share of a batch's time that is left to new calls after it: they run in the same process and on the same database."""

log = get_logger("spool")


@dataclass(slots=True)
class Drained:
    """What one round did: records now in Postgres, segments removed, records set aside, segments held by a living process."""

    records: int = 0
    segments: int = 0
    refused: int = 0
    held: int = 0


class Drainer:
    """Drains the segments of its own spool, if it has one, and of every process that is gone."""

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

    async def run(self) -> None:
        """Drain at the start and whenever there is something, until cancelled. Nothing that goes wrong here may stop the answering."""
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
        """Drain everything that may be drained now. Raises what the database or the disk raises; another round takes up where it failed."""
        drained = Drained()
        if not await asyncio.to_thread(list_segments, self._directory):
            return drained
        connection = await connect(
            self._url,
            application="zeus-relay drainer",
            statement_timeout_ms=STATEMENT_TIMEOUT_MS,
            lock_timeout_ms=LOCK_TIMEOUT_MS,
        )
        try:
            own = await self._spool.seal() if self._spool is not None else []
            with ExitStack() as locks:
                others = await asyncio.to_thread(self._claim, locks, drained)
                for segment in in_order(own + others):
                    await self._drain_segment(connection, segment, drained)
        finally:
            connection.terminate()
        if drained.segments:
            log.info("spool_drained", records=drained.records, segments=drained.segments, refused=drained.refused)
        return drained

    def _claim(self, locks: ExitStack, drained: Drained) -> list[Segment]:
        """The segments of owners that are gone; the owners' locks are held until `locks` closes."""
        own = self._spool.owner if self._spool is not None else None
        owners = {path.stem for path in self._directory.glob(f"*{LOCK}")}
        owners |= {segment.owner for segment in list_segments(self._directory)}
        gone = set()
        for owner in owners - {own}:
            lock = OwnerLock.of_gone_owner(self._directory, owner)
            if lock is not None:
                gone.add(owner)
                locks.callback(self._release, owner, lock)
        segments = [segment for segment in list_segments(self._directory) if segment.owner != own]
        drained.held = sum(segment.owner not in gone for segment in segments)
        return [segment for segment in segments if segment.owner in gone]

    def _release(self, owner: str, lock: OwnerLock) -> None:
        lock.release(remove=not any(segment.owner == owner for segment in list_segments(self._directory)))

    async def _drain_segment(self, connection: Connection, segment: Segment, drained: Drained) -> None:
        try:
            content = await asyncio.to_thread(read_segment, segment)
        except FileNotFoundError:
            return
        refused: list[bytes] = []
        for start in range(0, len(content.notices), BATCH):
            await self._append(connection, content.notices[start : start + BATCH], refused)
        await asyncio.to_thread(remove_segment, segment, content, refused)
        _count(drained, content, refused)

    async def _append(self, connection: Connection, notices: list[Notice], refused: list[bytes]) -> None:
        started = asyncio.get_running_loop().time()
        try:
            await append_notices(connection, notices)
        except REFUSALS as error:
            if len(notices) > 1:
                for notice in notices:
                    await self._append(connection, [notice], refused)
                return
            log.error("notice_refused", notice_id=str(notices[0].id), error=describe_error(error))
            refused.append(encode_notice(notices[0]))
            return
        self._on_commit()
        await asyncio.sleep((asyncio.get_running_loop().time() - started) * _PAUSE)


def _count(drained: Drained, content: Content, refused: list[bytes]) -> None:
    records = len(content.notices) - len(refused)
    drained.records += records
    drained.segments += 1
    drained.refused += len(refused) + len(content.unreadable)
    spool_records_drained.inc(records)
