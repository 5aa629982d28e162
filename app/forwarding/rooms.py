"""How many webhooks are under way, in all and by subscriber, and how many more may be: so that none delays the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from app.forwarding.claims import Busy
from app.forwarding.outcome import OutcomeKind
from app.forwarding.webhook import OutboundWebhook

_UNLIMITED = 1_000_000
_SLOW = frozenset({OutcomeKind.TIMEOUT, OutcomeKind.TOO_MANY_REQUESTS})
_AHEAD_SECONDS = 0.015
"""A subscriber that answers quickly would often wait for the next claim, so what it can take in the time of one is claimed ahead."""
_AHEAD_AT_MOST = 96
_AHEAD_UNTIL_S = 1.0
"""For so long after a delivery its time says how quickly a subscriber answers; what takes longer than this sends away who waits."""
_SHORTEST_S = 0.0001
"""Where clocks are coarse, an answer may seem to take no time at all."""
_NEW_SHARE = 0.2
"""Of the last answer's time in what is taken for the usual time."""


def ends_ahead(kind: OutcomeKind, seconds: float) -> bool:
    """Whether after such an outcome nothing is to be sent that was claimed ahead."""
    return kind in _SLOW or kind is OutcomeKind.GONE or seconds > _AHEAD_UNTIL_S


def again_share(slots: int) -> int:
    """How many of so many slots may be taken by what is no first try: all but a quarter, which is kept for what is new."""
    return max(slots * 3 // 4, 1)


@dataclass(slots=True)
class _Room:
    max_in_flight: int
    in_flight: int = 0
    again: int = 0
    most: int = _UNLIMITED
    usual_s: float | None = None
    told_at: float = 0.0
    offered: int = 0
    offered_again: int = 0
    short: bool = False
    short_again: bool = False

    @property
    def ahead(self) -> int:
        if self.usual_s is None or monotonic() - self.told_at > _AHEAD_UNTIL_S:
            return 0
        return min(int(self.max_in_flight * _AHEAD_SECONDS / max(self.usual_s, _SHORTEST_S)), _AHEAD_AT_MOST)

    @property
    def free(self) -> int:
        return self._bound - self.in_flight

    @property
    def free_again(self) -> int:
        return min(self.free, again_share(self._bound) - self.again)

    @property
    def _bound(self) -> int:
        return min(self.most, self.max_in_flight + self.ahead)

    @property
    def wanted(self) -> bool:
        """Whether what a claim left lying for lack of room could have it now."""
        return (self.short and self.free > 0) or (self.short_again and self.free_again > 0)

    def offer(self) -> None:
        self.offered, self.offered_again = self.free, self.free_again

    def enter(self, webhook: OutboundWebhook) -> None:
        self.max_in_flight = webhook.target.max_in_flight
        self.in_flight += 1
        self.again += webhook.again
        self.offered -= 1
        self.offered_again -= webhook.again

    def note_time(self, seconds: float | None) -> None:
        """How long a delivery took; None if it was none, and nothing is to be claimed ahead."""
        self.told_at = monotonic()
        if seconds is None or self.usual_s is None:
            self.usual_s = seconds
        else:
            self.usual_s += (seconds - self.usual_s) * _NEW_SHARE

    def note_shortage(self) -> None:
        self.short = self.offered <= 0
        self.short_again = min(self.offered, self.offered_again) <= 0 and self.again > 0


class Rooms:
    """Counts what this process has under way.

    A subscriber that times out or asks for mercy gets half the room it had, and one more with each success: a dead one ends with a
    single slot. One that is gone has no room until `reopen`. Its own `max_in_flight` is the upper bound; for one that
    answers quickly a little more is claimed ahead, and waits for its turn. Of every room, and of the whole, a quarter is kept for first
    tries.
    """

    def __init__(self, concurrency: int) -> None:
        """`concurrency` is how many webhooks may be under way in all."""
        self._concurrency = concurrency
        self._rooms: dict[UUID, _Room] = {}
        self.in_flight = 0
        self._again = 0

    @property
    def free(self) -> int:
        """How many more may be taken."""
        return self._concurrency - self.in_flight

    @property
    def free_again(self) -> int:
        """How many of them may be no first tries."""
        return max(min(self.free, again_share(self._concurrency) - self._again), 0)

    def offer(self) -> list[Busy]:
        """What a claim has to know: the subscribers with something under way or with less than their usual room."""
        for subscriber_id, room in list(self._rooms.items()):
            room.offer()
            if room.in_flight == 0 and room.most == _UNLIMITED and room.ahead == 0:
                del self._rooms[subscriber_id]
        return [Busy(subscriber_id, room.in_flight, room.most, room.again, room.ahead) for subscriber_id, room in self._rooms.items()]

    def enter(self, claimed: Sequence[OutboundWebhook]) -> bool:
        """What a claim took after `offer` is under way now.

        Returns whether another claim could find more at once: a subscriber that had used up its offer has room again.
        """
        for webhook in claimed:
            target = webhook.target
            room = self._rooms.get(target.subscriber_id)
            if room is None:
                room = self._rooms[target.subscriber_id] = _Room(target.max_in_flight)
                room.offer()
            room.enter(webhook)
        self.in_flight += len(claimed)
        self._again += sum(webhook.again for webhook in claimed)
        for room in self._rooms.values():
            room.note_shortage()
        return any(room.wanted for room in self._rooms.values())

    def leave(self, webhook: OutboundWebhook, kind: OutcomeKind | None = None, seconds: float = 1.0) -> bool:
        """One less is under way; `kind` is None when it was not sent, `seconds` is how long that took.

        Says whether the room it leaves may be wanted.
        """
        room = self._rooms[webhook.target.subscriber_id]
        wanted = room.short or room.short_again or self.free <= 0 or (webhook.again and self.free_again <= 0)
        if kind is OutcomeKind.GONE:
            room.most = 0
        elif kind in _SLOW:
            room.most = max(min(room.most, room.in_flight, room.max_in_flight) // 2, 1)  # some of these may only be waiting
        room.note_time(seconds if kind is OutcomeKind.DELIVERED and webhook.target.rate is None else None)
        if kind is OutcomeKind.DELIVERED and room.most > 0:
            room.most = room.most + 1 if room.most < webhook.target.max_in_flight else _UNLIMITED
        room.in_flight -= 1
        room.again -= webhook.again
        self.in_flight -= 1
        self._again -= webhook.again
        return wanted

    def reopen(self) -> None:
        """Give back their room to subscribers that are gone, once that is recorded: a claim leaves the paused ones alone by itself."""
        for room in self._rooms.values():
            if room.most == 0:
                room.most = _UNLIMITED
