"""Rows of reviews: opened, settled, or marked to be looked at again. SQL."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.db.driver.direct import Statements
from app.judging.applications.links import FORGED
from app.judging.statements.json_rows import Rows, as_json
from app.order_life.change import Settled
from app.order_life.reviews import Reason, Review

_OPEN = text("""
INSERT INTO reviews
  (id, reason, order_no, related_order_no, cycle, notice_id, key, details, opened_at)
SELECT id, reason, order_no, related_order_no, cycle, notice_id, key, details, clock_timestamp()
FROM json_populate_recordset(NULL::reviews, CAST(:rows AS json))
ON CONFLICT DO NOTHING
""")
_SETTLE = text("""
UPDATE reviews SET settled_at = clock_timestamp(), settlement = settled.settlement,
  settled_by = settled.settled_by, note = settled.note, recheck = false
FROM json_populate_recordset(NULL::reviews, CAST(:rows AS json)) AS settled
WHERE reviews.id = settled.id
""")
_RECHECK = text(f"""
UPDATE reviews SET recheck = true
WHERE related_order_no = ANY (CAST(:order_nos AS text[])) AND settled_at IS NULL
  AND reason = '{Reason.PAID_TWICE}'
""")  # noqa: S608 - only our own constants are put in


def review_row(review: Review) -> dict[str, Any]:
    """Return the row of a new review."""
    return {
        "id": review.id,
        "reason": review.reason,
        "order_no": review.order_no,
        "related_order_no": review.related_order_no,
        "cycle": review.cycle,
        "notice_id": review.notice_id,
        "key": review.key,
        "details": review.details,
    }


def quarantine_row(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of the review of a quarantined notice, from the row of its verdict.

    A forged reference holds the goods of an order that is known; this one is of no known order.
    """
    details = {"reasons": verdict["reasons"]}
    if FORGED in verdict["reasons"]:
        return review_row(Review(Reason.REFERENCE_FORGED, None, None, verdict["id"], details))
    return review_row(Review(Reason.QUARANTINED, verdict["order_no"], None, verdict["id"], details))


def settlement_row(settled: Settled) -> dict[str, Any]:
    """Return what changes in the row of a settled review."""
    return {
        "id": settled.review.id,
        "settlement": settled.settlement,
        "settled_by": settled.settled_by,
        "note": settled.note,
    }


async def write_reviews(
    session: Statements, opened: Rows, settled: Rows, freed: Collection[str]
) -> None:
    """Write new and settled reviews.

    Mark those for a second look whose other order is among `freed`. Never commit.
    """
    for statement, rows in ((_OPEN, opened), (_SETTLE, settled)):
        if rows:
            await session.execute(statement, {"rows": as_json(rows)})
    if freed:
        await session.execute(_RECHECK, {"order_nos": sorted(freed)})


def read_review(stored: Mapping[str, Any]) -> Review:
    """Return the review of a stored one, as the query of orders gives it."""
    notice_id = stored["notice_id"]
    return Review(
        Reason(stored["reason"]),
        stored["order_no"],
        stored["cycle"],
        UUID(str(notice_id)) if notice_id else None,
        stored["details"],
        stored["related_order_no"],
        stored["key"],
        UUID(str(stored["id"])),
    )
