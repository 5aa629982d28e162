"""Tables of recorded calls: notices, rejected samples and the times of answers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base, empty_list


class NoticeRow(Base):
    """One call from Zeus, verbatim, and its verdict.

    The receiver writes the first block of columns once; judging writes the second. `origin` says
    where the notice comes from: `call`, `reconciliation`, `mail` or `operator`. `corrections` are
    values that an operator put in place of the call's.
    """

    __tablename__ = "notices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    lane: Mapped[int] = mapped_column(SmallInteger)
    received_at: Mapped[datetime]
    source: Mapped[str] = mapped_column(INET)
    method: Mapped[str]
    target: Mapped[bytes]
    headers: Mapped[bytes]
    body: Mapped[bytes]
    cut: Mapped[bool] = mapped_column(server_default=text("false"))
    origin: Mapped[str] = mapped_column(server_default=text("'call'"))

    released: Mapped[bool] = mapped_column(server_default=text("false"))
    # SQL's null, not JSON's: from that no key can be removed, and no data would be erased.
    corrections: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    judged_at: Mapped[datetime | None]
    verdict: Mapped[str | None]
    reasons: Mapped[list[str]] = empty_list()
    flags: Mapped[list[str]] = empty_list()
    parameters: Mapped[dict[str, Any] | None]
    order_no: Mapped[str | None]
    status: Mapped[str | None]

    dismissed_at: Mapped[datetime | None]
    dismissal: Mapped[str | None]
    erased_at: Mapped[datetime | None]

    __table_args__ = (
        # Notices without a verdict, in order of arrival within a lane. There are few, so the index
        # stays small.
        Index("notices_unjudged_idx", "lane", "id", postgresql_where=text("verdict IS NULL")),
        Index(
            "notices_order_no_idx", "order_no", "id", postgresql_where=text("order_no IS NOT NULL")
        ),
        # Every verdict but the common one, in order of time: a search for a rare verdict reads no
        # accepted notice.
        Index(
            "notices_verdict_idx", "verdict", "id", postgresql_where=text("verdict <> 'accepted'")
        ),
        # Notices that need review.
        Index(
            "notices_attention_idx",
            "verdict",
            "id",
            postgresql_where=text(
                "verdict IN ('quarantined', 'conflict') AND dismissed_at IS NULL"
            ),
        ),
        {"postgresql_with": {"autovacuum_vacuum_scale_factor": "0.02"}},
    )


class RejectedSampleRow(Base):
    """A rejected call that looks like one of Zeus's, from a source that is not allowed.

    A few are kept for an operator to review.
    """

    __tablename__ = "rejected_samples"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    lane: Mapped[int] = mapped_column(SmallInteger)
    received_at: Mapped[datetime]
    source: Mapped[str] = mapped_column(INET)
    method: Mapped[str]
    target: Mapped[bytes]
    headers: Mapped[bytes]
    body: Mapped[bytes]
    dismissed_at: Mapped[datetime | None]
    dismissal: Mapped[str | None]


class AnswerRow(Base):
    """The time at which the answer to a notice was handed to the network.

    Without a row it is unknown whether Zeus was answered in time.
    """

    __tablename__ = "answers"

    notice_id: Mapped[UUID] = mapped_column(primary_key=True)
    answered_at: Mapped[datetime]
