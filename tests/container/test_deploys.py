"""Deploys and outages of containers while Zeus calls: every call is answered 200 and kept."""

import asyncio
import json
from datetime import datetime, timedelta

import pytest

from app.simulator.player.target import Method
from tests.container.installation import Installation
from tests.container.load import Load, constant_load

pytestmark = [pytest.mark.container, pytest.mark.timeout(600)]

RECEIVERS = ("receiver-1", "receiver-2")
FIRST_HEALTH_CHECK = timedelta(seconds=4)
"""Less than the image's health check waits before its first request."""
MOST_IN_FLIGHT = 4
"""Most calls in flight at the moments of two kills, of 40 a second on a busy machine."""


def moment(text: str) -> datetime:
    """Return a time as the engine writes it, to the second."""
    return datetime.fromisoformat(text[:19])


def nothing_is_lost(installation: Installation, load: Load, *, slowest_s: float) -> None:
    print(load)
    assert load.outcomes
    assert load.answers_other_than_200 == []
    assert load.answered <= installation.calls_in_postgres()
    assert load.slowest_s < slowest_s


async def test_each_receiver_restarted_in_turn(installation: Installation) -> None:
    async with constant_load(
        installation.target(Method.GET), installation.target(Method.POST)
    ) as load:
        for receiver in RECEIVERS:
            await installation.do("restart", receiver)
            await asyncio.to_thread(installation.wait_until_healthy, receiver)
    nothing_is_lost(installation, load, slowest_s=10)


async def test_up_with_something_new_replaces_one_receiver_after_the_other(
    installation: Installation,
) -> None:
    replaced = (*RECEIVERS, "worker-1", "worker-2", "operator")
    before = {
        service: installation.container(service) for service in (*replaced, "postgres", "proxy")
    }
    async with constant_load(
        installation.target(Method.GET), installation.target(Method.POST)
    ) as load:
        installation.set_variable("RELAY_RETRY_SCHEDULE", "0s,1s,5s")
        await installation.do("up", "--detach", "--no-build")
    installation.wait_until_healthy()
    after = {service: installation.container(service) for service in before}
    assert {service for service in before if before[service] != after[service]} == set(replaced)
    first, second = (installation.inspected(receiver) for receiver in RECEIVERS)
    assert moment(second["Created"]) - moment(first["State"]["StartedAt"]) >= FIRST_HEALTH_CHECK
    nothing_is_lost(installation, load, slowest_s=10)


async def test_a_receiver_killed_and_brought_back(installation: Installation) -> None:
    async with constant_load(installation.target(Method.GET)) as load:
        await installation.do("kill", "-s", "KILL", "receiver-1")
        await asyncio.sleep(5)
        assert not installation.state("receiver-1")["Running"]
        await installation.do("start", "receiver-1")
        await asyncio.to_thread(installation.wait_until_healthy, "receiver-1")
    nothing_is_lost(installation, load, slowest_s=10)


async def test_both_receivers_stopped_together(installation: Installation) -> None:
    async with constant_load(installation.target(Method.GET)) as load:
        await installation.do("kill", "-s", "KILL", *RECEIVERS)
        await asyncio.sleep(4)
        await installation.do("start", *RECEIVERS)
    installation.wait_until_healthy(*RECEIVERS)
    assert load.slowest_s > 4
    nothing_is_lost(installation, load, slowest_s=40)


async def test_calls_by_post_while_receivers_are_killed_get_no_error_answer(
    installation: Installation,
) -> None:
    """A call with its body in flight at the kill gets no answer in time; all others get 200."""
    async with constant_load(installation.target(Method.POST)) as load:
        await installation.do("kill", "-s", "KILL", "receiver-1")
        await asyncio.sleep(3)
        await installation.do("kill", "-s", "KILL", "receiver-2")
        await asyncio.sleep(3)
        await installation.do("start", *RECEIVERS)
    installation.wait_until_healthy(*RECEIVERS)
    print(load)
    assert {outcome.error for outcome in load.answers_other_than_200} <= {"timeout"}
    assert len(load.answers_other_than_200) <= MOST_IN_FLIGHT
    assert load.answered <= installation.calls_in_postgres()


async def test_a_receiver_that_hangs(installation: Installation) -> None:
    async with constant_load(installation.target(Method.GET)) as load:
        await installation.do("pause", "receiver-2")
        await asyncio.sleep(12)
    late = [outcome for _, outcome in load.outcomes if outcome.latency_s > 10]
    await installation.do("unpause", "receiver-2")
    installation.wait_until_healthy("receiver-2")
    assert late, "the receiver held no call when it was stopped"
    nothing_is_lost(installation, load, slowest_s=40)


async def test_a_receiver_stops_in_time_and_of_its_own_accord(installation: Installation) -> None:
    async with constant_load(installation.target()) as load:
        await installation.do("stop", "receiver-1")
        assert installation.state("receiver-1")["ExitCode"] == 0
        await installation.do("start", "receiver-1")
    installation.wait_until_healthy("receiver-1")
    nothing_is_lost(installation, load, slowest_s=10)


async def test_workers_killed_while_calls_come_in_lose_no_event(installation: Installation) -> None:
    async with constant_load(installation.target()) as load:
        await installation.do("kill", "-s", "KILL", "worker-1")
        await asyncio.sleep(2)
        await installation.do("start", "worker-1")
        await installation.do("kill", "-s", "KILL", "worker-2")
        await installation.do("start", "worker-2")
    installation.wait_until_healthy("worker-1", "worker-2")
    nothing_is_lost(installation, load, slowest_s=10)
    wanted = {order_no for order_no, _ in load.answered}
    for _ in range(90):  # a killed worker's webhooks become due when its leases end
        got = await asyncio.to_thread(installation.shop)
        delivered = {event["data"]["order_no"] for _, event in got["received"]}
        if wanted <= delivered:
            break
        await asyncio.sleep(1)
    assert wanted - delivered == set()
    assert got["unverified"] == []


async def test_postgres_away_for_a_while(installation: Installation) -> None:
    async with constant_load(
        installation.target(Method.GET), installation.target(Method.POST)
    ) as load:
        await installation.do("stop", "postgres")
        await asyncio.sleep(5)
        # Answered calls of a receiver that is killed now are only in its spool.
        spool = json.loads(
            await installation.do(
                "exec", "-T", "receiver-1", "zeus-relay", "spool", "show", "--json"
            )
        )
        assert spool["records"] > 0
        await installation.do("kill", "-s", "KILL", "receiver-1")
        await installation.do("start", "receiver-1")
        await asyncio.sleep(3)
        await installation.do("start", "postgres")
        await asyncio.to_thread(installation.wait_until_healthy)
        await asyncio.sleep(5)
    nothing_is_lost(installation, load, slowest_s=15)
