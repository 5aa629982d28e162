"""Send slots: queue claimed webhooks until their subscriber has a free slot."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from app.forwarding.webhook import DeliveryTarget

PATIENCE_S = 1.0
"""Longest wait for a slot: later the subscriber may be paused, and the wait costs others slots."""


class _Waiter(NamedTuple):
    slot: asyncio.Future[bool]
    until: float


@dataclass(slots=True)
class _SubscriberQueue:
    limit: int = 0
    in_flight: int = 0
    waiting: deque[_Waiter] = field(default_factory=deque)


class SendSlots:
    """Count the sends in flight for each subscriber, and queue the others in order of arrival."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        """Begin with nothing in flight; `patience_s` is the longest wait for a slot."""
        self._patience_s = patience_s
        self._queues: dict[UUID, _SubscriberQueue] = {}
        self.in_flight = 0

    async def acquire(self, target: DeliveryTarget) -> bool:
        """Wait for a slot. Return False when the webhook must not be sent now.

        True has to be followed by `release`.
        """
        queue = self._queues.setdefault(target.subscriber_id, _SubscriberQueue())
        queue.limit = target.max_in_flight  # the last claim has the newest value
        if queue.in_flight < queue.limit and not queue.waiting:
            self._begin(queue)
            return True
        slot: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        queue.waiting.append(_Waiter(slot, monotonic() + self._patience_s))
        self._admit(queue)
        try:
            return await slot
        except asyncio.CancelledError:
            if slot.done() and not slot.cancelled() and slot.result():
                self.release(target)  # granted, but the waiter was cancelled
            raise

    def release(self, target: DeliveryTarget) -> None:
        """Free the slot of a send that ended: the longest waiter is next."""
        queue = self._queues[target.subscriber_id]
        queue.in_flight -= 1
        self.in_flight -= 1
        self._admit(queue)
        if not queue.in_flight:
            del self._queues[target.subscriber_id]

    def dismiss_waiting(self, subscriber_id: UUID | None = None) -> None:
        """End every wait for this subscriber, or for any: `acquire` returns False."""
        for served, queue in self._queues.items():
            while queue.waiting and subscriber_id in (None, served):
                slot = queue.waiting.popleft().slot
                if not slot.done():
                    slot.set_result(False)

    def dismiss_late(self) -> None:
        """End the waits that took too long, as behind hanging sends. Call it about every second."""
        for queue in self._queues.values():
            self._admit(queue)

    def _admit(self, queue: _SubscriberQueue) -> None:
        """Grant the free slots to waiters, and dismiss those that waited too long."""
        moment = monotonic()
        while queue.waiting and (queue.in_flight < queue.limit or queue.waiting[0].until < moment):
            waiter = queue.waiting.popleft()
            if waiter.slot.done():
                continue
            in_time = waiter.until >= moment
            if in_time:
                self._begin(queue)
            waiter.slot.set_result(in_time)

    def _begin(self, queue: _SubscriberQueue) -> None:
        queue.in_flight += 1
        self.in_flight += 1
