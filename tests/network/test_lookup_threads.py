"""Threads of lookups: kept for the next lookups, few when idle, and gone after `close`."""

import asyncio
import threading
import time
from collections.abc import Sequence
from ipaddress import ip_address

from app.network.address_rules import Address
from app.network.lookups import LookupLimits, Lookups

LOCALHOST = [ip_address("127.0.0.1")]


class Threads:
    """A lookup that notes its threads, and takes some time so that several are needed."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.used: set[threading.Thread] = set()
        self._seconds = seconds

    def __call__(self, host: str) -> Sequence[Address]:
        self.used.add(threading.current_thread())
        time.sleep(self._seconds)
        return LOCALHOST

    async def alive_at_most(self, count: int) -> None:
        """Return once no more than `count` of the threads are alive."""
        async with asyncio.timeout(10):
            while sum(thread.is_alive() for thread in self.used) > count:
                await asyncio.sleep(0.01)


async def _look_up(lookups: Lookups, hosts: Sequence[str]) -> None:
    answers = [lookups.ask(host).answer for host in hosts]
    assert [LOCALHOST] * len(hosts) == await asyncio.gather(*answers)


async def test_lookups_one_after_the_other_share_a_few_threads() -> None:
    threads = Threads()
    lookups = Lookups(threads)
    for number in range(100):
        await _look_up(lookups, [f"host-{number}.test"])
    assert len(threads.used) <= 2
    lookups.close()


async def test_a_burst_of_lookups_leaves_few_threads() -> None:
    threads = Threads(0.02)
    lookups = Lookups(threads, LookupLimits(quick=100))
    await _look_up(lookups, [f"host-{number}.test" for number in range(100)])
    assert len(threads.used) > 50
    await threads.alive_at_most(16)
    await _look_up(lookups, ["another.test"])
    lookups.close()
    await threads.alive_at_most(0)
