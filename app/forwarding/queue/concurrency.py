"""How many webhooks are under way, in all and by subscriber, and how many more may be: so that none delays the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from app.forwarding.outcome import OutcomeKind
from app.forwarding.queue.claims import Busy
from app.forwarding.webhook import ClaimedWebhook

_UNLIMITED = 1_000_000
HANGING_S = 1.0
"""An attempt that takes longer gives its slot to another and is counted apart."""
_SLOW_KEPT_S = 600.0
"""So long an idle subscriber is remembered for answering late."""
_HANGING_SHARE = 5
"""So many times the slots may hang beside them; what hangs beyond that keeps its slot."""
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


def capped_share(slots: int) -> int:
    """How many of so many slots all capped subscribers may have together."""
    return max(slots // 4, 1)


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
    hanging: int = 0
    most_hanging: int = _UNLIMITED
    slow_answers: bool = False
    crowded: bool = False
    share: int = _UNLIMITED
    timed_out: bool = False
    rests_until: float = 0.0
    short: bool = False
    short_again: bool = False

    @property
    def ahead(self) -> int:
        if self.usual_s is None or monotonic() - self.told_at > _AHEAD_UNTIL_S:
            return 0
        return min(
            int(self.max_in_flight * _AHEAD_SECONDS / max(self.usual_s, _SHORTEST_S)),
            _AHEAD_AT_MOST,
        )

    @property
    def free(self) -> int:
        return self._bound - self.in_flight

    @property
    def free_again(self) -> int:
        return min(self.free, again_share(self._bound) - self.again)

    @property
    def _bound(self) -> int:
        return min(self.cap, self.max_in_flight + self.ahead)

    @property
    def cap(self) -> int:
        """How many may be under way, whatever the subscriber allows."""
        if monotonic() < self.rests_until:
            return 0
        if self.slow_answers:
            return min(self.most, self.share)
        if self.hanging:
            return min(self.most, 1 if self.crowded else self.most_hanging)
        return self.most

    @property
    def is_known_slow(self) -> bool:
        """Whether its last answer, not long ago, came so late that it shares half the slots with the others like it."""
        return self.slow_answers and monotonic() - self.told_at < _SLOW_KEPT_S

    @property
    def idle(self) -> bool:
        """Whether nothing is under way and nothing keeps a claim from taking what is due."""
        return self.in_flight == 0 and monotonic() >= self.rests_until

    @property
    def wanted(self) -> bool:
        """Whether what a claim left lying for lack of room could have it now."""
        return (self.short and self.free > 0) or (self.short_again and self.free_again > 0)

    def offer(self) -> None:
        self.offered, self.offered_again = self.free, self.free_again

    def enter(self, webhook: ClaimedWebhook) -> None:
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


class ConcurrencyLimits:
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
        self._timed_out: dict[UUID, _Room] = {}
        self.in_flight = 0
        self.hanging = 0
        self.capped = 0
        self._again = 0

    @property
    def free(self) -> int:
        """How many more may be taken."""
        return (
            self._concurrency
            - self.in_flight
            + min(self.hanging, _HANGING_SHARE * self._concurrency)
        )

    @property
    def free_capped(self) -> int:
        """How many more may be taken of capped subscribers."""
        return max(min(self.free, capped_share(self._concurrency) - self.capped), 0)

    @property
    def unproven(self) -> int | None:
        """How many webhooks a subscriber may have under way that failed last or never took one; None is its usual number."""
        return 1 if self.hanging > self._concurrency // 8 else None

    @property
    def free_again(self) -> int:
        """How many of them may be no first tries."""
        return max(min(self.free, again_share(self._concurrency) - self._again), 0)

    def offer(self) -> list[Busy]:
        """What a claim has to know: the subscribers with something under way or with less than their usual room."""
        half = self._concurrency // 2
        share = max(half // max(sum(room.slow_answers for room in self._rooms.values()), 1), 1)
        for subscriber_id, room in list(self._rooms.items()):
            room.crowded, room.share = self.hanging > half, share
            room.offer()
            if not room.idle or room.ahead > 0 or room.is_known_slow:
                continue
            if (
                room.timed_out
            ):  # capped by the database, so no claim has to know of it, and there may be many
                self._timed_out[subscriber_id] = self._rooms.pop(subscriber_id)
            elif room.most == _UNLIMITED:
                del self._rooms[subscriber_id]
        return [
            Busy(subscriber_id, room.in_flight, room.cap, room.again, room.ahead)
            for subscriber_id, room in self._rooms.items()
        ]

    def enter(self, claimed: Sequence[ClaimedWebhook]) -> bool:
        """What a claim took after `offer` is under way now.

        Returns whether another claim could find more at once: a subscriber that had used up its offer has room again.
        """
        for webhook in claimed:
            target = webhook.target
            room = self._rooms.get(target.subscriber_id)
            if room is None:
                room = self._timed_out.pop(target.subscriber_id, None) or _Room(
                    target.max_in_flight
                )
                self._rooms[target.subscriber_id] = room
                room.offer()
            room.enter(webhook)
        self.in_flight += len(claimed)
        self.capped += sum(webhook.target.capped for webhook in claimed)
        self._again += sum(webhook.again for webhook in claimed)
        for room in self._rooms.values():
            room.note_shortage()
        return any(room.wanted for room in self._rooms.values())

    def hang(self, webhook: ClaimedWebhook) -> None:
        """An attempt has been in flight for HANGING_S: its slot is free for others.

        Until it ends or another is delivered, its subscriber gets one more at most; none when many hang. Those whose last
        answer took as long share half the slots.
        """
        room = self._rooms[webhook.target.subscriber_id]
        room.hanging += 1
        self.hanging += 1
        if not room.slow_answers:
            room.most_hanging = 2
        self._again -= webhook.again

    def rest(self, webhook: ClaimedWebhook, seconds: float) -> None:
        """Have nothing taken for the subscriber of `webhook` for so many seconds."""
        self._rooms[webhook.target.subscriber_id].rests_until = monotonic() + seconds

    def leave(
        self,
        webhook: ClaimedWebhook,
        kind: OutcomeKind | None = None,
        seconds: float = 1.0,
        *,
        hung: bool = False,
    ) -> bool:
        """One less is under way; `kind` is None when it was not sent, `seconds` is how long that took, `hung` whether `hang` was called.

        Says whether the room it leaves may be wanted.
        """
        room = self._rooms[webhook.target.subscriber_id]
        wanted = (
            room.short
            or room.short_again
            or self.free <= 0
            or (webhook.again and self.free_again <= 0)
        )
        if kind is OutcomeKind.GONE:
            room.most = 0
        elif kind in _SLOW:
            room.most = max(
                min(room.most, room.in_flight, room.max_in_flight) // 2, 1
            )  # some of these may only be waiting
        room.note_time(
            seconds if kind is OutcomeKind.DELIVERED and webhook.target.rate is None else None
        )
        if kind is OutcomeKind.DELIVERED and room.most > 0:
            room.most = room.most + 1 if room.most < webhook.target.max_in_flight else _UNLIMITED
        if kind is OutcomeKind.DELIVERED:
            room.slow_answers, room.most_hanging = seconds > HANGING_S, _UNLIMITED
        if kind is not None:
            room.timed_out = kind is OutcomeKind.TIMEOUT
            room.slow_answers &= not room.timed_out
        room.in_flight -= 1
        room.again -= webhook.again
        room.hanging -= hung
        self.in_flight -= 1
        self.hanging -= hung
        self.capped -= webhook.target.capped
        self._again -= webhook.again and not hung
        return wanted

    def reopen(self) -> None:
        """Give back their room to subscribers that are gone, once that is recorded: a claim leaves the paused ones alone by itself."""
        for room in self._rooms.values():
            if room.most == 0:
                room.most = _UNLIMITED
