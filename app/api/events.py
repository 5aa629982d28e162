"""/v1/events: the events, also as a feed to poll."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.api.parts import Personal, WithParts, WithPlace
from app.api.problems import documented
from app.operating import events as operating
from app.operating.events import Event, EventPage
from app.operating.values import Line

router = APIRouter(prefix="/events", tags=["events"])


@router.get("")
async def list_events(
    parts: WithParts,
    place: WithPlace,
    order_no: Annotated[Line | None, Query(max_length=255, description="Only events of this order.")] = None,
    personal: Personal = False,
) -> EventPage:
    """The events, the oldest first. To poll, hand back the last `next_cursor`; events are ordered by id, not by their commit."""
    return await operating.list_events(parts.sessions, place, order_no=order_no, personal=personal)


@router.get("/{event_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_event(parts: WithParts, event_id: UUID, personal: Personal = False) -> Event:
    """One event."""
    return await operating.show_event(parts.sessions, event_id, personal=personal)
