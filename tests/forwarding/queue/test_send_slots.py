"""Whose turn it is to be sent: no more at once than a subscriber allows, in order, and nobody forgotten."""

import asyncio
from dataclasses import replace

from app.clock import uuid7
from app.forwarding.queue.send_slots import SendSlots
from app.forwarding.webhook import DeliveryTarget


def target(max_in_flight: int) -> DeliveryTarget:
    return DeliveryTarget(uuid7(), "https://shop.example/hooks", None, max_in_flight, ())


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_was_claimed_ahead_is_sent_in_order_and_never_more_at_once_than_allowed() -> (
    None
):
    slots, shop, begun = SendSlots(), target(2), []

    async def send(number: int) -> None:
        assert await slots.acquire(shop)
        begun.append(number)

    tasks = [asyncio.create_task(send(number)) for number in range(5)]
    await settle()
    assert (begun, slots.in_flight) == ([0, 1], 2)
    slots.release(shop)
    await settle()
    assert begun == [0, 1, 2]
    for _ in range(4):
        slots.release(shop)
        await settle()
    await asyncio.gather(*tasks)
    assert (begun, slots.in_flight) == ([0, 1, 2, 3, 4], 0)


async def test_one_subscriber_does_not_wait_for_another() -> None:
    slots, slow, other = SendSlots(), target(1), target(1)
    assert await slots.acquire(slow)
    assert await asyncio.wait_for(slots.acquire(other), 1)


async def test_those_who_wait_can_be_sent_away() -> None:
    slots, shop, other = SendSlots(), target(1), target(1)
    assert await slots.acquire(shop)
    assert await slots.acquire(other)
    waiting = [asyncio.create_task(slots.acquire(to)) for to in (shop, shop, other)]
    await settle()
    slots.dismiss_waiting(shop.subscriber_id)
    await settle()
    assert [task.done() and task.result() for task in waiting[:2]] == [False, False]
    assert not waiting[2].done()
    slots.dismiss_waiting()
    assert not await waiting[2]
    slots.release(shop)
    assert await asyncio.wait_for(slots.acquire(shop), 1)


async def test_a_turn_given_to_somebody_who_was_cancelled_goes_to_the_next() -> None:
    slots, shop = SendSlots(), target(1)
    assert await slots.acquire(shop)
    first, second = (asyncio.create_task(slots.acquire(shop)) for _ in range(2))
    await settle()
    slots.release(shop)  # the first has the turn, but does not know yet
    first.cancel()
    assert await asyncio.wait_for(second, 1)
    assert first.cancelled()
    slots.release(shop)
    assert slots.in_flight == 0


async def test_whoever_waited_too_long_is_sent_away_even_when_there_is_room_at_last() -> None:
    slots, shop = SendSlots(patience_s=0.05), target(1)
    assert await slots.acquire(shop)
    late = [asyncio.create_task(slots.acquire(shop)) for _ in range(2)]
    await settle()
    slots.dismiss_late()
    await settle()
    assert not any(task.done() for task in late)
    await asyncio.sleep(0.1)
    in_time = asyncio.create_task(slots.acquire(shop))
    await settle()
    assert [await task for task in late] == [False, False]
    slots.release(shop)
    assert await asyncio.wait_for(in_time, 1)


async def test_those_behind_sends_that_hang_are_sent_away() -> None:
    slots, shop = SendSlots(patience_s=0.05), target(1)
    assert await slots.acquire(shop)
    late = asyncio.create_task(slots.acquire(shop))
    await asyncio.sleep(0.1)
    assert not late.done()
    slots.dismiss_late()
    assert not await asyncio.wait_for(late, 1)
    assert slots.in_flight == 1


async def test_a_limit_that_was_changed_holds_for_whoever_waits_already() -> None:
    slots, shop = SendSlots(), target(3)
    for _ in range(3):
        assert await slots.acquire(shop)
    lowered, raised = replace(shop, max_in_flight=1), replace(shop, max_in_flight=4)
    first = asyncio.create_task(slots.acquire(lowered))
    await settle()
    for _ in range(2):
        slots.release(shop)
    await settle()
    assert (first.done(), slots.in_flight) == (False, 1)
    others = [asyncio.create_task(slots.acquire(raised)) for _ in range(2)]
    assert all([await asyncio.wait_for(task, 1) for task in (first, *others)])
    assert slots.in_flight == 4


async def test_somebody_cancelled_while_waiting_takes_no_turn() -> None:
    slots, shop = SendSlots(), target(1)
    assert await slots.acquire(shop)
    first, second = (asyncio.create_task(slots.acquire(shop)) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    slots.release(shop)
    assert await asyncio.wait_for(second, 1)
