"""How many webhooks are under way, in all and by subscriber, and how many more may be: so that none delays the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.forwarding.claims import Busy
from app.forwarding.outcome import OutcomeKind
from app.forwarding.webhook import OutboundWebhook, Target

_UNLIMITED = 1_000_000
_SLOW = frozenset({OutcomeKind.TIMEOUT, OutcomeKind.TOO_MANY_REQUESTS})


@dataclass(slots=True)
class _Room:
    max_in_flight: int
    in_flight: int = 0
    most: int = _UNLIMITED
    offered: int = 0
    short: bool = False

    @property
    def free(self) -> int:
        return min(self.most, self.max_in_flight) - self.in_flight


class Rooms:
    """Counts what this process has under way.

    A subscriber that times out or asks for mercy gets half the room it had, and one more with each success: a dead one ends with a
    single slot. One that is gone has no room until `reopen`. Its own `max_in_flight` is the upper bound in any case.
    """

    def __init__(self, concurrency: int) -> None:
        """`concurrency` is how many webhooks may be under way in all."""
        self._concurrency = concurrency
        self._rooms: dict[UUID, _Room] = {}
        self.in_flight = 0

    @property
    def free(self) -> int:
        """How many more may be taken."""
        return self._concurrency - self.in_flight

    def offer(self) -> list[Busy]:
        """What a claim has to know: the subscribers with something under way or with less than their usual room."""
        for subscriber_id, room in list(self._rooms.items()):
            room.offered = room.free
            if room.in_flight == 0 and room.most == _UNLIMITED:
                del self._rooms[subscriber_id]
        return [Busy(subscriber_id, room.in_flight, room.most) for subscriber_id, room in self._rooms.items()]

    def enter(self, claimed: Sequence[OutboundWebhook]) -> bool:
        """What a claim took after `offer` is under way now.

        Returns whether another claim could find more at once: a subscriber that had used up its offer has room again.
        """
        for webhook in claimed:
            target = webhook.target
            room = self._rooms.get(target.subscriber_id)
            if room is None:
                room = self._rooms[target.subscriber_id] = _Room(target.max_in_flight, offered=target.max_in_flight)
            room.max_in_flight = target.max_in_flight
            room.in_flight += 1
            room.offered -= 1
        self.in_flight += len(claimed)
        for room in self._rooms.values():
            room.short = room.offered <= 0
        return any(room.short and room.free > 0 for room in self._rooms.values())

    def leave(self, target: Target, kind: OutcomeKind | None = None) -> bool:
        """One less is under way; `kind` is None when it was not sent. Says whether the room it leaves may be wanted."""
        room = self._rooms[target.subscriber_id]
        wanted = room.short or self.free <= 0
        if kind is OutcomeKind.GONE:
            room.most = 0
        elif kind in _SLOW:
            room.most = max(min(room.most, room.in_flight) // 2, 1)
        elif kind is OutcomeKind.DELIVERED and room.most > 0:
            room.most = room.most + 1 if room.most < target.max_in_flight else _UNLIMITED
        room.in_flight -= 1
        self.in_flight -= 1
        return wanted

    def reopen(self) -> None:
        """Give back their room to subscribers that are gone, once that is recorded: a claim leaves the paused ones alone by itself."""
        for room in self._rooms.values():
            if room.most == 0:
                room.most = _UNLIMITED
