"""LISTEN/NOTIFY wake-ups between stages.

A NOTIFY after a commit wakes the listeners. Listeners also poll, so a lost NOTIFY costs at most a
second.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

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
"""Pause between two NOTIFYs.

Under load the listeners are awake anyway, and each NOTIFY costs a transaction.
"""
_CHECK_SECONDS = 30.0

log = get_logger("wakeup")

_sender = [uuid4().hex]


def sender() -> str:
    """Return the payload of the NOTIFYs of this process."""
    return _sender[0]


def share_sender(name: str) -> None:
    """Send the NOTIFYs of another process too, which wakes this one by itself.

    Must be called before listeners are made.
    """
    _sender[0] = name


class Waker:
    """Sends NOTIFY on its own connection, so that no caller waits.

    Wakes that come during a NOTIFY become one.
    """

    def __init__(self, url: str, channel: str) -> None:
        self._url = url
        self._channel = channel
        self._wanted = asyncio.Event()

    def wake(self) -> None:
        """Request a NOTIFY. Never waits and never fails."""
        self._wanted.set()

    async def run(self) -> None:
        """Send requested NOTIFYs until cancelled; reconnect after errors."""
        connection: Connection | None = None
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                try:
                    connection = connection or await connect(
                        self._url, application="zeus-relay waker"
                    )
                    await connection.execute(f"NOTIFY {self._channel}, '{sender()}'")
                    await asyncio.sleep(_REST_SECONDS)
                except CONNECT_ERRORS as error:
                    log.warning("notify_failed", channel=self._channel, error=describe_error(error))
                    await _drop(connection)
                    connection = None
                    await asyncio.sleep(_RECONNECT_SECONDS)
        finally:
            await _drop(connection)


class NotifyListener:
    """Waits for NOTIFYs; `wait` also returns after the poll interval."""

    def __init__(self, url: str, channels: tuple[str, ...], *, passes_own: bool = False) -> None:
        """Listen to `channels`.

        `passes_own` passes over the NOTIFYs of this process's wakers: their callers call `wake`.
        """
        self._url = url
        self._passed = sender() if passes_own else None
        self._woken = {channel: asyncio.Event() for channel in channels}

    def wake(self, channel: str) -> None:
        """Wake the waiters of a channel within this process."""
        self._woken[channel].set()

    async def wait(self, channel: str, seconds: float = POLL_SECONDS) -> None:
        """Return at the next wake-up of `channel`, or after `seconds`.

        A wake-up since the last call counts too.
        """
        event = self._woken[channel]
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)
        event.clear()

    async def run(self) -> None:
        """Listen until cancelled.

        Without a connection, or with one through a pooler, the polls of `wait` continue alone.
        """
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
                    await connection.add_listener(channel, self._setter(event))
                    event.set()  # covers every NOTIFY before LISTEN
                await _until_lost(connection, lost)
                log.warning("listener_lost")
            except CONNECT_ERRORS as error:
                log.warning("listen_failed", error=describe_error(error))
            finally:
                await _drop(connection)
            await asyncio.sleep(_RECONNECT_SECONDS)

    def _setter(self, event: asyncio.Event) -> Callable[..., None]:
        def notice(_connection: object, _pid: int, _channel: str, payload: object) -> None:
            if payload != self._passed:
                event.set()

        return notice


async def _until_lost(connection: Connection, lost: asyncio.Event) -> None:
    """Return when the connection is lost.

    A statement checks it from time to time: a network that drops packets reports no loss.
    """
    while not lost.is_set():
        try:
            await asyncio.wait_for(lost.wait(), _CHECK_SECONDS)
        except TimeoutError:
            await connection.execute("SELECT 1", timeout=CONNECT_TIMEOUT_S)


async def _drop(connection: Connection | None) -> None:
    if connection is not None and not connection.is_closed():
        with suppress(*CONNECT_ERRORS):
            await connection.close(timeout=1)
