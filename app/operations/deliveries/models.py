"""Values of outbound webhooks: states, attempts, and what operators see of a webhook."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.operations.models import Moment, Page, Value


class WebhookState(StrEnum):
    """State of an outbound webhook."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


UNDELIVERED = (WebhookState.PENDING, WebhookState.DEAD)
"""States of webhooks that the subscriber has not received and should receive."""


class Attempt(Value):
    """One attempt to deliver an outbound webhook, with its outcome."""

    number: int
    started_at: Moment
    duration_ms: int
    outcome: Annotated[str, Field(examples=["http_5xx"])]
    http_status: Annotated[int | None, Field(examples=[503])]
    excerpt: str | None
    """Error if there was no answer, else the start of the answer's body.

    The body may repeat personal values, so it is None unless personal values are requested.
    """


class OutboundWebhook(Value):
    """One event for one subscriber, with the state of its delivery."""

    id: int
    subscriber: Annotated[str, Field(examples=["shop"])]
    event_id: UUID
    event_type: Annotated[str, Field(examples=["payment.received"])]
    order_no: Annotated[str | None, Field(examples=["1234-56789-01234"])]
    sequence: int | None
    state: WebhookState
    due_at: Moment | None
    """Time of the next attempt; None unless the webhook is pending."""
    attempts: int
    """Attempts since the webhook was created or last retried, without the excused ones."""
    excused: int
    """Attempts since then that failed by a fault of the relay."""
    last_outcome: Annotated[str | None, Field(examples=["delivered"])]
    created_at: Moment
    finished_at: Moment | None
    dismissed_at: Moment | None
    """Time at which an operator dismissed the dead webhook."""
    dismissal: str | None
    """Reason of the dismissal."""


class OutboundWebhookInFull(OutboundWebhook):
    """One outbound webhook with every attempt."""

    history: list[Attempt]
    """All attempts, the oldest first."""


class OutboundWebhookPage(Page[OutboundWebhook]):
    """Outbound webhooks, the newest first."""
