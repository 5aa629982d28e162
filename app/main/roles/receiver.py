"""Receiver role: the public listener, and the recording of calls behind it."""

import asyncio
import signal
from collections.abc import Callable

from app.db.checks.database import check_now
from app.db.checks.defects import DatabaseUnfit
from app.db.connections import CONNECT_ERRORS
from app.db.notify import NOTICES, Waker
from app.logs import get_logger
from app.main.process.listeners import HttpListener
from app.main.process.roles import run_roles, with_background
from app.main.process.start import raise_open_files
from app.main.roles.health import with_health
from app.main.roles.recording import Recording
from app.main.roles.reload_sources import SourcesReload, sources_of
from app.network.allowed_sources import SourceCheck
from app.receiver.application import NotifyPath, make_receiver
from app.receiver.arrival_watch import ArrivalWatch
from app.receiver.endpoint import NotifyEndpoint
from app.receiver.http.admission import Admission
from app.receiver.http.connection_limit import ConnectionLimit
from app.receiver.http.protocol import make_protocol
from app.recording.rejected.sampler import Sampler
from app.settings import Settings

_CHECK_SECONDS = 30.0

log = get_logger("main")


class ReceiverRole:
    """Records and answers Zeus's calls."""

    name = "receiver"

    def __init__(self, settings: Settings, url: str) -> None:
        """Bind the public listener; raises CannotListen."""
        self._url = url
        self._waker = Waker(url, NOTICES)
        self._wake_neighbour: Callable[[], None] | None = None
        self._recording = Recording(settings, url, on_commit=self._wake)
        self._sampler = Sampler(url)
        self._sources = SourceCheck(sources_of(settings))
        self._stop_seconds = settings.stop_delay.total_seconds()
        self._stopping = False
        token = settings.notify_token.get_secret_value() if settings.notify_token else None
        endpoint = NotifyEndpoint(self._sources, self._recording.chain, self._sampler)
        path = NotifyPath(settings.notify_path, token)
        application = make_receiver(endpoint, path, self._is_ready)
        protocol = make_protocol(
            Admission(self._sources, self._sampler, path), ConnectionLimit(raise_open_files())
        )
        self._listener = HttpListener(
            application, settings.public_host, settings.public_port, protocol=protocol, public=True
        )
        self.url = f"http://{self._listener.address}{settings.notify_path}"
        log.info(
            "listening",
            role=self.name,
            address=self._listener.address,
            path=settings.notify_path,
            token=token is not None,
        )

    def on_recorded(self, wake: Callable[[], None]) -> None:
        """Call `wake` after each commit of notices: the worker in this process needs no NOTIFY."""
        self._wake_neighbour = wake

    def _wake(self) -> None:
        if self._wake_neighbour:
            self._wake_neighbour()
        self._waker.wake()

    def stop(self) -> None:
        """Stop accepting after RELAY_STOP_DELAY; answer the calls in flight.

        During the delay only /readyz reports the stop.
        """
        self._stopping = True
        asyncio.get_running_loop().call_later(self._stop_seconds, self._listener.stop)

    def _is_ready(self) -> bool:
        return not self._stopping and self._recording.chain.is_ready()

    async def run(self) -> None:
        """Answer calls until stopped. SIGHUP reloads the allowed sources and trusted proxies."""
        if hasattr(signal, "SIGHUP"):
            asyncio.get_running_loop().add_signal_handler(
                signal.SIGHUP, SourcesReload(self._sources)
            )
        background = (
            self._recording.run(),
            self._waker.run(),
            self._sampler.run(),
            self._check_database(),
            ArrivalWatch(self._listener.socket).run(),
        )
        await with_background(self._listener.run(), *background)
        await self._recording.close()

    async def _check_database(self) -> None:
        """Log the reason that keeps calls in the spool, until it is fixed.

        No call waits for this.
        """
        while True:
            try:
                await check_now(self._url, "receive")
            except DatabaseUnfit as unfit:
                log.error("database_unfit", found=str(unfit))
            except CONNECT_ERRORS:
                pass  # the appender logs it
            else:
                return
            await asyncio.sleep(_CHECK_SECONDS)


async def run_receive(settings: Settings, url: str) -> None:
    """Run the receiver alone."""
    await run_roles(with_health(settings, [ReceiverRole(settings, url)]))
