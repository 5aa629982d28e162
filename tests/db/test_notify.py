"""NOTIFY of this process: a listener whose waker wakes it directly passes over it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from app.db.connections import connect
from app.db.notify import NOTICES, OUTBOUND, NotifyListener, Waker


@asynccontextmanager
async def listening(database_url: str, listener: NotifyListener) -> AsyncIterator[Waker]:
    """Run the listener and a waker of OUTBOUND. Yield the waker once both are connected."""
    waker = Waker(database_url, OUTBOUND)
    tasks = [asyncio.create_task(listener.run()), asyncio.create_task(waker.run())]
    await listener.wait(OUTBOUND, 10)  # the first wake covers every NOTIFY before LISTEN
    yield waker
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def waited(listener: NotifyListener, seconds: float) -> float:
    """Return how long a wait of at most so many seconds took."""
    began = time.monotonic()
    await listener.wait(OUTBOUND, seconds)
    return time.monotonic() - began


@pytest.mark.parametrize("passes_own", [False, True])
async def test_own_notifications(database_url: str, *, passes_own: bool) -> None:
    listener = NotifyListener(database_url, (NOTICES, OUTBOUND), passes_own=passes_own)
    async with listening(database_url, listener) as waker:
        waker.wake()
        assert (await waited(listener, 2) >= 2) is passes_own


async def other_process(database_url: str) -> None:
    connection = await connect(database_url)
    await connection.execute(f"NOTIFY {OUTBOUND}, 'another'")
    await connection.close()


async def transaction_of_this_process(database_url: str) -> None:
    connection = await connect(database_url)
    await connection.execute(f"NOTIFY {OUTBOUND}")
    await connection.close()


@pytest.mark.parametrize("notify", [other_process, transaction_of_this_process])
async def test_all_others_wake(database_url: str, notify: Callable[[str], object]) -> None:
    listener = NotifyListener(database_url, (NOTICES, OUTBOUND), passes_own=True)
    async with listening(database_url, listener):
        await notify(database_url)  # type: ignore[misc]
        assert await waited(listener, 10) < 10
