"""Links between accepted applications and orders that calls made before. SQL."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.applications import table
from app.applications.reviews import settle_reviews
from app.db.engine import Sessions
from app.db.notify import NOTICES
from app.db.tables.applications import ApplicationRow
from app.judging import sql as judging_sql

_KNOWN = text("SELECT 1 FROM orders WHERE order_no = :order_no")
_LINK = text("""
UPDATE orders SET application_id = :id, test = :test
WHERE order_no = :order_no AND application_id IS NULL
""")
_CALLED_AT = text("""
UPDATE applications SET called_at = coalesce(called_at,
  (SELECT created_at FROM orders WHERE order_no = :order_no))
WHERE id = :id AND EXISTS (SELECT 1 FROM orders WHERE order_no = :order_no)
""")


async def link_order(sessions: Sessions, row: ApplicationRow) -> ApplicationRow | None:
    """Link an accepted application with its order, if a call has made that order already.

    Return the application as it is then, or None without such an order. Waits while the order is
    judged: the lock of its lane comes before that of the application, as in judging.
    """
    if row.order_no is None:
        return None
    async with sessions() as session:
        if await session.scalar(_KNOWN, {"order_no": row.order_no}) is None:
            return None
    async with sessions.begin() as session:
        await judging_sql.await_lanes(session, [row.order_no])
        await link_locked(session, row)
        await session.execute(text(f"NOTIFY {NOTICES}"))  # for judges that passed over the lane
        return await table.find(session, row.id)


async def link_locked(session: AsyncSession, row: ApplicationRow) -> None:
    """Link under the lock of the order's lane, which the caller holds. Settle its reviews."""
    named = {"id": row.id, "order_no": row.order_no}
    await table.find(session, row.id, locked=True)
    await session.execute(_LINK, named | {"test": row.test is not None})
    await session.execute(_CALLED_AT, named)
    await settle_reviews(session, row.id)
