"""/v1/events: the events, also as a feed to poll."""

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
            description="The feed behind this `next_cursor`; empty for its beginning.",
        ),
    ] = None,
    wait: Annotated[
        float,
        Query(
            ge=0,
            le=LONGEST_WAIT,
            description="Seconds to wait for events in the feed, if there are none yet.",
        ),
    ] = 0,
) -> EventPage:
    """The events, the oldest first; with `after` or `wait`, or with the token of a feed, as a feed from which none is ever missing.

    The feed is ordered by when events became visible, the list by their ids. A feed's own token gives events as webhooks carry them,
    filtered like a subscription: `customer` stands in `data`, if at all.
    """
    feed = feed_of(request)
    if feed is None and after is None and not wait:
        return await operations.list_events(
            dependencies.sessions, place, order_no=order_no, shown_to=shown_to
        )
    if order_no is not None or place.cursor is not None:
        raise NotAcceptable(
            "after", "The feed is read by `after`, and not by `cursor` or `order_no`."
        )
    return await dependencies.feed.read(
        Place(after or None, place.limit), Reader(feed, shown_to), wait
    )


@router.get("/{event_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_event(dependencies: WithDependencies, event_id: UUID, shown_to: ShownTo) -> Event:
    """One event."""
    return await operations.show_event(dependencies.sessions, event_id, shown_to=shown_to)
