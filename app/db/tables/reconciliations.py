"""Tables of reconciliations: each compared file, and what became of its rows."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base

DIFFERS = "outcome <> 'agrees'"
"""Condition of the indexes of rows that need a look."""


def _count() -> Mapped[int]:
    return mapped_column(server_default=text("0"))


class ReconciliationRow(Base):
    """A file of Zeus's console that is compared with our orders, batch by batch.

    `compared` rows of `total` are done. `first_at` and `last_at` are the times at which the first
    and the last of its orders were created here; the search for orders that the file lacks has come
    to `searched_at` and `searched_order_no`. All change in the transaction of their batch.
    """

    __tablename__ = "reconciliations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    heal: Mapped[bool]
    state: Mapped[str] = mapped_column(server_default=text("'comparing'"))
    total: Mapped[int]
    compared: Mapped[int] = _count()
    agrees: Mapped[int] = _count()
    unknown_here: Mapped[int] = _count()
    behind: Mapped[int] = _count()
    amount_differs: Mapped[int] = _count()
    unknown_there: Mapped[int] = _count()
    healed: Mapped[int] = _count()
    first_at: Mapped[datetime | None]
    last_at: Mapped[datetime | None]
    searched_at: Mapped[datetime | None]
    searched_order_no: Mapped[str | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    advanced_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        # Unfinished ones, the one that has waited longest first.
        Index(
            "reconciliations_unfinished_idx",
            "advanced_at",
            postgresql_where=text("state <> 'done'"),
        ),
    )


class ReconciledOrderRow(Base):
    """One order of a reconciliation: a row of the file, or an order that the file lacks.

    `number` counts the rows of the file from 1, and continues with the orders that it lacks. They
    have no `line`. `status` and `money` are those of the file; the others are ours at the time of
    the comparison. `notice_id` names the notice that heals the order.
    """

    __tablename__ = "reconciliation_rows"

    # No foreign key: checking it doubles the time of loading a million rows.
    reconciliation_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int | None]
    order_no: Mapped[str]
    status: Mapped[str | None]
    money: Mapped[int | None] = mapped_column(BigInteger)
    outcome: Mapped[str | None]
    our_status: Mapped[str | None]
    our_money: Mapped[int | None] = mapped_column(BigInteger)
    notice_id: Mapped[UUID | None]

    __table_args__ = (
        Index("reconciliation_rows_order_no_idx", "reconciliation_id", "order_no"),
        Index(
            "reconciliation_rows_differs_idx",
            "reconciliation_id",
            "number",
            postgresql_where=text(DIFFERS),
        ),
        Index(
            "reconciliation_rows_outcome_idx",
            "reconciliation_id",
            "outcome",
            "number",
            postgresql_where=text(DIFFERS),
        ),
        # Orders that were healed before.
        Index(
            "reconciliation_rows_healed_idx",
            "order_no",
            postgresql_where=text("notice_id IS NOT NULL"),
        ),
    )
