"""Asking the bench's subscriber what arrived, and how long that took."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from bench.processes import get

_POLL_S = 0.2


class NotArrived(Exception):
    """Webhooks did not arrive although there was time enough."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How a set of durations is spread, in milliseconds."""

    p50_ms: float
    p95_ms: float


class Inbox:
    """What arrived at the subscriber on `port`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.first: dict[tuple[str, str], float] = {}
        """When the first webhook for a name about an order arrived, in seconds of the monotonic clock."""
        self.most_waiting = 0
        """How many webhooks were waiting for their answer at once, at most, between the last two looks."""

    async def look(self) -> None:
        """Fetch what has arrived since the last look."""
        _, content = await get(self._port, "/arrivals", patience_s=30)
        told = json.loads(content)
        self.most_waiting = told["most_waiting"]
        for name, order_no, moment in told["arrivals"]:
            self.first.setdefault((name, order_no), moment)

    async def wait_for(self, count: int, patience_s: float = 60) -> None:
        """Look until webhooks of `count` names and orders have arrived. Raises NotArrived when none arrives for `patience_s` seconds."""
        seen, moment = len(self.first), time.monotonic()
        while len(self.first) < count:
            await asyncio.sleep(_POLL_S)
            await self.look()
            if len(self.first) > seen:
                seen, moment = len(self.first), time.monotonic()
            if time.monotonic() - moment > patience_s:
                raise NotArrived(f"{seen} of {count}")

    async def delays(
        self, sent: Mapping[str, float], *names: str, patience_s: float = 60
    ) -> Spread:
        """The spread of the times from each call to the arrival of its webhook for each of `names`. Raises NotArrived."""
        due = {(name, order_no): moment for name in names for order_no, moment in sent.items()}
        deadline = time.monotonic() + patience_s
        while due.keys() - self.first.keys():
            if time.monotonic() > deadline:
                raise NotArrived(f"{len(due.keys() - self.first.keys())} of {len(due)}")
            await asyncio.sleep(_POLL_S)
            await self.look()
        return _spread([self.first[key] - moment for key, moment in due.items()])

    @property
    def per_s(self) -> float:
        """Arrivals per second, without the first and the last tenth: a start and an end are no rate."""
        moments = sorted(self.first.values())
        first, last = len(moments) // 10, len(moments) - 1 - len(moments) // 10
        return (last - first) / (moments[last] - moments[first])


def _spread(seconds: list[float]) -> Spread:
    ordered = sorted(seconds)
    return Spread(*(1000 * ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.95)))
