"""Tables of applications to Zeus, and of the keys that sign their references."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base

OPEN = "state IN ('sending', 'unknown')"
"""Condition of the index of applications whose outcome is not known."""
UNCALLED = "state = 'accepted' AND called_at IS NULL AND asked_at IS NULL"
"""Condition of the index of accepted applications whose first call has not come."""


class ApplicationRow(Base):
    """One application for a payment slip: the request, the bytes sent, the answer, the outcome.

    `form` is the exact body that is posted, and `answer` the exact body that came back. `customer`
    and `form` hold personal data and are erased. While the state is `sending`, `lost_after` is the
    time from which the sender counts as gone. `tries` counts the times at which sending was begun:
    only one of them can have reached Zeus. `asked_at` is the time at which a review asked about it.
    `resolved_by` says what ended `unknown`: `answer`, `call`, or the name of an operator.
    """

    __tablename__ = "applications"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    request_hash: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    created_by: Mapped[str]
    state: Mapped[str]

    clientip: Mapped[str]
    money: Mapped[int]
    pay_cvs: Mapped[str]
    sendid: Mapped[str | None]
    sendpoint: Mapped[str]
    test: Mapped[str | None]
    replaces: Mapped[UUID | None]
    customer: Mapped[dict[str, Any] | None]
    form: Mapped[bytes]

    tries: Mapped[int] = mapped_column(server_default=text("1"))
    sent_at: Mapped[datetime | None]
    lost_after: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    answer_status: Mapped[int | None]
    answer: Mapped[bytes | None]
    failure: Mapped[str | None]

    order_no: Mapped[str | None]
    pay_no1: Mapped[str | None]
    pay_no2: Mapped[str | None]
    pay_limit: Mapped[str | None]
    pay_url: Mapped[str | None]
    error_code: Mapped[str | None]
    parameter: Mapped[str | None]

    called_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]
    erased_at: Mapped[datetime | None]

    __table_args__ = (
        Index("applications_state_idx", "state", "id"),
        Index("applications_sendid_idx", "sendid", "id", postgresql_where=text("sendid <> ''")),
        Index(
            "applications_order_no_idx",
            "order_no",
            "id",
            postgresql_where=text("order_no IS NOT NULL"),
        ),
        Index(
            "applications_replaces_idx", "replaces", postgresql_where=text("replaces IS NOT NULL")
        ),
        Index("applications_test_idx", "id", postgresql_where=text("test IS NOT NULL")),
        Index("applications_open_idx", "id", postgresql_where=text(OPEN)),
        Index("applications_unerased_idx", "id", postgresql_where=text("erased_at IS NULL")),
        Index("applications_uncalled_idx", "id", postgresql_where=text(UNCALLED)),
    )


class ReferenceKeyRow(Base):
    """A key that signs the references in applications, sealed.

    It is derived from a key of RELAY_SECRET_KEYS and kept apart, so that old references are still
    known when that key is gone. `retired_at` is the time from which a newer key signs.
    """

    __tablename__ = "reference_keys"

    fingerprint: Mapped[bytes] = mapped_column(primary_key=True)
    sealed: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    retired_at: Mapped[datetime | None]
