"""Wake-up between stages: NOTIFY after a commit wakes whoever listens; everybody also polls, so a lost one costs a second at most."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from app.db.connections import (
    CONNECT_ERRORS,
    CONNECT_TIMEOUT_S,
    Connection,
    connect,
    describe_error,
    is_pooled,
)
from app.logs import get_logger

NOTICES = "zeus_relay_notices"
OUTBOUND = "zeus_relay_outbound"
POLL_SECONDS = 1.0
_RECONNECT_SECONDS = 1.0
_REST_SECONDS = 0.005
"""Between two NOTIFYs: under load those who listen are awake anyway, and each NOTIFY costs a transaction."""
_CHECK_SECONDS = 30.0

log = get_logger("wakeup")


class Waker:
    """Sends NOTIFY on a connection of its own, off everybody's path; wakes that come while one is under way become one."""

    def __init__(self, url: str, channel: str) -> None:
        self._url = url
        self._channel = channel
        self._wanted = asyncio.Event()

    def wake(self) -> None:
        """Ask for a NOTIFY soon. Never waits, never fails."""
        self._wanted.set()

    async def run(self) -> None:
        """Send what was asked for, until cancelled; reconnects by itself."""
        connection: Connection | None = None
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                try:
                    connection = connection or await connect(
                        self._url, application="zeus-relay waker"
                    )
                    await connection.execute(f"NOTIFY {self._channel}")
                    await asyncio.sleep(_REST_SECONDS)
                except CONNECT_ERRORS as error:
                    log.warning("notify_failed", channel=self._channel, error=describe_error(error))
                    await _drop(connection)
                    connection = None
                    await asyncio.sleep(_RECONNECT_SECONDS)
        finally:
            await _drop(connection)


class NotifyListener:
    """Turns NOTIFYs into events; `wait` returns on one or after the poll interval, whichever is first."""

    def __init__(self, url: str, channels: tuple[str, ...]) -> None:
        self._url = url
        self._woken = {channel: asyncio.Event() for channel in channels}

    def wake(self, channel: str) -> None:
        """Wake the waiters of a channel within this process."""
        self._woken[channel].set()

    async def wait(self, channel: str, seconds: float = POLL_SECONDS) -> None:
        """Return at the next wake-up of `channel`, one that came since the last call included, or after `seconds`."""
        event = self._woken[channel]
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)
        event.clear()

    async def run(self) -> None:
        """Listen until cancelled; while there is no connection, or only one through a pooler, the polls of `wait` carry on alone."""
        while True:
            lost = asyncio.Event()
            connection: Connection | None = None
            try:
                connection = await connect(self._url, application="zeus-relay listener")
                connection.add_termination_listener(lambda *_, lost=lost: lost.set())
                if is_pooled(self._url):
                    log.info(
                        "polling_only",
                        reason="the database is behind a pooler, where LISTEN reaches nobody",
                    )
                    await _drop(connection)
                    await asyncio.Event().wait()
                for channel, event in self._woken.items():
                    await connection.add_listener(channel, _setter(event))
                    event.set()  # whatever was notified before we listened
                await _stay(connection, lost)
                log.warning("listener_lost")
            except CONNECT_ERRORS as error:
                log.warning("listen_failed", error=describe_error(error))
            finally:
                await _drop(connection)
            await asyncio.sleep(_RECONNECT_SECONDS)


async def _stay(connection: Connection, lost: asyncio.Event) -> None:
    """Return when the connection is lost. It is asked now and then: from behind a black hole no packet says that it is gone."""
    while not lost.is_set():
        try:
            await asyncio.wait_for(lost.wait(), _CHECK_SECONDS)
        except TimeoutError:
            await connection.execute("SELECT 1", timeout=CONNECT_TIMEOUT_S)


def _setter(event: asyncio.Event) -> Callable[..., None]:
    return lambda *_: event.set()


async def _drop(connection: Connection | None) -> None:
    if connection is not None and not connection.is_closed():
        with suppress(*CONNECT_ERRORS):
            await connection.close(timeout=1)
