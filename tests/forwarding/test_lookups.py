"""Name look-ups: shared, limited, slow names apart, and last addresses of a silent name server."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from app.forwarding.destinations.http.sender import TimeLimits
from app.network.address_rules import Address, DestinationRefused
from app.network.lookups import LookupLimits
from app.network.resolver import VettingResolver
from tests.forwarding.delivery_setup import DeliverySetup, until

HOME = [ip_address("127.0.0.1")]
LOOPBACK = ip_network("127.0.0.0/8")
NARROW = LookupLimits(quick=2, overdue=4, slow=1, slow_s=0.05)


class NameServer:
    """Look-ups that hang for names beginning with `silent`, until they are released."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.silent = ("silent",)
        self.error: OSError | None = None
        self._let_go = threading.Event()

    def __call__(self, host: str) -> Sequence[Address]:
        self.asked[host] += 1
        if host.startswith(self.silent):
            self._let_go.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if self.error is not None:
            raise self.error
        return HOME

    def let_go(self) -> None:
        """End every hanging look-up."""
        self._let_go.set()


@pytest.fixture
def name_server() -> NameServer:
    return NameServer()


def resolver(name_server: NameServer, limits: LookupLimits | None = NARROW) -> VettingResolver:
    return VettingResolver([LOOPBACK], name_server, limits)


async def hosts(made: VettingResolver, name: str) -> list[str]:
    return [str(found) for found in await made.addresses(name)]


async def test_concurrent_look_ups_of_a_name_are_one(
    name_server: NameServer,
) -> None:
    made = resolver(name_server)
    found = await asyncio.gather(*(hosts(made, "shop.example") for _ in range(20)))
    assert [["127.0.0.1"]] * 20 == found
    assert 1 == name_server.asked["shop.example"]


async def test_names_with_a_silent_server_do_not_block_the_threads_of_others(
    name_server: NameServer,
) -> None:
    made = resolver(name_server)
    hanging = [
        asyncio.create_task(made.addresses(f"silent{number}.example")) for number in range(4)
    ]
    async with asyncio.timeout(5):
        assert ["127.0.0.1"] == await hosts(made, "shop.example")
    name_server.let_go()
    for failed in await asyncio.gather(*hanging, return_exceptions=True):
        assert isinstance(failed, socket.gaierror)


async def test_no_more_threads_hang_than_are_allowed(name_server: NameServer) -> None:
    made = resolver(name_server)
    hanging = [
        asyncio.create_task(made.addresses(f"silent{number}.example")) for number in range(40)
    ]
    await asyncio.sleep(0.6)
    assert (
        5 <= len(name_server.asked) <= 6
    )  # four overdue, and those that began before the fourth was
    assert not await made.begin("shop.example", patience_s=0.1)
    name_server.let_go()
    await asyncio.gather(*hanging, return_exceptions=True)
    assert await made.begin("shop.example")


async def test_slow_names_share_their_own_threads_and_the_next_does_not_wait(
    name_server: NameServer,
) -> None:
    made = resolver(name_server)
    first = [asyncio.create_task(made.addresses(f"silent{number}.example")) for number in range(2)]
    while len(made._lookups._slow_names) < 2:
        await asyncio.sleep(0.01)
    name_server.let_go()
    await asyncio.gather(*first, return_exceptions=True)
    name_server._let_go.clear()
    assert await made.begin("silent0.example")
    started = time.monotonic()
    assert not await made.begin("silent1.example", patience_s=5)
    assert time.monotonic() - started < 2
    assert await made.begin("shop.example")
    name_server.let_go()


async def test_a_name_that_answers_quickly_again_is_no_longer_slow(name_server: NameServer) -> None:
    made = resolver(name_server)
    first = [asyncio.create_task(made.addresses(f"silent{number}.example")) for number in range(2)]
    while len(made._lookups._slow_names) < 2:
        await asyncio.sleep(0.01)
    name_server.let_go()
    await asyncio.gather(*first, return_exceptions=True)
    name_server.silent = ("nobody",)
    assert ["127.0.0.1"] == await hosts(made, "silent0.example")
    assert list(made._lookups._slow_names) == ["silent1.example"]


