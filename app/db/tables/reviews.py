"""Tables of human decisions: reviews, notes on them, and purchases that are unwanted."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base


class ReviewRow(Base):
    """One thing that a human must decide, and its settlement.

    `key` is set where a review may be opened only once, as for a pair of orders. `related_order_no`
    is the other order of such a pair; only `order_no` is held. `recheck` asks the worker to look
    whether the review still holds.
    """

    __tablename__ = "reviews"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    reason: Mapped[str]
    order_no: Mapped[str | None]
    related_order_no: Mapped[str | None]
    cycle: Mapped[int | None]
    notice_id: Mapped[UUID | None]
    key: Mapped[str | None]
    # JSON, since JSONB does not keep the order of the keys.
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    recheck: Mapped[bool] = mapped_column(server_default=text("false"))
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    settled_at: Mapped[datetime | None]
    settlement: Mapped[str | None]
    settled_by: Mapped[str | None]
    note: Mapped[str | None]

    __table_args__ = (
        Index("reviews_open_idx", "reason", "id", postgresql_where=text("settled_at IS NULL")),
        Index("reviews_reason_idx", "reason", "id"),
        Index("reviews_order_no_idx", "order_no", "id"),
        Index("reviews_related_order_no_idx", "related_order_no", "id"),
        Index("reviews_notice_id_idx", "notice_id"),
        Index("reviews_key_key", "key", unique=True),
        Index("reviews_recheck_idx", "id", postgresql_where=text("recheck")),
    )


class ReviewNoteRow(Base):
    """A note of a colleague on a review."""

    __tablename__ = "review_notes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    review_id: Mapped[UUID] = mapped_column(ForeignKey(ReviewRow.id))
    written_at: Mapped[datetime] = mapped_column(server_default=func.now())
    written_by: Mapped[str]
    text: Mapped[str]

    __table_args__ = (Index("review_notes_review_id_idx", "review_id", "id"),)


class UnwantedRow(Base):
    """A purchase that the merchant cancelled. `kind` is `order_no` or `sendid`."""

    __tablename__ = "unwanted"

    kind: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[str]
