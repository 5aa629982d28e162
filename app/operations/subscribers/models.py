"""What subscribers are: their states, how they are shown, and what one is made of or changed by."""

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
"""What a change can set to null; in the other fields null means that nothing changes."""

# Only a pause makes a backlog to be let out slowly. The failures of before count no more: the next one would pause it again at once.
RESUMED: dict[str, Any] = {
    "resumed_at": case(
        (SubscriberRow.state == "paused", func.now()), else_=SubscriberRow.resumed_at
    ),
    "state": "active",
    "pause_reason": None,
    "failures": 0,
    "failing_since": None,
}
"""The columns of a subscriber that is sent again what it is owed."""


class HealthFields(Value):
    """How a subscriber has taken its webhooks lately."""

    failures: int
    """Attempts that failed since the last success; those that failed on our own side are not counted."""
    failing_since: Moment | None
    """When they began; None while there are none."""
    last_success_at: Moment | None
    """When a webhook was last delivered, to ten seconds."""
    resumed_at: Moment | None
    """Set while what was held during a pause is sent, at a limited rate."""


class SubscriberState(StrEnum):
    """Whether a subscriber is sent webhooks. What is owed to a paused one is held, not lost."""

    ACTIVE = "active"
    PAUSED = "paused"
    REMOVED = "removed"


class Subscriber(HealthFields):
    """A merchant system that gets webhooks."""

    name: Annotated[str, Field(examples=["shop"])]
    url: Annotated[str, Field(examples=["https://shop.example/hooks"])]
    event_types: Annotated[list[str] | None, Field(examples=[["payment.received"]])]
    """The types of events it gets; None for all."""
    customer: bool
    """Whether its webhooks carry the customer's name, telephone number and e-mail address."""
    ordered: bool
    """Whether it gets the events of one order one after the other, each after the one before was delivered or given up."""
    max_in_flight: int
    """How many webhooks it is sent at once at most."""
    timeout_ms: int | None
    """How long an attempt may take; None for the usual time."""
    rate_limit: int | None
    """How many webhooks a second it is sent at most; None for no limit."""
    state: SubscriberState
    pause_reason: str | None
    feed: bool
    """Whether it polls a feed with a token of its own: then it has no URL and is sent nothing."""
    header_names: Annotated[list[str], Field(examples=[["authorization"]])]
    """The headers of its own that its webhooks carry; their values are not shown."""
    private_ca: bool
    """Whether its certificate must come from an authority of its own."""
    client_certificate_expires_at: Moment | None
    """When the certificate that it is shown expires; None if it is shown none."""
    declared: bool
    """Whether RELAY_SUBSCRIBERS declares it: then a restart undoes changes of what is declared there."""
    created_at: Moment
    updated_at: Moment


class SubscriberWithSecret(Subscriber):
    """A subscriber with what it needs from us, which is shown this once."""

    secret: Annotated[str, Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="])]
    """The shared signing secret `whsec_…`; or the public key `whpk_…` that verifies Ed25519 signatures; or the token `zft_…` of a feed."""


class SigningSecret(Value):
    """A valid signing secret, without the secret."""

    created_at: Moment
    expires_at: Moment | None
    """When it ceases to be used; None for the current one."""
    public_key: Annotated[
        str | None, Field(examples=["whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="])
    ]
    """What verifies its signatures, if it is an Ed25519 key; None for a shared secret."""


class SubscriberInFull(Subscriber):
    """A subscriber with its secrets' dates and what is owed to it."""

    secrets: list[SigningSecret]
    pending: int
    """Webhooks that wait for their next attempt, counted up to 10,000."""
    dead: int
    """Webhooks that were given up, counted up to 10,000."""


class SubscriberList(Value):
    """All subscribers."""

    items: list[Subscriber]


class NewSubscriber(ConnectionFields):
    """What a new subscriber is made of."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    """Letters of any script, digits, `.`, `_` and `-`; unique."""
    url: Url | None = None
    """Where its webhooks are sent; left out for a feed."""
    feed: bool = False
    """Whether it polls a feed with a token, because it cannot be called."""
    event_types: EventTypes = None
    """The types of events it gets; left out or null for all."""
    customer: bool = False
    """Whether its webhooks carry the customer's name, telephone number and e-mail address."""
    ordered: bool = True
    """Whether it gets the events of one order one after the other, each after the one before was delivered or given up."""
    max_in_flight: MaxInFlight = 16
    """How many webhooks it is sent at once at most."""
    timeout_ms: Timeout | None = None
    """How long an attempt may take; left out: the usual time."""
    rate_limit: RateLimit | None = None
    """How many webhooks a second it is sent at most; null for no limit."""
    secret: SecretStr | None = None
    """A signing secret of your own: `whsec_` and 24 to 64 bytes in base64. Left out: one is made."""
    asymmetric: bool = False
    """Whether webhooks are signed with an Ed25519 key, of which the subscriber gets the public half."""


class SubscriberChange(ConnectionFields):
    """What of a subscriber is to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    event_types: EventTypes = None
    """Null for all types."""
    customer: bool | None = None
    ordered: bool | None = None
    max_in_flight: MaxInFlight | None = None
    timeout_ms: Timeout | None = None
    """Null for the usual time."""
    rate_limit: RateLimit | None = None
    """Null for no limit."""