async def test_while_a_name_server_is_silent_the_last_addresses_are_used(
    name_server: NameServer,
) -> None:
    made = resolver(name_server)
    assert ["127.0.0.1"] == await hosts(made, "shop.example")
    made._known["shop.example"].found_at -= 60
    name_server.silent = ("shop",)
    started = time.monotonic()
    assert ["127.0.0.1"] == await hosts(made, "shop.example")
    assert await made.begin("shop.example")
    assert time.monotonic() - started < 2
    name_server.let_go()


async def test_a_failed_look_up_leaves_the_last_addresses_in_use(
    name_server: NameServer,
) -> None:
    made = resolver(name_server)
    await hosts(made, "shop.example")
    made._known["shop.example"].found_at -= 60
    name_server.error = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    assert ["127.0.0.1"] == await hosts(made, "shop.example")


async def test_the_last_addresses_are_checked_again(name_server: NameServer) -> None:
    networks = [LOOPBACK]
    made = VettingResolver(networks, name_server, NARROW)
    await hosts(made, "shop.example")
    made._known["shop.example"].found_at -= 60
    name_server.silent = ("shop",)
    networks.clear()
    with pytest.raises(DestinationRefused, match="loopback"):
        await made.addresses("shop.example")
    name_server.let_go()


async def test_a_name_that_no_longer_exists_is_removed(name_server: NameServer) -> None:
    made = resolver(name_server)
    await hosts(made, "shop.example")
    made._known["shop.example"].found_at -= 60
    name_server.error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            await made.addresses("shop.example")


async def test_addresses_are_not_used_for_longer_than_a_day(name_server: NameServer) -> None:
    made = resolver(name_server)
    await hosts(made, "shop.example")
    made._known["shop.example"].found_at -= 25 * 3600
    name_server.error = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    with pytest.raises(socket.gaierror):
        await made.addresses("shop.example")


def test_a_hanging_look_up_does_not_prevent_the_process_from_ending() -> None:
    program = """
import asyncio, time
from app.network.resolver import VettingResolver
async def main():
    resolver = VettingResolver([], lambda host: time.sleep(60))
    assert await resolver.begin("shop.example")
    resolver.close()
asyncio.run(main())
"""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", program], check=True, timeout=50, env=dict(os.environ))
    assert time.monotonic() - started < 40


async def test_waiting_for_others_look_ups_is_no_attempt(
    setup: DeliverySetup, name_server: NameServer
) -> None:
    """More names than threads, all silent but one: a wait for a thread is not an attempt."""
    arrived = []

    async def take(request: web.Request) -> web.Response:
        arrived.append(await request.read())
        return web.Response()

    application = web.Application()
    application.router.add_post("/hooks", take)
    limits = LookupLimits(quick=1, overdue=2, slow=1, slow_s=0.05)
    async with TestServer(application) as server:
        for number in range(12):
            await setup.subscriber(f"http://silent{number}.example:{server.port}/hooks")
        good, _ = await setup.subscriber(f"http://shop.example:{server.port}/hooks")
        await setup.event()
        options = {
            "lookup": name_server,
            "lookup_limits": limits,
            "limits": TimeLimits(1, 1),
            "schedule": (timedelta(0), timedelta(hours=1)),
        }
        async with setup.forwarder(**options):
            await asyncio.sleep(3)
            attempted = await setup.rows("SELECT outcome FROM attempts")
            waiting = (
                "SELECT 1 FROM outbound_webhooks "
                "WHERE attempts + excused = 0 AND due_at < now() + interval '2 min'"
            )
            assert len(attempted) <= 4
            assert {"timeout"} >= {row.outcome for row in attempted}
            assert len(await setup.rows(waiting)) == 13 - len(attempted)
            name_server.let_go()

            async def good_has_it() -> bool:
                return bool(arrived)

            await until(good_has_it, 20)
    [row] = await setup.rows(
        "SELECT attempts, excused FROM outbound_webhooks WHERE subscriber_id = :id", id=good
    )
    assert (1, 0) == (row.attempts, row.excused)
