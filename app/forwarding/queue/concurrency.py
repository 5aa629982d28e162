"""Concurrency limits, global and per subscriber, so that a slow subscriber cannot delay others."""

from collections.abc import Sequence
from time import monotonic
from uuid import UUID

from app.forwarding.outcome import OutcomeKind
from app.forwarding.queue.claims import Busy
from app.forwarding.queue.subscriber_limits import UNLIMITED, SubscriberLimits, retry_share
from app.forwarding.webhook import ClaimedWebhook, DeliveryTarget

_HANGING_SHARE = 5
"""Most hanging attempts per slot; attempts that hang beyond that keep their slots."""


def capped_share(slots: int) -> int:
    """Return the number of slots that all capped subscribers share."""
    return max(slots // 4, 1)


class ConcurrencyLimits:
    """Count the webhooks in flight in this process, and compute how many more may be claimed.

    A timeout or `429` halves what a subscriber may have in flight, and each success adds one: a
    dead subscriber ends with a single slot. A subscriber that is gone gets nothing until `reopen`.
    Its own `max_in_flight` is the upper bound. For a subscriber that answers quickly, a few more
    are claimed ahead and wait for a send slot. A quarter of each limit is kept for first attempts.
    """

    def __init__(self, concurrency: int) -> None:
        """Begin with nothing in flight; `concurrency` is the global limit."""
        self._concurrency = concurrency
        self._limits: dict[UUID, SubscriberLimits] = {}
        self._timed_out: dict[UUID, SubscriberLimits] = {}
        self.in_flight = 0
        self.hanging = 0
        self.capped = 0
        self._retries = 0

    @property
    def free(self) -> int:
        """The number of webhooks that may be claimed now."""
        hanging = min(self.hanging, _HANGING_SHARE * self._concurrency)
        return self._concurrency - self.in_flight + hanging

    @property
    def free_for_capped(self) -> int:
        """The number of webhooks of capped subscribers that may be claimed now."""
        return max(min(self.free, capped_share(self._concurrency) - self.capped), 0)

    @property
    def free_for_retries(self) -> int:
        """The number of retries that may be claimed now."""
        return max(min(self.free, retry_share(self._concurrency) - self._retries), 0)

    @property
    def unproven_limit(self) -> int | None:
        """The limit for a subscriber that failed last or never took a webhook; None without one."""
        return 1 if self.hanging > self._concurrency // 8 else None

    def offer(self) -> list[Busy]:
        """Return the limits of each subscriber with webhooks in flight or with a lowered limit.

        A claim needs them. Each offer begins a new count of what is used of it.
        """
        half = self._concurrency // 2
        slow = sum(limits.slow_answers for limits in self._limits.values())
        share = max(half // max(slow, 1), 1)
        for subscriber_id, limits in list(self._limits.items()):
            limits.many_hang, limits.share = self.hanging > half, share
            limits.offer()
            if not limits.idle or limits.ahead > 0 or limits.is_known_slow:
                continue
            if limits.timed_out:
                # The database caps it, so no claim needs its limits, and there may be many.
                self._timed_out[subscriber_id] = self._limits.pop(subscriber_id)
            elif limits.allowed_by_outcomes == UNLIMITED:
                del self._limits[subscriber_id]
        return [
            Busy(subscriber_id, limits.in_flight, limits.allowed, limits.retries, limits.ahead)
            for subscriber_id, limits in self._limits.items()
        ]

    def room(self) -> dict[UUID, int]:
        """Return how many more webhooks each known subscriber may have in flight now.

        None of one that the last claim left something for: that comes first.
        """
        return {
            subscriber_id: 0 if limits.short else limits.free
            for subscriber_id, limits in self._limits.items()
            if limits.in_flight or limits.allowed < UNLIMITED
        }

    def add_leased(self, webhooks: Sequence[ClaimedWebhook]) -> None:
        """Count webhooks that were leased without a claim as in flight. No offer has them."""
        for webhook in webhooks:
            limits = self._limits_of(webhook.target)
            limits.max_in_flight = webhook.target.max_in_flight
            limits.in_flight += 1
        self.in_flight += len(webhooks)

    def add(self, claimed: Sequence[ClaimedWebhook]) -> bool:
        """Count what a claim took after `offer` as in flight.

        Return whether another claim could find more immediately: a subscriber used its offer up
        and has a free slot again.
        """
        for webhook in claimed:
            self._limits_of(webhook.target).add(webhook)
        self.in_flight += len(claimed)
        self.capped += sum(webhook.target.capped for webhook in claimed)
        self._retries += sum(webhook.is_retry for webhook in claimed)
        for limits in self._limits.values():
            limits.note_shortage()
        return any(limits.is_worth_a_claim for limits in self._limits.values())

    def _limits_of(self, target: DeliveryTarget) -> SubscriberLimits:
        limits = self._limits.get(target.subscriber_id)
        if limits is None:
            kept = self._timed_out.pop(target.subscriber_id, None)
            limits = self._limits[target.subscriber_id] = kept or SubscriberLimits(
                target.max_in_flight
            )
            limits.offer()
        return limits

    def is_burdened(self, target: DeliveryTarget) -> bool:
        """Return whether the subscriber timed out last or answers slowly."""
        return target.capped or self._limits[target.subscriber_id].slow_answers

    def note_hanging(self, webhook: ClaimedWebhook) -> None:
        """Free the slot of an attempt that has been in flight for HANGING_S.

        Until it ends or another is delivered, its subscriber gets one more at most, and none when
        many attempts hang. Subscribers whose last answer took as long share half the slots.
        """
        limits = self._limits[webhook.target.subscriber_id]
        limits.hanging += 1
        self.hanging += 1
        if not limits.slow_answers:
            limits.allowed_beside_hanging = 2
        self._retries -= webhook.is_retry

    def rest(self, webhook: ClaimedWebhook, seconds: float) -> None:
        """Claim nothing for the subscriber of `webhook` for `seconds`."""
        self._limits[webhook.target.subscriber_id].rests_until = monotonic() + seconds

    def remove(
        self,
        webhook: ClaimedWebhook,
        kind: OutcomeKind | None = None,
        seconds: float = 1.0,
        *,
        hung: bool = False,
    ) -> bool:
        """Count `webhook` as no longer in flight.

        `kind` is None when it was not sent. `seconds` is the time it took. `hung` tells that
        `note_hanging` was called. Return whether its free slot is worth a claim.
        """
        limits = self._limits[webhook.target.subscriber_id]
        is_worth_a_claim = (
            limits.short
            or limits.short_of_retries
            or self.free <= 0
            or (webhook.is_retry and self.free_for_retries <= 0)
        )
        limits.note_outcome(kind, seconds, webhook.target)
        limits.remove(webhook, hung=hung)
        self.in_flight -= 1
        self.hanging -= hung
        self.capped -= webhook.target.capped
        self._retries -= webhook.is_retry and not hung
        return is_worth_a_claim

    def reopen(self) -> None:
        """Restore the limit of subscribers that are gone, once that is recorded.

        A claim passes over paused subscribers by itself.
        """
        for limits in self._limits.values():
            if limits.allowed_by_outcomes == 0:
                limits.allowed_by_outcomes = UNLIMITED
