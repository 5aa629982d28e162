"""Links of orders with applications that became known after their calls. SQL."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.notify import NOTICES, OUTBOUND
from app.judging import sql
from app.judging.applications.rows import read_applications
from app.judging.batch import write
from app.judging.event_data import Cause, Source
from app.judging.outcome import JudgedBatch
from app.judging.surroundings import read_surroundings
from app.order_life.change import OrderChange
from app.order_life.consequences import link_late
from app.order_life.relatives import applications_of

_NO_WAIT = timedelta(0)


async def link_known_order(session: AsyncSession, order_no: str, application_id: UUID) -> None:
    """Link an order with the accepted application that made it, and compare what both say.

    An order stays with its first application. Waits while the order is judged: the lock of its lane
    comes before that of the application, as in judging. Never commit.
    """
    await sql.await_lanes(session, [order_no])
    await session.execute(text(f"NOTIFY {NOTICES}"))  # for judges that passed over the lane
    applied = (await read_applications(session, [application_id], ())).get(application_id)
    order = (await sql.known_orders(session, [order_no])).get(order_no)
    if applied is None or order is None or order.application_id is not None:
        return
    last = order.had.get(order.current_status)
    notice_id = last.notice_id if last else None
    change = OrderChange(order)
    link_late(change, applied, notice_id)
    around = await read_surroundings(session, (), (), (), applications_of([change.order]))
    change.related = around.purchases.relatives_of(change.order)
    outcome = JudgedBatch()
    outcome.add_change(change, Cause(Source.CALL, notice_id))
    await write(session, outcome, _NO_WAIT)
    if outcome.events:
        await session.execute(text(f"NOTIFY {OUTBOUND}"))
