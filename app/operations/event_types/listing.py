"""List of the types of events, as operators and developers read it."""

from typing import Annotated, Any

from pydantic import Field

from app.events.types import SUBSCRIBABLE, EventType
from app.operations.event_types.schemas import DESCRIPTIONS, schema_of
from app.operations.models import Value


class DescribedEventType(Value):
    """One type of event."""

    type: Annotated[str, Field(examples=["payment.received"])]
    description: str
    subscribable: bool
    """True if a subscriber's filter can name it."""
    json_schema: Annotated[dict[str, Any], Field(serialization_alias="schema")]
    """JSON Schema (draft 2020-12) of the bodies of its webhooks."""


class EventTypeList(Value):
    """All types of events."""

    items: list[DescribedEventType]


def list_event_types() -> EventTypeList:
    """Return every type of event, those of Zeus's statuses first."""
    return EventTypeList(
        items=[
            DescribedEventType(
                type=event_type,
                description=DESCRIPTIONS[event_type],
                subscribable=event_type in SUBSCRIBABLE,
                json_schema=schema_of(event_type),
            )
            for event_type in EventType
        ]
    )
