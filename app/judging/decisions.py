"""Decisions of operators about an order: settled reviews and unwanted purchases.

They change the order under the lock of its lane, as judging does.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7
from app.db.notify import NOTICES, OUTBOUND
from app.judging import sql
from app.judging.batch import write
from app.judging.event_data import Cause, Source
from app.judging.outcome import JudgedBatch
from app.judging.policy import Policy
from app.judging.statements.review_rows import read_review, settlement_row, write_reviews
from app.judging.surroundings import read_surroundings
from app.order_life.change import OrderChange, Settled
from app.order_life.consequences import reject
from app.order_life.order_state import KnownOrder
from app.order_life.relatives import PAID, READ_AT_MOST, SENDID_LIMIT, applications_of
from app.order_life.reviews import Reason, Review, Settlement

_ORDER_OF = text("SELECT order_no FROM reviews WHERE id = CAST(:id AS uuid)")
_REVIEW = text("SELECT * FROM reviews WHERE id = CAST(:id AS uuid) FOR UPDATE")
# The decision that replaces an earlier one also replaces its reason, which stays as a note.
_KEEP_NOTE = text("""
INSERT INTO review_notes (id, review_id, written_at, written_by, text)
SELECT CAST(:note_id AS uuid), id, settled_at, settled_by, note FROM reviews
WHERE id = CAST(:id AS uuid) AND settled_at IS NOT NULL AND note <> ''
""")
_PAID_ORDERS = text(f"""
SELECT order_no FROM (
  SELECT order_no, state, sendid, created_at FROM orders
  WHERE sendid = :sendid AND sendid <> '' AND length(sendid) <= {SENDID_LIMIT}
  ORDER BY sendid DESC, created_at DESC, order_no DESC LIMIT {READ_AT_MOST}
) AS newest
WHERE state = ANY (ARRAY{sorted(state.value for state in PAID)})
""")  # noqa: S608 - only our own constants are put in
_NO_WAIT = timedelta(0)


class ReviewUnknown(Exception):
    """No review has this id."""


class AlreadySettled(Exception):
    """The review has ended. The text is its settlement."""


async def settle(
    session: AsyncSession,
    review_id: UUID,
    settlement: Settlement,
    note: str | None,
    settled_by: str,
    *,
    policy: Policy,
    first_wait: timedelta = _NO_WAIT,
) -> None:
    """Settle a review; with `release`, release its order if nothing else holds it.

    A review that ended with `hold` or `dismiss` can still end with `release`; the earlier reason
    becomes a note. Waits while the order is judged. Never commit. Raise ReviewUnknown or
    AlreadySettled.
    """
    order_no = await session.scalar(_ORDER_OF, {"id": review_id})
    orders = await _lock_orders(session, [order_no]) if order_no else {}
    review = await _open_review(session, review_id, settlement)
    await session.execute(_KEEP_NOTE, {"note_id": uuid7(), "id": review_id})
    settled = Settled(review, settlement, settled_by, note)
    if not orders or review.reason is Reason.QUARANTINED:  # it belongs to no order yet
        await write_reviews(session, [], [settlement_row(settled)], ())
        return
    change = await _change_of(session, orders[review.order_no or ""], policy)
    change.settle(review, settlement, settled_by, note)
    if settlement is Settlement.RELEASE:
        change.release(policy.release_on)
    await _write(session, [change], first_wait)


async def reject_orders(
    session: AsyncSession,
    order_nos: Collection[str],
    *,
    policy: Policy,
    first_wait: timedelta = _NO_WAIT,
) -> None:
    """Open the review `unwanted_payment` for each of these orders that is paid.

    Others get it when they are paid: judging knows what is unwanted. Never commit.
    """
    changes = []
    for order in (await _lock_orders(session, order_nos)).values():
        change = await _change_of(session, order, policy)
        reject(change)
        changes.append(change)
    await _write(session, [change for change in changes if change.events], first_wait)


async def reject_sendid(
    session: AsyncSession, sendid: str, *, policy: Policy, first_wait: timedelta = _NO_WAIT
) -> None:
    """Open the review `unwanted_payment` for each paid order with this sendid.

    Waits until no worker judges anything: an order that is paid in this moment may be in any lane.
    The newest orders are looked at. Never commit.
    """
    await sql.await_every_lane(session)
    order_nos = await session.scalars(_PAID_ORDERS, {"sendid": sendid})
    await reject_orders(session, order_nos.all(), policy=policy, first_wait=first_wait)


async def _lock_orders(session: AsyncSession, order_nos: Collection[str]) -> dict[str, KnownOrder]:
    """Return the orders, once nobody else judges them. Judges that passed over them are woken."""
    await sql.await_lanes(session, order_nos)
    await session.execute(text(f"NOTIFY {NOTICES}"))
    return await sql.known_orders(session, order_nos)


async def _open_review(session: AsyncSession, review_id: UUID, settlement: Settlement) -> Review:
    row = (await session.execute(_REVIEW, {"id": review_id})).mappings().one_or_none()
    if row is None:
        raise ReviewUnknown
    if row["settled_at"] is not None and (
        row["settlement"] == Settlement.RELEASE or settlement is not Settlement.RELEASE
    ):
        raise AlreadySettled(row["settlement"])
    return read_review(dict(row))


async def _change_of(session: AsyncSession, order: KnownOrder, policy: Policy) -> OrderChange:
    purchases = policy.purchases_of([order.values])
    around = await read_surroundings(session, purchases, (), (), applications_of([order]))
    return OrderChange(order, related=around.purchases.relatives_of(order))


async def _write(
    session: AsyncSession, changes: Collection[OrderChange], first_wait: timedelta
) -> None:
    outcome = JudgedBatch()
    for change in changes:
        outcome.add_change(change, Cause(Source.OPERATOR))
    await write(session, outcome, first_wait)
    if outcome.events:
        await session.execute(text(f"NOTIFY {OUTBOUND}"))
