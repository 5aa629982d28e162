"""Immediate leases: a worker leases webhooks as it makes them, and sends them after the commit.

They need no claim, which would be one more statement and one more version of each row. Only
webhooks that a claim would take next are leased so: nothing else is due for their subscriber,
nothing of their order is pending, and it has room for them. All others wait for a claim. If the
worker is killed before it sends, the lease ends and a claim finds them.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from app.forwarding.webhook import ClaimedWebhook

_END_SECONDS = 5.0
EVENTS_AT_ONCE = 16
"""Most events of a transaction whose webhooks are leased. More of them come faster than they can be
sent, so a claim has to share the room between subscribers."""
WEBHOOKS_AT_ONCE = 64
"""Most webhooks that a transaction leases."""


@dataclass(frozen=True, slots=True)
class Room:
    """Room of a worker for webhooks: `limit` in all, `of_busy` for each subscriber that is busy."""

    limit: int
    of_busy: Mapping[UUID, int]
    lease: timedelta
    token: UUID = field(default_factory=uuid4)


@dataclass(slots=True)
class LeasedNow:
    """Webhooks of one transaction that are leased to this worker.

    `tells_nobody` is True if no forwarder and no reader of a feed has to be woken: every webhook is
    leased.
    """

    find_room: Callable[[], Room | None]
    room: Room | None = None
    webhooks: Sequence[ClaimedWebhook] = ()
    tells_nobody: bool = False

    def ask_for_room(self, events: int) -> Room | None:
        """Return the room for webhooks of so many events, or None if all must wait for a claim."""
        self.room = self.find_room() if 0 < events <= EVENTS_AT_ONCE else None
        return self.room


class ImmediateLeases:
    """Gives room to transactions, and sends what they leased. One in a worker."""

    def __init__(
        self,
        find_room: Callable[[], Room | None],
        send: Callable[[Sequence[ClaimedWebhook]], Any],
    ) -> None:
        """`find_room` returns the room that is left now; `send` takes webhooks to send."""
        self._find_room = find_room
        self._send = send
        self.reserved = 0
        """Room given to transactions that have not ended."""
        self._ended = asyncio.Event()
        self._ended.set()

    @contextmanager
    def transaction(self) -> Iterator[LeasedNow]:
        """Yield what one transaction leases. The transaction must end within the block.

        Webhooks are sent if it was committed, that is, without an exception.
        """
        leased_now = LeasedNow(self._give)
        try:
            yield leased_now
            if leased_now.webhooks:
                self._send(leased_now.webhooks)
        finally:
            self._reserve(-leased_now.room.limit if leased_now.room else 0)

    async def ended(self) -> None:
        """Wait until no transaction holds room, at most for some seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), _END_SECONDS)

    def _give(self) -> Room | None:
        room = self._find_room()
        self._reserve(room.limit if room else 0)
        return room

    def _reserve(self, webhooks: int) -> None:
        self.reserved += webhooks
        if self.reserved:
            self._ended.clear()
        else:
            self._ended.set()


def without_leases() -> ImmediateLeases:
    """Return leases that give no room: every webhook waits for a claim."""
    return ImmediateLeases(lambda: None, lambda _webhooks: None)
