"""Outbound webhook as claimed: everything that is needed to send it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from app.clock import now


@dataclass(frozen=True, slots=True)
class DeliveryTarget:
    """Where and how a subscriber gets its webhooks.

    `sealed` holds its encrypted signing secrets, the newest first, `sealed_transport` its encrypted
    connection options. `rate` is its limit in webhooks a second. `capped` is whether its last
    attempts failed in a way that leaves it a single slot.
    """

    subscriber_id: UUID
    url: str
    timeout_s: float | None
    max_in_flight: int
    sealed: tuple[bytes, ...] = field(repr=False)
    sealed_transport: bytes | None = field(default=None, repr=False)
    rate: int | None = None
    capped: bool = False


@dataclass(frozen=True, slots=True)
class ClaimedWebhook:
    """One event for one subscriber, held under a lease.

    `attempts` and `excused` count the attempts before this one. `data` and `customer` are JSON
    texts; `customer` is None unless the subscriber wants personal data.
    """

    id: int
    lease_token: UUID
    attempts: int
    excused: int
    event_id: UUID
    event_type: str
    created_at: datetime
    data: str = field(repr=False)
    customer: str | None = field(repr=False)
    target: DeliveryTarget
    claimed_at: datetime = field(default_factory=now)
    """Time of the claim by the database's clock."""
    since: float = field(default_factory=monotonic)
    """The same moment by this process's monotonic clock."""

    @property
    def database_now(self) -> datetime:
        """The current time by the database's clock; the clock of this process may be wrong."""
        return self.claimed_at + timedelta(seconds=monotonic() - self.since)

    @property
    def is_retry(self) -> bool:
        """Whether there was an attempt before."""
        return self.attempts + self.excused > 0
