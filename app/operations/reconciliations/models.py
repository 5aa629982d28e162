"""Values of reconciliations."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.db.tables.reconciliations import ReconciledOrderRow, ReconciliationRow
from app.operations.models import Moment, Page, Value
from app.reconciliation.comparison import Outcome
from app.reconciliation.progress import ReconciliationState
from app.zeus.statuses import Status


class ReconciliationCounts(Value):
    """Numbers of orders by outcome, as far as they are compared."""

    agrees: int
    """Orders about which both agree, or of which the file has an older status."""
    unknown_here: int
    """Orders of the file of which no call was judged."""
    behind: int
    """Orders with a status of which no call came."""
    amount_differs: int
    """Orders with another amount."""
    unknown_there: int
    """Orders that were created here between the first and the last known order of the file, but are
    not in it."""


class Reconciliation(Value):
    """Comparison of an exported file with the orders, and its progress."""

    id: UUID
    state: ReconciliationState
    heal: bool
    """True if notices are made of what is lacking here."""
    total: int
    """Orders in the file."""
    compared: int
    """Orders of these that are compared."""
    counts: ReconciliationCounts
    healed: int
    """Orders of these for which a notice was made, now or by an earlier file."""
    created_by: Annotated[str, Field(examples=["suzuki"])]
    created_at: Moment
    finished_at: Moment | None

    @property
    def differing(self) -> int:
        """Return the number of orders that do not agree and were not healed."""
        counts = self.counts
        lacking = counts.unknown_here + counts.behind - self.healed
        return lacking + counts.amount_differs + counts.unknown_there


class ReconciliationPage(Page[Reconciliation]):
    """Reconciliations, the newest first."""


class ReconciledOrder(Value):
    """Outcome of one order."""

    line: int | None
    """Line of the file; None for an order that it lacks."""
    order_no: Annotated[str, Field(examples=["1234-56789-01234"])]
    outcome: Outcome | None
    """None until the order is compared."""
    status: Annotated[str | None, Field(examples=["04"])]
    """Status in the file; None for キャンセル and 番組停止, of which no call tells."""
    status_name: Annotated[str | None, Field(examples=["入金済"])]
    money: int | None
    """Amount in the file."""
    our_status: str | None
    """Status here at the time of the comparison."""
    our_status_name: str | None
    our_money: int | None
    notice_id: UUID | None
    """Notice that stands for the call that never came."""


class ReconciledOrderPage(Page[ReconciledOrder]):
    """Outcomes of orders, in the sequence of the file."""


class ReconciliationInFull(Reconciliation):
    """Reconciliation with a page of its orders."""

    rows: ReconciledOrderPage
    """Orders with the given outcome, else all that do not agree."""


def reconciliation_of(row: ReconciliationRow) -> Reconciliation:
    """Return the value of a row."""
    return Reconciliation(
        id=row.id,
        state=ReconciliationState(row.state),
        heal=row.heal,
        total=row.total,
        compared=row.compared,
        counts=ReconciliationCounts(
            **{name: getattr(row, name) for name in ReconciliationCounts.model_fields}
        ),
        healed=row.healed,
        created_by=row.created_by,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def reconciled_order_of(row: ReconciledOrderRow) -> ReconciledOrder:
    """Return the value of a row."""
    return ReconciledOrder(
        line=row.line,
        order_no=row.order_no,
        outcome=Outcome(row.outcome) if row.outcome else None,
        status=row.status,
        status_name=_name_of(row.status),
        money=row.money,
        our_status=row.our_status,
        our_status_name=_name_of(row.our_status),
        our_money=row.our_money,
        notice_id=row.notice_id,
    )


def _name_of(status: str | None) -> str | None:
    return Status(status).japanese if status else None
