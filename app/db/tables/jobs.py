"""The tables of work that takes longer than a request and survives a crash."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base


class RecoveryJobRow(Base):
    """Sending a subscriber again what it missed: the events of a span of time, worked off in the order of their ids.

    `cursor` is the last event that was looked at and `done` counts the webhooks made due so far; both change in the transaction that
    makes them due. `rate` is in webhooks a second.
    """

    __tablename__ = "recovery_jobs"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subscriber_id: Mapped[UUID] = mapped_column(ForeignKey("subscribers.id"))
    since: Mapped[datetime]
    until: Mapped[datetime]
    event_types: Mapped[list[str]]
    scope: Mapped[str]
    rate: Mapped[int | None]
    state: Mapped[str] = mapped_column(server_default=text("'running'"))
    total: Mapped[int]
    done: Mapped[int] = mapped_column(server_default=text("0"))
    cursor: Mapped[UUID]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    advanced_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        # What is left to do, the one that has waited longest first.
        Index(
            "recovery_jobs_running_idx", "advanced_at", postgresql_where=text("state = 'running'")
        ),
    )
