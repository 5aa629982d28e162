"""Reviews about applications: opened and settled. SQL.

They belong to no order, so no event tells of them.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.applications.outcomes import SendOutcome
from app.db.tables.applications import ApplicationRow
from app.judging.statements.review_rows import review_row, write_reviews
from app.order_life.reviews import BY_ITSELF, Reason, Review, Settlement

ASKING = (Reason.APPLICATION_UNKNOWN, Reason.CALL_MISSING)
"""Reviews that ask for the outcome of an application. Their keys name it."""

_SETTLE = text("""
UPDATE reviews SET settled_at = clock_timestamp(), settlement = :settlement, settled_by = :by
WHERE key = ANY (CAST(:keys AS text[])) AND settled_at IS NULL
""")


def key_of(reason: Reason, application_id: UUID) -> str:
    """Return the key under which a review of an application is opened only once."""
    return f"{reason} {application_id}"


def asking_review(row: ApplicationRow, reason: Reason) -> dict[str, Any]:
    """Return the row of a review that asks for the outcome of this application."""
    details = {
        "application_id": str(row.id),
        "clientip": row.clientip,
        "money": row.money,
        "pay_cvs": row.pay_cvs,
        "sendid": row.sendid,
        "order_no": row.order_no,
    }
    return review_row(Review(reason, None, details=details, key=key_of(reason, row.id)))


async def open_contradiction(
    session: AsyncSession, row: ApplicationRow, outcome: SendOutcome
) -> None:
    """Open a review of an answer that contradicts the call or what an operator resolved."""
    details = {
        "application_id": str(row.id),
        "state": row.state,
        "order_no": row.order_no,
        "answered_state": outcome.state.value,
        "answered_order_no": outcome.order_no,
    }
    key = f"{Reason.VALUES_DIFFER} application {row.id}"
    review = Review(Reason.VALUES_DIFFER, None, details=details, key=key)
    await write_reviews(session, [review_row(review)], [], ())


async def settle_reviews(session: AsyncSession, application_id: UUID, by: str = BY_ITSELF) -> None:
    """Settle the reviews that ask for the outcome of this application."""
    keys = [key_of(reason, application_id) for reason in ASKING]
    await session.execute(_SETTLE, {"keys": keys, "settlement": Settlement.DISMISS.value, "by": by})
