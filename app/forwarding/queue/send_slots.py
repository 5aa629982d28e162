"""Turns: of what was claimed for a subscriber as much is sent at once as it allows; what was claimed ahead waits here for a moment."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from app.forwarding.webhook import DeliveryTarget

PATIENCE_S = 1.0
"""What waits longer is not to be sent: its subscriber may be paused by now, and it takes room from others."""


class _Place(NamedTuple):
    turn: asyncio.Future[bool]
    until: float


@dataclass(slots=True)
class _Line:
    limit: int = 0
    under_way: int = 0
    waiting: deque[_Place] = field(default_factory=deque)


class SendSlots:
    """Counts the sends that are under way for each subscriber and holds back the others, first come, first served."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._lines: dict[UUID, _Line] = {}
        self.under_way = 0

    async def take(self, target: DeliveryTarget) -> bool:
        """Return True when a send may begin, which has to end with `over`, or False when nothing is to be sent after all."""
        line = self._lines.setdefault(target.subscriber_id, _Line())
        line.limit = target.max_in_flight  # what was claimed last knows best
        if line.under_way < line.limit and not line.waiting:
            self._begin(line)
            return True
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        line.waiting.append(_Place(turn, monotonic() + self._patience_s))
        self._admit(line)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self.over(target)  # the turn was given to somebody who no longer wants it
            raise

    def over(self, target: DeliveryTarget) -> None:
        """A send has ended: whoever waits longest is next."""
        line = self._lines[target.subscriber_id]
        line.under_way -= 1
        self.under_way -= 1
        self._admit(line)
        if not line.under_way:
            del self._lines[target.subscriber_id]

    def send_away(self, subscriber_id: UUID | None = None) -> None:
        """Let nobody wait any longer for this subscriber, or for any; their `take` returns False."""
        for served, line in self._lines.items():
            while line.waiting and subscriber_id in (None, served):
                turn = line.waiting.popleft().turn
                if not turn.done():
                    turn.set_result(False)

    def send_late_away(self) -> None:
        """Let nobody wait who has waited too long, as behind sends that hang. To be called about every second."""
        for line in self._lines.values():
            self._admit(line)

    def _admit(self, line: _Line) -> None:
        """Give turns to those who wait, as far as there is room, and send away those who waited too long."""
        moment = monotonic()
        while line.waiting and (line.under_way < line.limit or line.waiting[0].until < moment):
            place = line.waiting.popleft()
            if place.turn.done():
                continue
            in_time = place.until >= moment
            if in_time:
                self._begin(line)
            place.turn.set_result(in_time)

    def _begin(self, line: _Line) -> None:
        line.under_way += 1
        self.under_way += 1
