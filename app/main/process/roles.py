"""Roles of a process, started together and stopped in order."""

import asyncio
import signal
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from app.logs import get_logger

STOP_SECONDS = 30.0
"""Time in which a role finishes its work in flight before it is cancelled."""

log = get_logger("main")


class ProcessRole(Protocol):
    """A part of the service that runs until it is stopped."""

    name: str

    async def run(self) -> None:
        """Run until `stop`; an exception ends the process."""

    def stop(self) -> None:
        """Finish the work in flight and return from `run`."""


async def with_background(
    main: Coroutine[Any, Any, None], *background: Coroutine[Any, Any, None]
) -> None:
    """Run `main` to its end with `background` beside it.

    The background is cancelled at the end. If one of its coroutines fails, `main` is cancelled and
    the error is raised: half a role is of no use.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(coroutine) for coroutine in background]
        await main
        for task in tasks:
            task.cancel()


async def run_roles(roles: Sequence[ProcessRole]) -> None:
    """Run until SIGTERM or SIGINT, then stop the roles one by one, in their order.

    A role that ends by itself stops all. Raises the error of a role that failed.
    """
    stopping = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stopping.set)
    await run_roles_until(stopping, roles)


async def run_roles_until(stopping: asyncio.Event, roles: Sequence[ProcessRole]) -> None:
    """Run as `run_roles` does, until `stopping` is set."""
    tasks = [asyncio.create_task(role.run(), name=role.name) for role in roles]
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for role, task in zip(roles, tasks, strict=True):
        role.stop()
        _, unfinished = await asyncio.wait([task], timeout=STOP_SECONDS)
        task.cancel()
        log.info("stopped", role=role.name, in_time=not unfinished)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
