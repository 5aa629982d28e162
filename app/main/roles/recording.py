"""The fallback chain of a receiver, built from the settings, with its background tasks."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from app.recording.database_clock import clocks_agree
from app.recording.fallback import DATABASE_SHARE, FallbackChain
from app.recording.postgres.appender import Appender
from app.recording.spool.drainer import Drainer
from app.recording.spool.erasure import erase_old_files
from app.recording.spool.segments import make_directory
from app.recording.spool.spool import Spool
from app.recording.spool.status import SpoolMeter
from app.settings import Settings

_ERASE_SECONDS = 3_600.0


class Recording:
    """Postgres, the spool and the drainer between them. The endpoint records with `chain`."""

    def __init__(self, settings: Settings, url: str, *, on_commit: Callable[[], None]) -> None:
        """Build the chain; no connection and no file is made yet."""
        budget = settings.answer_budget.total_seconds()
        self._appender = Appender(url, on_commit=on_commit, share=budget * DATABASE_SHARE)
        self._spool = Spool(settings.spool_path, limit=settings.spool_limit)
        self._drainer = Drainer(
            url,
            settings.spool_path,
            spool=self._spool,
            on_commit=on_commit,
            worth_trying=lambda: self._appender.breaker.available,
        )
        self._url = url
        self._directory = settings.spool_path
        self._personal_data_age = timedelta(days=settings.personal_data_days)
        self._meter = SpoolMeter(settings.spool_path)
        self.chain = FallbackChain(
            self._appender,
            self._spool,
            budget=budget,
            when_unstorable=settings.when_unstorable,
            hold_limit=settings.hold_limit,
        )

    async def run(self) -> None:
        """Commit, probe, drain and measure, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for job in (
                self._appender.run(),
                self._spool.run(),
                self._drainer.run(),
                self._meter.run(),
                self._erase_forever(),
            ):
                group.create_task(job)
            group.create_task(self._make_directory())

    async def _make_directory(self) -> None:
        """Make the spool directory, so that an empty spool differs from a missing one.

        Nothing waits for this, since the disk may hang.
        """
        with suppress(OSError):
            await asyncio.to_thread(make_directory, self._directory)

    async def _erase_forever(self) -> None:
        """Erase old rejected and damaged records on this disk every hour.

        They hold personal data, and only processes on this machine can reach them.
        """
        while self._personal_data_age:
            if await clocks_agree(self._url):
                with suppress(OSError):
                    await asyncio.to_thread(
                        erase_old_files, self._directory, self._personal_data_age
                    )
            await asyncio.sleep(_ERASE_SECONDS)

    async def close(self) -> None:
        """Write the remaining notices after the last call is answered.

        The next process drains the spool.
        """
        await self._appender.drain()
        await self._spool.close()
