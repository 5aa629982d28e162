"""Route of the types of events, /v1/event-types."""

from fastapi import APIRouter

from app.operations.event_types import listing as operations
from app.operations.event_types.listing import EventTypeList

router = APIRouter(prefix="/event-types", tags=["events"])


@router.get("")
async def list_event_types() -> EventTypeList:
    """List the types of events, each with the JSON Schema of its webhooks."""
    return operations.list_event_types()
