"""Player of whole orders: call after call as Zeus does, or at a constant rate for load tests."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat, zip_longest
from typing import TypeVar

from app.simulator.player.caller import CallVerdict, send
from app.simulator.player.orders import SimulatedCall, SimulatedOrder
from app.simulator.player.report import PlayResult, Report
from app.simulator.player.target import CallTarget

Item = TypeVar("Item")
Observer = Callable[[PlayResult], None]


@dataclass(frozen=True, slots=True)
class Retries:
    """Retries of a call: at most `most`, each `after_s` seconds after a timeout."""

    most: int = 0
    after_s: float = 0.0


def _ignore(_: PlayResult) -> None:
    return


async def play(
    target: CallTarget,
    orders: Iterable[SimulatedOrder],
    *,
    connections: int = 8,
    retries: Retries | None = None,
    on_result: Observer = _ignore,
) -> Report:
    """Send every call of `orders`, the calls of one order one after the other.

    Up to `connections` orders are played at the same time. Only timeouts are retried, an error
    answer never is (manual, CGI call). A turn that is sent several times opens more connections.
    `on_result` is told of every try as it ends.
    """
    started = time.perf_counter()
    results: list[PlayResult] = []

    def note(result: PlayResult) -> None:
        results.append(result)
        on_result(result)

    async def play_order(order: SimulatedOrder) -> None:
        play_call = partial(_play_call, target, order.scenario.name, retries or Retries(), note)
        for turn, call in zip(order.scenario.turns, order.calls, strict=True):
            await _share(repeat(call, turn.times), turn.connections, play_call)

    await _share(orders, connections, play_order)
    return Report(tuple(results), time.perf_counter() - started)


async def play_at_rate(
    target: CallTarget,
    orders: Sequence[SimulatedOrder],
    calls_per_s: float,
    *,
    on_result: Observer = _ignore,
) -> Report:
    """Start the calls of `orders` on schedule and retry none (an open loop).

    Calls do not wait for earlier answers. The orders are played round by round, so that one order's
    calls lie as far apart as the rate allows. Latencies run from the intended start. A slow
    receiver collects any number of connections.
    """
    started = time.perf_counter()
    results: list[PlayResult] = []

    async def play_call(scenario: str, call: SimulatedCall, intended: float) -> None:
        result = PlayResult(
            scenario, call.order_no, call.status, await send(target, call, intended_start=intended)
        )
        results.append(result)
        on_result(result)

    async with asyncio.TaskGroup() as group:
        for number, (scenario, call) in enumerate(_round_by_round(orders)):
            intended = started + number / calls_per_s
            # Also with no time to wait: started calls only get on while this loop sleeps.
            await asyncio.sleep(max(0.0, intended - time.perf_counter()))
            group.create_task(play_call(scenario, call, intended))
    return Report(tuple(results), time.perf_counter() - started)


async def _play_call(
    target: CallTarget, scenario: str, retries: Retries, note: Observer, call: SimulatedCall
) -> None:
    for left in range(retries.most, -1, -1):
        outcome = await send(target, call, retries_left=left)
        note(PlayResult(scenario, call.order_no, call.status, outcome))
        if outcome.verdict is not CallVerdict.RETRY:
            return
        await asyncio.sleep(retries.after_s)


async def _share(
    items: Iterable[Item], workers: int, do: Callable[[Item], Awaitable[None]]
) -> None:
    """Do every item, up to `workers` at a time."""
    rest = iter(items)

    async def work() -> None:
        for item in rest:
            await do(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())


def _round_by_round(orders: Sequence[SimulatedOrder]) -> Iterator[tuple[str, SimulatedCall]]:
    """Yield the first call of every order, then every second call, and so on."""
    for sent_now in zip_longest(*map(_calls_of, orders)):
        yield from (pair for pair in sent_now if pair is not None)


def _calls_of(order: SimulatedOrder) -> Iterator[tuple[str, SimulatedCall]]:
    for turn, call in zip(order.scenario.turns, order.calls, strict=True):
        yield from repeat((order.scenario.name, call), turn.times)
