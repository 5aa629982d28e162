"""The ladder of a receiver, built from the settings, with everything that has to run behind it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from app.recording.database_clock import clocks_agree
from app.recording.fallback import DATABASE_SHARE, FallbackChain
from app.recording.postgres.appender import Appender
from app.recording.spool.drainer import Drainer
from app.recording.spool.erasure import forget_older
from app.recording.spool.segments import make_directory
from app.recording.spool.spool import Spool
from app.recording.spool.status import SpoolMeter
from app.settings import Settings

_FORGET_SECONDS = 3_600.0


class Recording:
    """Postgres, the spool and the drain between them. `ladder` is what the endpoint records with."""

    def __init__(self, settings: Settings, url: str, *, on_commit: Callable[[], None]) -> None:
        """Build the parts; nothing is connected and no file is made yet."""
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
        self.ladder = FallbackChain(
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
                self._forget_forever(),
            ):
                group.create_task(job)
            group.create_task(self._show())

    async def _show(self) -> None:
        """Make the directory, so that an empty spool can be seen for what it is. Nobody waits for this: the disk may hang."""
        with suppress(OSError):
            await asyncio.to_thread(make_directory, self._directory)

    async def _forget_forever(self) -> None:
        """What was set aside on this disk holds personal data; only this process and its likes can reach it."""
        while self._personal_data_age:
            if await clocks_agree(self._url):
                with suppress(OSError):
                    await asyncio.to_thread(forget_older, self._directory, self._personal_data_age)
            await asyncio.sleep(_FORGET_SECONDS)

    async def close(self) -> None:
        """Write what is left, once the last call is answered. What the spool holds then is drained by whoever runs next."""
        await self._appender.drain()
        await self._spool.close()
