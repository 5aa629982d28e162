"""The roles: what runs in one process, built from its parts, started together and stopped in order."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Protocol

from app.db.engine import make_engine, make_sessions
from app.db.wakeup import NOTICES, OUTBOUND, Waker
from app.db.wakeup import Listener as WakeListener
from app.judging.judge import Judge
from app.logs import get_logger
from app.main.listeners import Listener
from app.receiver.application import make_receiver
from app.receiver.endpoint import NotifyEndpoint
from app.receiving.appender import Appender
from app.receiving.sources import SourceCheck
from app.settings import Settings
from app.worker.judging_loop import JudgingLoop

STOP_SECONDS = 25.0
"""How long one role may take to stop before it is left behind; containers are killed 30 s after SIGTERM in the compose file."""

log = get_logger("main")


class Role(Protocol):
    """Something that runs until it is told to stop."""

    name: str

    async def run(self) -> None:
        """Run until `stop`; an exception ends the process."""

    def stop(self) -> None:
        """Finish what is in flight and return from `run`."""


class Receiver:
    """The public listener with the appender behind it."""

    name = "receiver"

    def __init__(self, settings: Settings, url: str) -> None:
        self._waker = Waker(url, NOTICES)
        self._appender = Appender(url, on_commit=self._waker.wake)
        check = SourceCheck(settings.allowed_sources, settings.trusted_proxies)
        token = settings.notify_token.get_secret_value() if settings.notify_token else None
        application = make_receiver(NotifyEndpoint(check, self._appender), settings.notify_path, token, lambda: True)
        self._listener = Listener(application, settings.public_host, settings.public_port)
        log.info("receiver_listening", address=self._listener.address, path=settings.notify_path, token=token is not None)

    def stop(self) -> None:
        """Stop accepting; calls in flight are answered."""
        self._listener.stop()

    async def run(self) -> None:
        """Answer calls until stopped."""
        await with_background(self._listener.run(), self._appender.run(), self._waker.run())
        await self._appender.drain()


async def with_background(main: Coroutine[Any, Any, None], *background: Coroutine[Any, Any, None]) -> None:
    """Run `main` to its end with `background` beside it; the background is cancelled then, and if one of it dies, `main` dies too."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(coroutine) for coroutine in background]
        await main
        for task in tasks:
            task.cancel()


async def run_roles(roles: list[Role]) -> None:
    """Run until SIGTERM or SIGINT, then stop the roles one after the other in their order. A role that dies ends all."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)
    tasks = {role.name: asyncio.create_task(role.run(), name=role.name) for role in roles}
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait([waiting, *tasks.values()], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for role in roles:
        log.info("stopping", role=role.name)
        role.stop()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.wait([tasks[role.name]])), STOP_SECONDS)
    failures = [task.exception() for task in tasks.values() if task.done() and not task.cancelled()]
    for task in tasks.values():
        task.cancel()
    for failure in failures:
        if failure is not None:
            raise failure
