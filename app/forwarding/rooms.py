"""How many webhooks are under way, in all and by subscriber, and how many more may be: so that none delays the others."""

from dataclasses import dataclass
from uuid import UUID

from app.forwarding.claims import Busy
from app.forwarding.outcome import OutcomeKind
from app.forwarding.webhook import Target

_UNLIMITED = 1_000_000
_SLOW = frozenset({OutcomeKind.TIMEOUT, OutcomeKind.TOO_MANY_REQUESTS})


@dataclass(slots=True)
class _Room:
    in_flight: int = 0
    most: int = _UNLIMITED


class Rooms:
    """Counts what this process has under way.

    A subscriber that times out or asks for mercy gets half the room it had, and one more with each success: a dead one ends with a
    single slot. Its own `max_in_flight` is the upper bound in any case.
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

    def busy(self) -> list[Busy]:
        """What a claim has to know: the subscribers with something under way or with less than their usual room."""
        return [Busy(subscriber_id, room.in_flight, room.most) for subscriber_id, room in self._rooms.items()]

    def enter(self, target: Target) -> None:
        """One more is under way."""
        self._rooms.setdefault(target.subscriber_id, _Room()).in_flight += 1
        self.in_flight += 1

    def leave(self, target: Target, kind: OutcomeKind | None = None) -> bool:
        """One less is under way; `kind` is None when it was not sent. Says whether room had run out, in all or for the target."""
        room = self._rooms[target.subscriber_id]
        was_full = self.free <= 0 or room.in_flight >= min(room.most, target.max_in_flight)
        if kind in _SLOW:
            room.most = max(min(room.most, room.in_flight) // 2, 1)
        elif kind is OutcomeKind.DELIVERED and room.most < target.max_in_flight:
            room.most += 1
        elif kind is OutcomeKind.DELIVERED:
            room.most = _UNLIMITED
        room.in_flight -= 1
        self.in_flight -= 1
        if room.in_flight == 0 and room.most == _UNLIMITED:
            del self._rooms[target.subscriber_id]
        return was_full
