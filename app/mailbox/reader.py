"""Reader of a mailbox: hands over every message once, and marks it after it was kept.

A message counts as read after `keep` has returned and its UID was saved. If the process ends in
between, the message is handed over again, so `keep` must recognise it by its hash.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Final, Protocol

from sqlalchemy.exc import SQLAlchemyError

from app.clock import now
from app.db.connections import CONNECT_ERRORS, describe_error
from app.logs import get_logger
from app.mailbox.imap.address import MailboxAddress
from app.mailbox.imap.blocking_thread import BlockingThread
from app.mailbox.imap.client import COMMAND_SECONDS
from app.mailbox.imap.failures import MailboxFailed
from app.mailbox.imap.folder import (
    WINDOW,
    CommandRefused,
    FolderTop,
    MailFolder,
    MessageTooLarge,
)
from app.mailbox.imap.sign_in import open_folder
from app.mailbox.positions import Positions
from app.metrics import mailbox_available, mailbox_messages, mailbox_read_timestamp

LOCK_KEY: Final = 7236405918
"""Advisory lock of the only reader."""
BATCH: Final = 50
"""Messages that are read and marked together, and whose UIDs are saved together."""
BATCH_BYTES: Final = 512 * 1024
"""Bytes of messages that are read together."""

log = get_logger("mailbox")


class Lock(Protocol):
    """What one process holds at a time, as SingletonLock."""

    async def is_ours(self) -> bool:
        """Return True when this process holds the lock; take it if it is free."""

    async def release(self) -> None:
        """Release the lock."""


@dataclass(frozen=True, slots=True)
class ReaderTimes:
    """Time limits and pauses of a reader, in seconds."""

    command: float = COMMAND_SECONDS
    every: float = 300.0
    """Pause at most between two looks, even if the server tells of nothing."""
    every_without_idle: float = 60.0
    lock: float = 15.0
    """Pause between two looks at the lock."""
    first_retry: float = 5.0
    last_retry: float = 300.0


class MailboxReader:
    """Reads one mailbox, in a thread of its own."""

    def __init__(
        self,
        address: MailboxAddress,
        positions: Positions,
        lock: Lock,
        keep: Callable[[bytes], Awaitable[None]],
        times: ReaderTimes | None = None,
    ) -> None:
        self._address = address
        self._positions = positions
        self._lock = lock
        self._keep = keep
        self._times = times or ReaderTimes()
        self._thread = BlockingThread("mailbox")
        self._failures = 0

    async def run(self) -> None:
        """Read until cancelled. After a failure, try again later and later."""
        try:
            while True:
                pause = await self._run_once()
                await asyncio.sleep(pause)
        finally:
            self._thread.end()
            await self._lock.release()

    async def _run_once(self) -> float:
        """Read while this process holds the lock. Return the pause before the next try."""
        try:
            if await self._lock.is_ours():
                await self._read_while_ours()
            self._forget_metrics()
            return self._times.lock
        except MailboxFailed as failure:
            log.warning("mailbox_failed", problem=str(failure), remedy=failure.remedy)
        except (SQLAlchemyError, *CONNECT_ERRORS) as error:
            log.warning("mailbox_interrupted", error=describe_error(error))
        mailbox_available.labels(self._address.name).set(0)
        self._failures += 1
        pause = self._times.first_retry * 2.0 ** float(min(self._failures - 1, 16))
        return float(min(pause, self._times.last_retry))

    async def _read_while_ours(self) -> None:
        opening = partial(open_folder, self._address, command_s=self._times.command)
        folder = await self._thread.run(opening)
        try:
            while True:
                await self._read_new(folder)
                self._failures = 0
                if not await self._wait(folder):
                    return
        finally:
            folder.abort()  # ends what the thread waits for
            self._thread.submit(folder.close)

    async def _read_new(self, folder: MailFolder) -> None:
        """Hand over every message after the saved position, in the order of UIDs."""
        name, uidvalidity = self._address.name, folder.uidvalidity
        position = await self._positions.find(name, uidvalidity)
        top = await self._thread.run(folder.top)
        while position < top.uid:
            position = await self._read_window(folder, position, top)
        await self._positions.save(name, uidvalidity, position, has_mails=False)
        mailbox_available.labels(name).set(1)
        mailbox_read_timestamp.labels(name).set(now().timestamp())

    async def _read_window(self, folder: MailFolder, position: int, top: FolderTop) -> int:
        """Hand over the messages of one window of UIDs. Return the position after it."""
        sizes = await self._thread.run(partial(folder.sizes, position + 1))
        if not sizes:
            following = await self._thread.run(partial(folder.next_uid, position + 1, top))
            return top.uid if following is None else following - 1
        for batch in _batches(sizes):
            await self._read_batch(folder, batch)
        return min(position + WINDOW, top.uid)

    async def _read_batch(self, folder: MailFolder, uids: list[int]) -> None:
        """Hand over messages of one batch: several small ones, or one of any size."""
        kept = []
        for uid, raw in (await self._fetch(folder, uids)).items():
            await self._keep(raw)
            kept.append(uid)
        mailbox_messages.labels("kept").inc(len(kept))
        if kept:
            await self._mark(folder, kept)
        name = self._address.name
        await self._positions.save(name, folder.uidvalidity, uids[-1], has_mails=bool(kept))

    async def _fetch(self, folder: MailFolder, uids: list[int]) -> dict[int, bytes]:
        """Return the messages by UID, without those that have gone or are too large."""
        found: dict[int, bytes] = {}
        if len(uids) > 1:
            found = await self._thread.run(partial(folder.small_messages, uids))
        for uid in uids:
            if uid in found:
                continue
            try:
                raw = await self._thread.run(partial(folder.message, uid))
            except MessageTooLarge:
                log.warning("mail_too_large", uid=uid)
                mailbox_messages.labels("too_large").inc()
                continue
            if raw:
                found[uid] = raw
            else:
                mailbox_messages.labels("gone").inc()
        return dict(sorted(found.items()))

    async def _mark(self, folder: MailFolder, uids: list[int]) -> None:
        """Mark messages. If the server refuses, they are still read only once."""
        try:
            await self._thread.run(partial(folder.mark, uids))
        except CommandRefused as refused:
            log.warning("mails_unmarked", problem=str(refused), mails=len(uids))
            mailbox_messages.labels("unmarked").inc(len(uids))

    async def _wait(self, folder: MailFolder) -> bool:
        """Wait until there may be something new. Return False if the lock is lost."""
        times = self._times
        if not folder.can_idle:
            await asyncio.sleep(times.every_without_idle)
            return await self._lock.is_ours()
        ends = monotonic() + times.every
        heard = await self._thread.run(folder.begin_idle)
        while not heard and monotonic() < ends:
            seconds = min(times.lock, max(0.0, ends - monotonic()))
            heard = await self._thread.run(partial(folder.hears_news, seconds))
            if not await self._lock.is_ours():
                return False
        await self._thread.run(folder.end_idle)
        return True

    def _forget_metrics(self) -> None:
        """Remove the metrics of a mailbox that another process reads."""
        for gauge in (mailbox_available, mailbox_read_timestamp):
            with suppress(KeyError):
                gauge.remove(self._address.name)


def _batches(sizes: Mapping[int, int]) -> Iterator[list[int]]:
    """Yield the UIDs in their order, those of neighbours together while they are small."""
    batch: list[int] = []
    size = 0
    for uid, more in sizes.items():
        if batch and (size + more > BATCH_BYTES or len(batch) == BATCH):
            yield batch
            batch, size = [], 0
        batch.append(uid)
        size += more
    if batch:
        yield batch
