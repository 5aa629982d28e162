"""The watch over how things stand, beside the operator's side: it measures for the metrics."""

import asyncio

from app.db.engine import make_engine, make_sessions
from app.main.roles import with_background
from app.operating.watch import Watch
from app.settings import Settings


class WatchRole:
    """Measures every few seconds until stopped."""

    name = "watch"

    def __init__(self, settings: Settings, url: str) -> None:
        """Build it; nothing is connected yet."""
        self._engine = make_engine(url, pool_size=1, application="zeus-relay watch")
        self._watch = Watch(make_sessions(self._engine))
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End at once: nothing is lost with a measurement."""
        self._stopping.set()

    async def run(self) -> None:
        """Measure until stopped."""
        try:
            await with_background(self._until_stopped(), self._watch.run())
        finally:
            await self._engine.dispose()

    async def _until_stopped(self) -> None:
        await self._stopping.wait()
