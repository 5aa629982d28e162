"""Monitor role: measures the database's state for the metrics and sends alerts."""

import asyncio

from app.db.engine import make_engine, make_sessions
from app.db.singleton_lock import SingletonLock
from app.main.process.roles import with_background
from app.operations.monitoring.alert_sender import LOCK_KEY, Alerting
from app.operations.monitoring.certificate_expiry import CertificateWatch
from app.operations.monitoring.collector import Job, Watch
from app.settings import Settings


class WatchRole:
    """Measures every few seconds until stopped."""

    name = "watch"

    def __init__(self, settings: Settings, url: str) -> None:
        """Build the jobs; no connection is made yet."""
        self._engine = make_engine(url, pool_size=1, application="zeus-relay watch")
        sessions = make_sessions(self._engine)
        self._alerting: Alerting | None = None
        jobs: list[Job] = []
        if settings.public_url is not None and settings.public_url.startswith("https:"):
            jobs.append(CertificateWatch(settings.public_url))
        if settings.alert_url is not None:
            lock = SingletonLock(url, LOCK_KEY, application="zeus-relay alerts")
            self._alerting = Alerting(
                settings.alert_url.get_secret_value(), sessions, lock, settings.spool_path
            )
            jobs.append(self._alerting)
        self._watch = Watch(sessions, *jobs)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End immediately: a lost measurement does not matter."""
        self._stopping.set()

    async def run(self) -> None:
        """Measure until stopped."""
        try:
            await with_background(self._until_stopped(), self._watch.run())
        finally:
            if self._alerting is not None:
                await self._alerting.close()
            await self._engine.dispose()

    async def _until_stopped(self) -> None:
        await self._stopping.wait()
