"""Turns: of what was claimed for a subscriber as much is sent at once as it allows; what was claimed ahead waits here for a moment."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from uuid import UUID

from app.forwarding.webhook import Target


@dataclass(slots=True)
class _Line:
    under_way: int = 0
    waiting: deque[asyncio.Future[bool]] = field(default_factory=deque)


class Turns:
    """Counts the sends that are under way for each subscriber and holds back the others, first come, first served."""

    def __init__(self) -> None:
        self._lines: dict[UUID, _Line] = {}
        self.under_way = 0

    async def take(self, target: Target) -> bool:
        """Return True when a send may begin, which has to end with `over`, or False when nothing is to be sent after all."""
        line = self._lines.setdefault(target.subscriber_id, _Line())
        if line.under_way >= target.max_in_flight:
            turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            line.waiting.append(turn)
            try:
                if not await turn:
                    return False
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled() and turn.result():
                    self.over(target)  # the turn was given to somebody who no longer wants it
                raise
        else:
            self._begin(line)
        return True

    def over(self, target: Target) -> None:
        """A send has ended: whoever waits longest is next."""
        line = self._lines[target.subscriber_id]
        line.under_way -= 1
        self.under_way -= 1
        while line.waiting and line.under_way < target.max_in_flight:
            turn = line.waiting.popleft()
            if not turn.done():
                self._begin(line)
                turn.set_result(True)
        if not line.under_way:
            del self._lines[target.subscriber_id]

    def send_away(self, subscriber_id: UUID | None = None) -> None:
        """Let nobody wait any longer for this subscriber, or for any; their `take` returns False."""
        for served, line in self._lines.items():
            while line.waiting and subscriber_id in (None, served):
                turn = line.waiting.popleft()
                if not turn.done():
                    turn.set_result(False)

    def _begin(self, line: _Line) -> None:
        line.under_way += 1
        self.under_way += 1
