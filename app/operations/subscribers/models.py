"""Values of subscribers: states, answers, and the fields of a new or changed one."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, SecretStr
from sqlalchemy import case, func

from app.db.tables.subscribers import SubscriberRow
from app.operations.models import Line, Moment, Value
from app.operations.subscribers.connection import ConnectionFields

Name = Annotated[Line, Field(max_length=100, examples=["shop"])]
Url = Annotated[Line, Field(max_length=2_000, examples=["https://shop.example/hooks"])]
MaxInFlight = Annotated[int, Field(ge=1, le=200)]
RateLimit = Annotated[int, Field(ge=1, le=10_000, examples=[20])]
Timeout = Annotated[int, Field(ge=1_000, le=60_000, examples=[15_000])]
EventTypes = Annotated[
    list[Line] | None, Field(examples=[["payment.received", "payment.confirmed"]])
]

NULLABLE = ("event_types", "timeout_ms", "rate_limit")
"""Fields that a change can set to null. In other fields null means no change."""

# Only a pause creates a backlog that is sent slowly. Earlier failures are reset, because otherwise
# the next failure would pause the subscriber again.
RESUMED: dict[str, Any] = {
    "resumed_at": case(
        (SubscriberRow.state == "paused", func.now()), else_=SubscriberRow.resumed_at
    ),
    "state": "active",
    "pause_reason": None,
    "failures": 0,
    "failing_since": None,
}
"""Columns of a resumed subscriber."""


class HealthFields(Value):
    """Recent health of a subscriber."""

    failures: int
    """Failed attempts since the last success, without those that failed by a fault of the relay."""
    failing_since: Moment | None
    """Time of the first of these failures; None if there are none."""
    last_success_at: Moment | None
    """Time of the last delivery, exact to ten seconds."""
    resumed_at: Moment | None
    """Time of the last resume, while webhooks held by the pause are sent at a limited rate."""


class SubscriberState(StrEnum):
    """State of a subscriber. The webhooks of a paused one are held, not lost."""

    ACTIVE = "active"
    PAUSED = "paused"
    REMOVED = "removed"


class OfTests(StrEnum):
    """Whether a subscriber gets the events of test orders."""

    INCLUDE = "include"
    """Those of test orders and of real ones."""
    EXCLUDE = "exclude"
    """Only those of real orders."""
    ONLY = "only"
    """Only those of test orders."""


class Subscriber(HealthFields):
    """Merchant system that gets webhooks."""

    name: Annotated[str, Field(examples=["shop"])]
    url: Annotated[str, Field(examples=["https://shop.example/hooks"])]
    event_types: Annotated[list[str] | None, Field(examples=[["payment.received"]])]
    """Event types that it gets; None for all."""
    customer: bool
    """True if its webhooks carry the customer's name, telephone number and e-mail address."""
    test: OfTests
    """`exclude`: it gets no events of test orders. `only`: it gets no others."""
    ordered: bool
    """True if the events of an order are sent strictly in sequence.

    Each event waits until the previous one is delivered or dead.
    """
    max_in_flight: int
    """Limit of its webhooks in flight."""
    timeout_ms: int | None
    """Time limit of an attempt; None for the default."""
    rate_limit: int | None
    """Limit of webhooks per second; None for no limit."""
    state: SubscriberState
    pause_reason: str | None
    feed: bool
    """True if it polls a feed with its own token. Then it has no URL and gets no webhooks."""
    header_names: Annotated[list[str], Field(examples=[["authorization"]])]
    """Names of its additional headers. Their values are not shown."""
    private_ca: bool
    """True if its server certificate must come from its own certificate authority."""
    client_certificate_expires_at: Moment | None
    """Expiry of its client certificate; None if it has none."""
    declared: bool
    """True if RELAY_SUBSCRIBERS declares it. A restart then reverts changes of declared fields."""
    created_at: Moment
    updated_at: Moment


class SubscriberWithSecret(Subscriber):
    """Subscriber with its secret, which is shown only once."""

    secret: Annotated[str, Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="])]
    """Shared signing secret `whsec_…`, public key `whpk_…` (Ed25519), or feed token `zft_…`."""


class SigningSecret(Value):
    """Valid signing secret, without the secret value."""

    created_at: Moment
    expires_at: Moment | None
    """End of its use; None for the current one."""
    public_key: Annotated[
        str | None, Field(examples=["whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="])
    ]
    """Key that verifies its signatures if it is an Ed25519 key; None for a shared secret."""


class SubscriberInFull(Subscriber):
    """Subscriber with the dates of its secrets and its numbers of pending and dead webhooks."""

    secrets: list[SigningSecret]
    pending: int
    """Pending webhooks, counted up to 10,000."""
    dead: int
    """Dead webhooks, counted up to 10,000."""


class SubscriberList(Value):
    """All subscribers."""

    items: list[Subscriber]


class NewSubscriber(ConnectionFields):
    """Values of a new subscriber."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    """Letters of any script, digits, `.`, `_` and `-`; unique."""
    url: Url | None = None
    """URL of its webhooks; missing for a feed."""
    feed: bool = False
    """True if it polls a feed with a token, because it cannot receive webhooks."""
    event_types: EventTypes = None
    """Event types that it gets; missing or null for all."""
    customer: bool = False
    """True if its webhooks carry the customer's name, telephone number and e-mail address."""
    test: OfTests = OfTests.EXCLUDE
    """Events of test orders: `include`, `exclude`, or `only` for no others."""
    ordered: bool = True
    """True if the events of an order are sent strictly in sequence.

    Each event waits until the previous one is delivered or dead.
    """
    max_in_flight: MaxInFlight = 16
    """Limit of its webhooks in flight."""
    timeout_ms: Timeout | None = None
    """Time limit of an attempt; missing: the default."""
    rate_limit: RateLimit | None = None
    """Limit of webhooks per second; null for no limit."""
    secret: SecretStr | None = None
    """Own signing secret: `whsec_` and 24 to 64 bytes in base64. Missing: the relay makes one."""
    asymmetric: bool = False
    """True to sign with an Ed25519 key. The subscriber gets the public key."""


class SubscriberChange(ConnectionFields):
    """Changed values of a subscriber. Missing values stay."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    event_types: EventTypes = None
    """Null for all types."""
    customer: bool | None = None
    test: OfTests | None = None
    """Events of test orders: `include`, `exclude`, or `only` for no others."""
    ordered: bool | None = None
    max_in_flight: MaxInFlight | None = None
    timeout_ms: Timeout | None = None
    """Null for the default."""
    rate_limit: RateLimit | None = None
    """Null for no limit."""
