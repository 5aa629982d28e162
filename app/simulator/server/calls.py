"""Calls about an order: query, faults to order, retries, and the outcome in the API's words."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from app.simulator.player.caller import CallOutcome, CallVerdict, send
from app.simulator.player.orders import ALL_PARAMETERS, SimulatedCall
from app.simulator.player.target import CallTarget, target_of
from app.simulator.state.settings import SimulatorSettings
from app.simulator.state.store import MadeCall, SlipStore
from app.zeus.statuses import Status
from app.zeus.wire import encode

NOT_MADE = {
    "made": False,
    "http_status": None,
    "error": None,
    "seconds": None,
    "tries": 0,
    "lost": False,
}
_HELD_SECONDS = 1.0


def query_of(values: Mapping[str, str], status: Status, settings: SimulatorSettings) -> bytes:
    """Return the query that reports `status`, with the parameters that the merchant chose."""
    said = {**values, "status": status.value}
    chosen = [name for name in ALL_PARAMETERS if name in settings.parameters]
    return encode({name: said.get(name, "") for name in chosen}, style=settings.style)


@dataclass(frozen=True, slots=True)
class _Held:
    """A call that is made after the next one."""

    order_no: str
    call: MadeCall


class CallMaker:
    """Makes calls under the settings of the moment, keeps them, and counts for the faults to order.

    `begin` runs a coroutine in the background. `on_lost` is told each call that was held and is
    lost, with the number of its order; of any other call the outcome says so.
    """

    def __init__(
        self,
        store: SlipStore,
        begin: Callable[[Coroutine[Any, Any, None]], object],
        on_lost: Callable[[str, MadeCall], Awaitable[None]],
    ) -> None:
        self._store = store
        self._begin = begin
        self._on_lost = on_lost
        self._made = 0
        self._held: list[_Held] = []

    def reset(self) -> None:
        """Count from the beginning, and forget calls that are held."""
        self._made = 0
        self._held.clear()

    def skip(self, order_no: str, status: str, query: bytes, at: datetime, reason: str) -> MadeCall:
        """Keep a call that is not made."""
        return self._store.add_call(order_no, status, query, at, {**NOT_MADE, "reason": reason})

    def drop(self, order_no: str, status: str, query: bytes, at: datetime) -> MadeCall:
        """Keep a call that gets lost on its way: nobody makes it again by itself."""
        outcome = {**NOT_MADE, "reason": "dropped", "lost": True}
        return self._store.add_call(order_no, status, query, at, outcome)

    async def make(
        self, order_no: str, status: str, query: bytes, at: datetime, settings: SimulatorSettings
    ) -> MadeCall:
        """Make one call, with the faults that are ordered, and return it with its outcome.

        Raises:
            SlipNotFound: the order was forgotten in the meantime.
        """
        faults = settings.faults.calls
        if settings.call_url is None:
            return self.skip(order_no, status, query, at, "no_call_url")
        self._made += 1
        if _falls_on(self._made, faults.drop_every):
            return self.drop(order_no, status, query, at)
        if _falls_on(self._made, faults.swap_every):
            return self._hold(order_no, self.skip(order_no, status, query, at, "held"), settings)
        earlier, self._held = self._held, []
        outcome = await _outcome(order_no, status, query, settings)
        call = self._store.add_call(order_no, status, query, at, outcome)
        for held in earlier:
            await self._make_held(held, settings)
        return call

    def _hold(self, order_no: str, call: MadeCall, settings: SimulatorSettings) -> MadeCall:
        held = _Held(order_no, call)
        self._held.append(held)
        self._begin(self._make_late(held, settings))
        return call

    async def _make_late(self, held: _Held, settings: SimulatorSettings) -> None:
        await asyncio.sleep(_HELD_SECONDS)
        if held in self._held:
            self._held.remove(held)
            await self._make_held(held, settings)

    async def _make_held(self, held: _Held, settings: SimulatorSettings) -> None:
        outcome = await _outcome(held.order_no, held.call.status, held.call.query, settings)
        self._store.set_outcome(held.order_no, held.call.n, outcome)
        if outcome["lost"]:
            await self._on_lost(held.order_no, held.call)


def _falls_on(number: int, every: int) -> bool:
    return every > 0 and number % every == 0


async def _outcome(
    order_no: str, status: str, query: bytes, settings: SimulatorSettings
) -> dict[str, Any]:
    faults = settings.faults.calls
    await asyncio.sleep(faults.delay)
    call = SimulatedCall(order_no, status, query[: len(query) * 2 // 3] if faults.garble else query)
    target = _target(settings)
    outcomes = [await _with_retries(target, call, settings) for _ in range(faults.times)]
    return _words(*outcomes[-1])


@lru_cache(maxsize=4)  # a TLS context takes long to make
def _target(settings: SimulatorSettings) -> CallTarget:
    faults = settings.faults.calls
    target = target_of(settings.call_url or "", method=settings.method, timeout_s=settings.timeout)
    return replace(target, user_agent=settings.user_agent, source=faults.source, slow_s=faults.slow)


async def _with_retries(
    target: CallTarget, call: SimulatedCall, settings: SimulatorSettings
) -> tuple[CallOutcome, int]:
    """Call until an answer comes or no retry is left. Only a timeout is retried (manual, call)."""
    for left in range(settings.retries, -1, -1):
        outcome = await send(target, call, retries_left=left)
        if outcome.verdict is not CallVerdict.RETRY:
            break
        await asyncio.sleep(settings.retry_after)
    return outcome, settings.retries - left + 1


def _words(outcome: CallOutcome, tries: int) -> dict[str, Any]:
    return {
        "made": True,
        "http_status": outcome.status,
        "error": outcome.error,
        "seconds": round(outcome.latency_s, 3),
        "tries": tries,
        "lost": outcome.verdict is CallVerdict.MAIL,
        "reason": None,
    }
