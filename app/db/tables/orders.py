"""Tables of orders and of the events that subscribers receive."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base, empty_list

AWAITING = "state = 'awaiting_payment' AND pay_limit ~ '^[0-9]{4}[01][0-9][0-3][0-9]$'"
"""Condition of the index of orders with a payment deadline."""
PROVISIONAL = (
    "state IN ('paid', 'paid_after_cancel') AND (overdue_cycle IS NULL OR overdue_cycle <> cycle)"
)
"""Condition of the index of payments that are not confirmed and not yet told as overdue."""


class OrderRow(Base):
    """The current state of one order_no, with the latest values from Zeus."""

    __tablename__ = "orders"

    order_no: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    state: Mapped[str]
    cycle: Mapped[int]
    sequence: Mapped[int]
    money: Mapped[int | None] = mapped_column(BigInteger)
    clientip: Mapped[str | None]
    pay_cvs: Mapped[str | None]
    pay_no1: Mapped[str | None]
    pay_no2: Mapped[str | None]
    pay_limit: Mapped[str | None]
    sendid: Mapped[str | None]
    sendpoint: Mapped[str | None]
    flags: Mapped[list[str]] = empty_list()
    # The last four digits, enough for a search. Erased with the personal data of the order's calls.
    telno_tail: Mapped[str | None]
    # Payment cycles: the one last released, revoked, held by a decision, and found overdue.
    released_cycle: Mapped[int | None]
    revoked_cycle: Mapped[int | None]
    held_cycle: Mapped[int | None]
    overdue_cycle: Mapped[int | None]
    # The time at which the provisional payment of this cycle was reported.
    paid_at: Mapped[datetime | None]
    # The application that the relay made for this order, and whether that was a test.
    application_id: Mapped[UUID | None]
    test: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("orders_created_idx", "created_at", "order_no"),
        # A btree rejects keys over 2,700 bytes, and a merchant's sendid may have any length. Nobody
        # searches for one over 255 characters.
        Index(
            "orders_short_sendid_idx",
            "sendid",
            "created_at",
            "order_no",
            postgresql_where=text("sendid <> '' AND length(sendid) <= 255"),
        ),
        Index("orders_money_idx", "money", "created_at", "order_no"),
        Index(
            "orders_telno_tail_idx",
            "telno_tail",
            "created_at",
            "order_no",
            postgresql_where=text("telno_tail IS NOT NULL"),
        ),
        Index("orders_state_idx", "state", "created_at", "order_no"),
        Index(
            "orders_application_idx",
            "application_id",
            postgresql_where=text("application_id IS NOT NULL"),
        ),
        Index("orders_test_idx", "created_at", "order_no", postgresql_where=text("test")),
        # Orders whose payment deadline may pass unheard. Zeus's form of a day, compared as text.
        Index(
            "orders_awaiting_idx",
            "pay_limit",
            "order_no",
            postgresql_where=text(AWAITING),
        ),
        # Payments that wait for their confirmation. Those of before 0.3 have no paid_at.
        Index(
            "orders_provisional_idx",
            text("COALESCE(paid_at, updated_at)"),
            "order_no",
            postgresql_where=text(PROVISIONAL),
        ),
        {"postgresql_with": {"fillfactor": "90"}},
    )


ONCE = "type IN ('order.expiry_presumed', 'order.released', 'order.release_revoked')"
"""Condition of the index of events that a payment cycle has once."""


class EventRow(Base):
    """One event for subscribers; `customer` holds all of its personal data, `data` none."""

    __tablename__ = "events"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str]
    order_no: Mapped[str | None]
    status: Mapped[str | None]
    occurrence: Mapped[int | None]
    cycle: Mapped[int | None]
    sequence: Mapped[int | None]
    notice_id: Mapped[UUID | None]
    # The place in the feed, from events_position_seq. None for an event to one subscriber only.
    position: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    # JSON, since JSONB does not keep the order of the keys.
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    customer: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    # Whether the order is a test, for the subscribers' filter.
    test: Mapped[bool] = mapped_column(server_default=text("false"))

    __table_args__ = (
        # The last guard against duplicates: one status of an order cannot become two events.
        Index(
            "events_occurrence_key",
            "order_no",
            "status",
            "occurrence",
            unique=True,
        ),
        Index(
            "events_sequence_key",
            "order_no",
            "sequence",
            unique=True,
        ),
        Index("events_notice_idx", "notice_id"),
        # What follows from the facts happens once in a payment cycle.
        Index(
            "events_once_key",
            "order_no",
            "type",
            "cycle",
            unique=True,
            postgresql_where=text(ONCE),
        ),
        Index(
            "events_position_key",
            "position",
            unique=True,
            postgresql_where=text("position IS NOT NULL"),
        ),
    )
