"""Events as operators and polling systems read them."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import select

from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.orders import EventRow
from app.operations.access.audit import write_look
from app.operations.access.permissions import Actor
from app.operations.errors import EventNotFound
from app.operations.masking import mask_values
from app.operations.models import Moment, Page, Value
from app.operations.pagination import Place, read_page
from app.operations.typed_input import known_order_no


class Event(Value):
    """One event. Subscribers get its `type`, `timestamp` and `data`."""

    id: UUID
    """`webhook-id` of the event's webhooks."""
    type: Annotated[str, Field(examples=["payment.received"])]
    timestamp: Moment
    order_no: Annotated[str | None, Field(examples=["1234-56789-01234"])]
    status: Annotated[str | None, Field(examples=["04"])]
    occurrence: Annotated[int | None, Field(examples=[1])]
    sequence: Annotated[int | None, Field(examples=[2])]
    """Position of the event in the sequence of its order, from 1."""
    notice_id: UUID | None
    """Call from which the event was made."""
    data: dict[str, Any]
    customer: dict[str, Any] | None
    """Customer who paid; each value is `***` unless requested."""


class EventPage(Page[Event]):
    """Events, the oldest first. Pass `next_cursor` to read on later."""


async def list_events(
    sessions: Sessions, place: Place, *, order_no: str | None = None, shown_to: Actor | None = None
) -> EventPage:
    """Return the events behind the cursor, the oldest first. Raise BadCursor or NotAllowed.

    With `shown_to`, include personal values and record that this actor saw them.

    Ids are made before they are committed. With several workers, an event can therefore become
    visible just before a cursor that has already passed its id. A reader that must miss none reads
    the feed, subscribes, or reads again from an earlier cursor.
    """
    query = select(EventRow)
    async with snapshot(sessions, audited=shown_to is not None) as session:
        if order_no is not None:
            order_no = await known_order_no(session, order_no)
            query = query.where(EventRow.order_no == order_no)
        rows, cursor, has_more = await read_page(
            session, query, EventRow.id, place, newest_first=False
        )
        if shown_to is not None:
            await write_look(
                session, shown_to, "events" if order_no is None else f"order:{order_no}"
            )
    return EventPage(
        items=[event_of(row, personal=shown_to is not None) for (row,) in rows],
        next_cursor=cursor,
        has_more=has_more,
    )


async def show_event(sessions: Sessions, event_id: UUID, *, shown_to: Actor | None = None) -> Event:
    """Return one event, with personal values for `shown_to`. Raise EventNotFound or NotAllowed."""
    async with sessions.begin() as session:
        row = await session.get(EventRow, event_id)
        if row is None:
            raise EventNotFound
        if shown_to is not None:
            await write_look(session, shown_to, f"event:{event_id}")
    return event_of(row, personal=shown_to is not None)


def event_of(row: EventRow, *, personal: bool) -> Event:
    """Return the value of a row."""
    return Event(
        id=row.id,
        type=row.type,
        timestamp=row.created_at,
        order_no=row.order_no,
        status=row.status,
        occurrence=row.occurrence,
        sequence=row.sequence,
        notice_id=row.notice_id,
        data=row.data,
        customer=row.customer if personal or row.customer is None else mask_values(row.customer),
    )
