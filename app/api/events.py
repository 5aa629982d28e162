"""/v1/events: the events, also as a feed to poll."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.api.parts import ShownTo, WithParts, WithPlace
from app.api.problems import documented
from app.operating import events as operating
from app.operating.events import Event, EventPage
from app.operating.values import Line

router = APIRouter(prefix="/events", tags=["events"])


@router.get("")
async def list_events(
    parts: WithParts,
    place: WithPlace,
    shown_to: ShownTo,
    order_no: Annotated[Line | None, Query(max_length=255, description="Only events of this order.")] = None,
) -> EventPage:
    """The events, the oldest first. To poll, hand back the last `next_cursor`; events are ordered by id, not by their commit."""
    return await operating.list_events(parts.sessions, place, order_no=order_no, shown_to=shown_to)


@router.get("/{event_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_event(parts: WithParts, event_id: UUID, shown_to: ShownTo) -> Event:
    """One event."""
    return await operating.show_event(parts.sessions, event_id, shown_to=shown_to)
