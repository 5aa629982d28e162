"""Accepted applications whose orders calls made before. SQL."""

from sqlalchemy import text

from app.applications import table
from app.applications.reviews import settle_reviews
from app.db.engine import Sessions
from app.db.errors import autocommitting
from app.db.tables.applications import ApplicationRow
from app.judging.applications.late_links import link_known_order

_KNOWN = text("SELECT 1 FROM orders WHERE order_no = :order_no")
_CALLED_AT = text("""
UPDATE applications SET called_at = coalesce(called_at,
  (SELECT created_at FROM orders WHERE order_no = :order_no))
WHERE id = :id AND EXISTS (SELECT 1 FROM orders WHERE order_no = :order_no)
""")


async def link_order(sessions: Sessions, row: ApplicationRow) -> ApplicationRow | None:
    """Link an accepted application with its order, if a call has made that order already.

    Return the application as it is then, or None without such an order. Settle its reviews.
    """
    if row.order_no is None:
        return None
    named = {"id": row.id, "order_no": row.order_no}
    async with autocommitting(sessions).begin() as session:
        if await session.scalar(_KNOWN, {"order_no": row.order_no}) is None:
            return None
    async with sessions.begin() as session:
        await link_known_order(session, row.order_no, row.id)
        await session.execute(_CALLED_AT, named)
        await settle_reviews(session, row.id)
        return await table.find(session, row.id)
