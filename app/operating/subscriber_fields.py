"""The fields of subscribers: what may stand in them, and those that tell of their health."""

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import case, func

from app.db.tables import SubscriberRow
from app.operating.values import Line, Moment, Value

Name = Annotated[Line, Field(max_length=100, examples=["shop"])]
Url = Annotated[Line, Field(max_length=2_000, examples=["https://shop.example/hooks"])]
MaxInFlight = Annotated[int, Field(ge=1, le=200)]
RateLimit = Annotated[int, Field(ge=1, le=10_000, examples=[20])]
Timeout = Annotated[int, Field(ge=1_000, le=60_000, examples=[15_000])]
EventTypes = Annotated[list[Line] | None, Field(examples=[["payment.received", "payment.confirmed"]])]

NULLABLE = ("event_types", "timeout_ms", "rate_limit")
"""What a change can set to null; in the other fields null means that nothing changes."""

# Only a pause makes a backlog to be let out slowly. The failures of before count no more: the next one would pause it again at once.
RESUMED: dict[str, Any] = {
    "resumed_at": case((SubscriberRow.state == "paused", func.now()), else_=SubscriberRow.resumed_at),
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
