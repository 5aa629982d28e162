"""Concurrency limit of one subscriber, adapted to how it answers."""

from dataclasses import dataclass
from time import monotonic

from app.forwarding.outcome import OutcomeKind
from app.forwarding.webhook import ClaimedWebhook, DeliveryTarget

UNLIMITED = 1_000_000
HANGING_S = 1.0
"""An attempt that takes longer is hanging: it gives its slot to another and is counted apart."""
_SLOW_KEPT_S = 600.0
"""How long an idle subscriber is still known for slow answers."""
_OVERLOADED = frozenset({OutcomeKind.TIMEOUT, OutcomeKind.TOO_MANY_REQUESTS})
_AHEAD_SECONDS = 0.015
"""Time of one claim. Webhooks that a quick subscriber can take in that time are claimed ahead."""
_AHEAD_AT_MOST = 96
_AHEAD_UNTIL_S = 1.0
"""How long the time of a delivery is used as an estimate, and the slowest answer that allows
webhooks claimed ahead."""
_SHORTEST_S = 0.0001
"""Least answer time: a coarse clock may measure none."""
_NEW_SHARE = 0.2
"""Weight of the last answer's time in the moving average."""


def ends_ahead(kind: OutcomeKind, seconds: float) -> bool:
    """Return whether webhooks claimed ahead are released after an attempt with this outcome."""
    return kind in _OVERLOADED or kind is OutcomeKind.GONE or seconds > _AHEAD_UNTIL_S


def retry_share(slots: int) -> int:
    """Return the number of slots that retries may use; a quarter is kept for first attempts."""
    return max(slots * 3 // 4, 1)


@dataclass(slots=True)
class SubscriberLimits:
    """Limits of one subscriber and its webhooks in flight."""

    max_in_flight: int
    in_flight: int = 0
    retries: int = 0
    allowed_by_outcomes: int = UNLIMITED
    average_s: float | None = None
    ended_at: float = 0.0
    offered: int = 0
    offered_retries: int = 0
    hanging: int = 0
    allowed_beside_hanging: int = UNLIMITED
    slow_answers: bool = False
    many_hang: bool = False
    share: int = UNLIMITED
    timed_out: bool = False
    rests_until: float = 0.0
    short: bool = False
    short_of_retries: bool = False

    @property
    def ahead(self) -> int:
        if self.average_s is None or monotonic() - self.ended_at > _AHEAD_UNTIL_S:
            return 0
        return min(
            int(self.max_in_flight * _AHEAD_SECONDS / max(self.average_s, _SHORTEST_S)),
            _AHEAD_AT_MOST,
        )

    @property
    def free(self) -> int:
        return self._bound - self.in_flight

    @property
    def free_for_retries(self) -> int:
        return min(self.free, retry_share(self._bound) - self.retries)

    @property
    def _bound(self) -> int:
        return min(self.allowed, self.max_in_flight + self.ahead)

    @property
    def allowed(self) -> int:
        """Return the most webhooks in flight by our own judgement, without `max_in_flight`."""
        if monotonic() < self.rests_until:
            return 0
        if self.slow_answers:
            return min(self.allowed_by_outcomes, self.share)
        if self.hanging:
            beside_hanging = 1 if self.many_hang else self.allowed_beside_hanging
            return min(self.allowed_by_outcomes, beside_hanging)
        return self.allowed_by_outcomes

    @property
    def is_known_slow(self) -> bool:
        """Return whether a recent answer was so slow that the subscriber shares half the slots."""
        return self.slow_answers and monotonic() - self.ended_at < _SLOW_KEPT_S

    @property
    def idle(self) -> bool:
        """Return whether nothing is in flight and a claim may take due webhooks."""
        return self.in_flight == 0 and monotonic() >= self.rests_until

    @property
    def is_worth_a_claim(self) -> bool:
        """Return whether a slot is free now for webhooks that the last claim had to leave."""
        return (self.short and self.free > 0) or (
            self.short_of_retries and self.free_for_retries > 0
        )

    def offer(self) -> None:
        bound = self._bound  # computed once: each claim does this for every busy subscriber
        self.offered = bound - self.in_flight
        self.offered_retries = min(self.offered, retry_share(bound) - self.retries)

    def add(self, webhook: ClaimedWebhook) -> None:
        self.max_in_flight = webhook.target.max_in_flight
        self.in_flight += 1
        self.retries += webhook.is_retry
        self.offered -= 1
        self.offered_retries -= webhook.is_retry

    def remove(self, webhook: ClaimedWebhook, *, hung: bool) -> None:
        self.in_flight -= 1
        self.retries -= webhook.is_retry
        self.hanging -= hung

    def note_outcome(
        self, kind: OutcomeKind | None, seconds: float, target: DeliveryTarget
    ) -> None:
        """Adapt to the end of an attempt, before `remove`; `kind` is None when nothing was sent."""
        delivered = kind is OutcomeKind.DELIVERED
        if kind is OutcomeKind.GONE:
            self.allowed_by_outcomes = 0
        elif kind in _OVERLOADED:
            # Some of those in flight may only wait for a slot.
            sent = min(self.allowed_by_outcomes, self.in_flight, self.max_in_flight)
            self.allowed_by_outcomes = max(sent // 2, 1)
        elif delivered and self.allowed_by_outcomes > 0:
            below = self.allowed_by_outcomes < target.max_in_flight
            self.allowed_by_outcomes = self.allowed_by_outcomes + 1 if below else UNLIMITED
        self._note_time(seconds if delivered and target.rate is None else None)
        if delivered:
            self.slow_answers, self.allowed_beside_hanging = seconds > HANGING_S, UNLIMITED
        if kind is not None:
            self.timed_out = kind is OutcomeKind.TIMEOUT
            self.slow_answers &= not self.timed_out

    def _note_time(self, seconds: float | None) -> None:
        """Include the time of a delivery in the average; None ends claiming ahead."""
        self.ended_at = monotonic()
        if seconds is None or self.average_s is None:
            self.average_s = seconds
        else:
            self.average_s += (seconds - self.average_s) * _NEW_SHARE

    def note_shortage(self) -> None:
        self.short = self.offered <= 0
        self.short_of_retries = min(self.offered, self.offered_retries) <= 0 and self.retries > 0
