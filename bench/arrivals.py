"""Arrivals of webhooks at the bench's subscriber, and how long they took."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from bench.processes import get

_POLL_S = 0.2


class NotArrived(Exception):
    """Webhooks did not arrive in time."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Distribution of a set of durations, in milliseconds."""

    p50_ms: float
    p95_ms: float


class Inbox:
    """Arrivals at the subscriber on `port`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.first: dict[tuple[str, str], float] = {}
        """Time of the first webhook for each name and order, in seconds of the monotonic clock."""
        self.most_waiting = 0
        """Most webhooks that waited for an answer together, between the last two fetches."""

    async def look(self) -> None:
        """Fetch what has arrived since the last fetch."""
        _, content = await get(self._port, "/arrivals", patience_s=30)
        fetched = json.loads(content)
        self.most_waiting = fetched["most_waiting"]
        for name, order_no, moment in fetched["arrivals"]:
            self.first.setdefault((name, order_no), moment)

    async def wait_for(self, count: int, patience_s: float = 60) -> None:
        """Fetch until webhooks of `count` names and orders have arrived.

        Raise NotArrived when none arrives for `patience_s` seconds.
        """
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
        """Return the distribution of the times from each call to its webhook for each of `names`.

        Raise NotArrived.
        """
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
        """Return arrivals per second, without the first and the last tenth."""
        moments = sorted(self.first.values())
        first, last = len(moments) // 10, len(moments) - 1 - len(moments) // 10
        return (last - first) / (moments[last] - moments[first])


def _spread(seconds: list[float]) -> Spread:
    ordered = sorted(seconds)
    return Spread(*(1000 * ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.95)))
