"""Tables of outbound webhooks and their attempts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base
from app.db.tables.subscribers import SubscriberRow

# Postgres caches plans while tables are still empty, when every index costs the same. A condition
# on an expression proves no partial index, so this spelling leaves only the index that is meant.
# (An EXISTS has no order and could become a hash of all rows: statements order and limit instead.)
STILL_PENDING = "w.state || '' = 'pending'"
"""SQL condition that webhook `w` is pending, which no partial index can serve."""


class OutboundWebhookRow(Base):
    """One event for one subscriber; the row is the job.

    Only the worker that holds the lease token may change a claimed row. `attempts` counts the
    attempts that the retry policy counts, `excused` those that failed on our own side.
    """

    __tablename__ = "outbound_webhooks"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[UUID]
    subscriber_id: Mapped[UUID] = mapped_column(ForeignKey(SubscriberRow.id))
    order_no: Mapped[str | None]
    sequence: Mapped[int | None]
    state: Mapped[str] = mapped_column(server_default=text("'pending'"))
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    excused: Mapped[int] = mapped_column(server_default=text("0"))
    lease_token: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
    last_outcome: Mapped[str | None]
    dismissed_at: Mapped[datetime | None]
    dismissal: Mapped[str | None]

    __table_args__ = (
        Index("outbound_webhooks_event_key", "event_id", "subscriber_id", unique=True),
        # Pending webhooks by subscriber, first attempts (0) apart from retries (1), so that a claim
        # of one kind reads none of the other. A claim moves due_at to the end of its lease: the
        # webhooks of a lost worker become due again.
        Index(
            "outbound_webhooks_turn_idx",
            "subscriber_id",
            text("LEAST(attempts + excused, 1)"),
            "due_at",
            "id",
            postgresql_where=text("state = 'pending'"),
        ),
        # Earlier pending events of an order, and those that wait for the one just settled.
        Index(
            "outbound_webhooks_order_idx",
            "subscriber_id",
            "order_no",
            "sequence",
            postgresql_where=text("state = 'pending' AND order_no IS NOT NULL"),
        ),
        Index(
            "outbound_webhooks_attention_idx",
            "state",
            "id",
            postgresql_where=text("state = 'dead' AND dismissed_at IS NULL"),
        ),
        # Every state but the common one, the oldest first.
        Index(
            "outbound_webhooks_state_idx",
            "state",
            "id",
            postgresql_where=text("state <> 'delivered'"),
        ),
        Index("outbound_webhooks_subscriber_idx", "subscriber_id", "state", "id"),
        # Every row is updated twice in its first second. VACUUM must keep up, or dead rows fill the
        # index of due webhooks.
        {"postgresql_with": {"autovacuum_vacuum_scale_factor": "0.01"}},
    )


class AttemptRow(Base):
    """One attempt to send an outbound webhook, and the answer to it."""

    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    outbound_webhook_id: Mapped[int] = mapped_column(BigInteger, index=True)
    number: Mapped[int]
    started_at: Mapped[datetime]
    duration_ms: Mapped[int]
    outcome: Mapped[str]
    http_status: Mapped[int | None]
    excerpt: Mapped[str | None]
