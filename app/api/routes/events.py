"""Routes of events, /v1/events, and of the feed that subscribers poll."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from app.api.dependencies import ShownTo, WithDependencies, WithPlace
from app.api.permissions import feed_of
from app.api.problems import documented
from app.operations.errors import NotAcceptable
from app.operations.feed.reader import LONGEST_WAIT, Reader
from app.operations.models import Line
from app.operations.orders import events as operations
from app.operations.orders.events import Event, EventPage
from app.operations.pagination import Place

router = APIRouter(prefix="/events", tags=["events"])


@router.get("", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
async def list_events(
    request: Request,
    dependencies: WithDependencies,
    place: WithPlace,
    shown_to: ShownTo,
    order_no: Annotated[
        Line | None, Query(max_length=255, description="Only events of this order.")
    ] = None,
    after: Annotated[
        Line | None,
        Query(
            max_length=500,
            description="Read the feed behind this `next_cursor`; empty: from its beginning.",
        ),
    ] = None,
    wait: Annotated[
        float,
        Query(
            ge=0,
            le=LONGEST_WAIT,
            description="Seconds to wait for an event if the feed has none yet.",
        ),
    ] = 0,
) -> EventPage:
    """List events, the oldest first; with `after`, `wait` or a feed token, read the feed.

    The feed never skips an event: it is ordered by the time at which events became visible. The
    list is ordered by their ids. A feed token gives events as webhooks carry them, with the
    subscriber's filters; `customer` is in `data` if the subscriber gets it.
    """
    feed = feed_of(request)
    if feed is None and after is None and not wait:
        return await operations.list_events(
            dependencies.sessions, place, order_no=order_no, shown_to=shown_to
        )
    if order_no is not None or place.cursor is not None:
        raise NotAcceptable("after", "Read the feed with `after`, without `cursor` and `order_no`.")
    return await dependencies.feed.read(
        Place(after or None, place.limit), Reader(feed, shown_to), wait
    )


@router.get("/{event_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_event(dependencies: WithDependencies, event_id: UUID, shown_to: ShownTo) -> Event:
    """Show one event."""
    return await operations.show_event(dependencies.sessions, event_id, shown_to=shown_to)
