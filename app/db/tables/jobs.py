"""Tables of long work that survives a restart: recovery jobs and housekeeping marks."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base
from app.db.tables.subscribers import SubscriberRow


class RecoveryJobRow(Base):
    """A job that sends a subscriber the events of a time span again, in the order of their ids.

    `cursor` is the last event read and `done` counts the webhooks made due so far. Both change in
    the transaction that makes those webhooks due. `rate` is in webhooks a second.
    """

    __tablename__ = "recovery_jobs"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subscriber_id: Mapped[UUID] = mapped_column(ForeignKey(SubscriberRow.id))
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
        # Running jobs, the one that has waited longest first.
        Index(
            "recovery_jobs_running_idx", "advanced_at", postgresql_where=text("state = 'running'")
        ),
    )


class HousekeepingMarkRow(Base):
    """The position of a pass over a large table, so that the next pass starts there."""

    __tablename__ = "housekeeping_marks"

    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[str]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
