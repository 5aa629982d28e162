"""Light constant load of calls, as from a Zeus that never retries, during something else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

from app.simulator.player.caller import CallOutcome, send
from app.simulator.player.orders import SimulatedCall, build_run
from app.simulator.player.scenarios import SCENARIOS
from app.simulator.player.target import CallTarget

PREPARED_ORDERS = 20_000


@dataclass
class Load:
    """Calls of a load and their outcomes."""

    outcomes: list[tuple[SimulatedCall, CallOutcome]] = field(default_factory=list)

    @property
    def answers_other_than_200(self) -> list[CallOutcome]:
        return [outcome for _, outcome in self.outcomes if outcome.status != 200]

    @property
    def answered(self) -> set[tuple[str, str]]:
        """(order_no, status) of every call that was answered 200."""
        return {
            (call.order_no, call.status) for call, outcome in self.outcomes if outcome.status == 200
        }

    @property
    def slowest_s(self) -> float:
        return max(outcome.latency_s for _, outcome in self.outcomes)

    def __str__(self) -> str:
        return (
            f"{len(self.outcomes)} calls, {len(self.answers_other_than_200)} not answered 200, "
            f"slowest {self.slowest_s:.2f} s"
        )


_seeds = count(1)


@asynccontextmanager
async def constant_load(*targets: CallTarget, calls_per_s: float = 40.0) -> AsyncIterator[Load]:
    """Start calls on schedule during this block, alternating the targets. Wait for every answer."""
    load = Load()
    # The first call of a new order each time: every one of them is an event.
    calls = (
        order.calls[0]
        for order in build_run((SCENARIOS["usual"],), PREPARED_ORDERS, seed=next(_seeds))
    )
    tasks: set[asyncio.Task[None]] = set()

    async def call(target: CallTarget, one: SimulatedCall) -> None:
        load.outcomes.append((one, await send(target, one)))

    async def keep_calling() -> None:
        for number, one in enumerate(calls):
            tasks.add(asyncio.create_task(call(targets[number % len(targets)], one)))
            await asyncio.sleep(1 / calls_per_s)

    calling = asyncio.create_task(keep_calling())
    try:
        await asyncio.sleep(1)
        yield load
        await asyncio.sleep(1)
    finally:
        calling.cancel()
        await asyncio.gather(calling, *tasks, return_exceptions=True)
