"""Order history: the state of one order, with its calls, events and webhooks."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.notices import NoticeRow
from app.db.tables.orders import EventRow, OrderRow
from app.events.types import OrderState
from app.operations.access.audit import write_look
from app.operations.access.permissions import Actor
from app.operations.deliveries.models import OutboundWebhookInFull
from app.operations.deliveries.webhooks import webhooks_of_order
from app.operations.errors import OrderNotFound
from app.operations.masking import mask_values
from app.operations.models import Moment, Value
from app.operations.notices.notices import Notice, notice_of
from app.operations.orders.events import Event, event_of
from app.operations.orders.release import OrderRelease, release_of
from app.operations.pagination import Place
from app.operations.reviews.filters import ReviewFilter
from app.operations.reviews.models import ListedReview
from app.operations.reviews.reviews import holding_reviews, read_reviews
from app.operations.reviews.unwanted import marks_of
from app.operations.typed_input import known_order_no
from app.zeus.parameters import BY_NAME, deadline_of
from app.zeus.statuses import Status
from app.zeus.stores import store_of

HISTORY_LIMIT = 1_000
"""Limit of the notices, events and webhooks shown of an order, each the oldest first."""

_COPIED = (
    "money",
    "clientip",
    "sendid",
    "sendpoint",
    "application_id",
    "test",
    "cycle",
    "sequence",
    "flags",
    "created_at",
    "updated_at",
)


class StoreOfOrder(Value):
    """Store at which the customer pays."""

    code: Annotated[str, Field(examples=["D001"])]
    name: Annotated[str | None, Field(examples=["セブン-イレブン"])]


class PaymentNumber(Value):
    """Number of the payment slip, with the label that the store chain prints."""

    label: Annotated[str, Field(examples=["払込票番号"])]
    value: Annotated[str, Field(examples=["1234567890123"])]


class Order(Value):
    """State of an order, with the last values from Zeus."""

    state: OrderState
    status: Annotated[str, Field(examples=["04"])]
    status_name: Annotated[str, Field(examples=["入金済"])]
    """Name of the status in Zeus's console."""
    payable: bool
    """支払対象: Zeus will pay the merchant this amount, as far as is known now."""
    final: bool
    """売上確定: the head office of the store chain has confirmed the payment."""
    money: Annotated[int | None, Field(examples=[5400])]
    """Yen."""
    clientip: Annotated[str | None, Field(examples=["2012000001"])]
    store: StoreOfOrder | None
    payment_numbers: list[PaymentNumber]
    payment_deadline: Annotated[str | None, Field(examples=["2026-12-31"])]
    """Last day to pay, in Japan."""
    sendid: str | None
    sendpoint: str | None
    application_id: UUID | None
    """Application of the relay that made this order, if it did."""
    test: bool
    """True if that application was a test."""
    cycle: int
    """Number of the payment: 2 if the customer reversed a payment and paid again."""
    sequence: int
    """Number of the order's events."""
    flags: list[str]
    created_at: Moment
    updated_at: Moment


class OrderHistory(Value):
    """Order with its calls, events and webhooks."""

    order_no: Annotated[str, Field(examples=["1234-56789-01234"])]
    order: Order | None
    """None if no call of the order could be judged."""
    customer: dict[str, Any] | None
    """Customer by the latest event that names one; each value is `***` unless requested."""
    release: OrderRelease
    """Answer to the question if the goods may be sent."""
    reviews: list[ListedReview]
    """Reviews of the order, open and settled, the newest first."""
    unwanted: bool
    """True if the merchant cancelled the purchase. A payment of it makes a review."""
    notices: list[Notice]
    events: list[Event]
    outbound_webhooks: list[OutboundWebhookInFull]


async def show_order(
    sessions: Sessions, order_no: str, *, shown_to: Actor | None = None
) -> OrderHistory:
    """Return an order with its oldest HISTORY_LIMIT calls, events and webhooks.

    The number is looked up as it was typed, then in its plain spelling. With `shown_to`, include
    personal values and record that this actor saw them. Raise OrderNotFound or NotAllowed.
    """
    personal = shown_to is not None
    async with snapshot(sessions, audited=shown_to is not None) as session:
        order_no = await known_order_no(session, order_no)
        row = await session.get(OrderRow, order_no)
        notices = await _notices(session, order_no)
        if row is None and not notices:
            raise OrderNotFound
        reviews = await read_reviews(
            session, Place(limit=HISTORY_LIMIT), ReviewFilter(order_no=order_no)
        )
        held_by = await holding_reviews(session, order_no)
        marks = await marks_of(session, row, order_no)
        events = await _events(session, order_no)
        webhooks = await webhooks_of_order(session, order_no, HISTORY_LIMIT, personal=personal)
        if shown_to is not None:
            await write_look(session, shown_to, f"order:{order_no}")
    customer = next((event.customer for event in reversed(events) if event.customer), None)
    return OrderHistory(
        order_no=order_no,
        order=Order(**fields_of(row)) if row else None,
        customer=customer if personal or customer is None else mask_values(customer),
        release=release_of(row, held_by),
        reviews=reviews.items,
        unwanted=bool(marks),
        notices=[notice_of(notice) for notice in notices],
        events=[event_of(event, personal=personal) for event in events],
        outbound_webhooks=webhooks,
    )


async def _notices(session: AsyncSession, order_no: str) -> list[NoticeRow]:
    query = (
        select(NoticeRow)
        .where(NoticeRow.order_no == order_no)
        .order_by(NoticeRow.id)
        .limit(HISTORY_LIMIT)
    )
    return list(await session.scalars(query))


async def _events(session: AsyncSession, order_no: str) -> list[EventRow]:
    query = (
        select(EventRow)
        .where(EventRow.order_no == order_no)
        .order_by(EventRow.sequence)
        .limit(HISTORY_LIMIT)
    )
    return list(await session.scalars(query))


def fields_of(row: OrderRow) -> dict[str, Any]:
    """Return the fields of an Order."""
    status = Status(row.status)
    deadline = deadline_of(row.pay_limit)
    return {
        "state": OrderState(row.state),
        "status": status,
        "status_name": status.japanese,
        "payable": status.payable,
        "final": status.final,
        "store": _store_of(row.pay_cvs),
        "payment_numbers": _payment_numbers(row),
        "payment_deadline": deadline.isoformat() if deadline else None,
        **{name: getattr(row, name) for name in _COPIED},
    }


def _store_of(code: str | None) -> StoreOfOrder | None:
    if code is None:
        return None
    store = store_of(code)
    return StoreOfOrder(code=code, name=store.name if store else None)


def _payment_numbers(row: OrderRow) -> list[PaymentNumber]:
    store = store_of(row.pay_cvs)
    numbers = (
        ("pay_no1", row.pay_no1, store and store.pay_no1_label),
        ("pay_no2", row.pay_no2, store and store.pay_no2_label),
    )
    return [
        PaymentNumber(label=label or BY_NAME[name].japanese, value=value)
        for name, value, label in numbers
        if value
    ]
