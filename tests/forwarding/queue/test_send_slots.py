"""Send slots: the limit of a subscriber, the order of waiters, and the end of waits."""

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


async def test_webhooks_claimed_ahead_are_sent_in_order_and_never_above_the_limit() -> None:
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


async def test_waiters_can_be_dismissed() -> None:
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


async def test_a_slot_granted_to_a_cancelled_waiter_goes_to_the_next() -> None:
    slots, shop = SendSlots(), target(1)
    assert await slots.acquire(shop)
    first, second = (asyncio.create_task(slots.acquire(shop)) for _ in range(2))
    await settle()
    slots.release(shop)  # the first has the slot, but has not noticed yet
    first.cancel()
    assert await asyncio.wait_for(second, 1)
    assert first.cancelled()
    slots.release(shop)
    assert slots.in_flight == 0


async def test_late_waiters_are_dismissed_even_when_a_slot_is_free_at_last() -> None:
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


async def test_waiters_behind_hanging_sends_are_dismissed() -> None:
    slots, shop = SendSlots(patience_s=0.05), target(1)
    assert await slots.acquire(shop)
    late = asyncio.create_task(slots.acquire(shop))
    await asyncio.sleep(0.1)
    assert not late.done()
    slots.dismiss_late()
    assert not await asyncio.wait_for(late, 1)
    assert slots.in_flight == 1


async def test_a_changed_limit_applies_to_those_that_wait_already() -> None:
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


async def test_a_cancelled_waiter_takes_no_slot() -> None:
    slots, shop = SendSlots(), target(1)
    assert await slots.acquire(shop)
    first, second = (asyncio.create_task(slots.acquire(shop)) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    slots.release(shop)
    assert await asyncio.wait_for(second, 1)
