"""Unwanted purchases: the merchant cancelled them, but their slips can still be paid."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field
from sqlalchemy import delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.tables.orders import OrderRow
from app.db.tables.reviews import UnwantedRow
from app.judging import decisions
from app.operations.access.audit import write_entry
from app.operations.access.permissions import Action, Actor
from app.operations.errors import NotAcceptable, UnwantedNotFound
from app.operations.models import Line, Moment, Value
from app.operations.reviews.settlement import DecisionRules
from app.operations.typed_input import known_order_no

_LONGEST = 255


class UnwantedKind(StrEnum):
    """Number that names an unwanted purchase."""

    ORDER_NO = "order_no"
    SENDID = "sendid"


class Unwanted(Value):
    """Purchase that the merchant cancelled. A payment of it makes a review."""

    kind: UnwantedKind
    value: Annotated[str, Field(examples=["1234-56789-01234"])]
    created_at: Moment
    created_by: Annotated[str, Field(examples=["suzuki"])]


async def reject_order(
    sessions: Sessions, order_no: Line, actor: Actor, rules: DecisionRules
) -> Unwanted:
    """Mark an order as unwanted, known or not. Raise NotAllowed.

    If it is paid, its review is opened now, else when it is paid.
    """
    async with sessions.begin() as session:
        order_no = await known_order_no(session, order_no)
        row = await _mark(session, UnwantedKind.ORDER_NO, order_no, actor)
        await decisions.reject_orders(
            session, [order_no], policy=rules.policy, first_wait=rules.first_wait
        )
    return row


async def reject_sendid(
    sessions: Sessions, sendid: Line, actor: Actor, rules: DecisionRules
) -> Unwanted:
    """Mark all orders with this sendid as unwanted, also those to come. Raise NotAllowed."""
    async with sessions.begin() as session:
        row = await _mark(session, UnwantedKind.SENDID, sendid, actor)
        await decisions.reject_sendid(
            session, sendid, policy=rules.policy, first_wait=rules.first_wait
        )
    return row


async def want_order(sessions: Sessions, order_no: Line, actor: Actor) -> None:
    """Remove the mark of an order. Open reviews stay. Raise UnwantedNotFound or NotAllowed."""
    async with sessions.begin() as session:
        order_no = await known_order_no(session, order_no)
        await _unmark(session, UnwantedKind.ORDER_NO, order_no, actor)


async def want_sendid(sessions: Sessions, sendid: Line, actor: Actor) -> None:
    """Remove the mark of a sendid. Open reviews stay. Raise UnwantedNotFound or NotAllowed."""
    async with sessions.begin() as session:
        await _unmark(session, UnwantedKind.SENDID, sendid, actor)


async def want_purchase(sessions: Sessions, order_no: Line, actor: Actor) -> None:
    """Remove the marks of an order and of its sendid. Raise UnwantedNotFound or NotAllowed."""
    async with sessions.begin() as session:
        order_no = await known_order_no(session, order_no)
        row = await session.get(OrderRow, order_no)
        marks = await marks_of(session, row, order_no)
        if not marks:
            raise UnwantedNotFound
        for kind in marks:
            by_number = kind is UnwantedKind.ORDER_NO
            value = order_no if by_number else (row and row.sendid) or ""
            await _unmark(session, kind, value, actor)


async def show_unwanted_sendid(sessions: Sessions, sendid: Line) -> Unwanted:
    """Return the mark of a sendid. Raise UnwantedNotFound."""
    async with sessions() as session:
        row = await session.get(UnwantedRow, (UnwantedKind.SENDID.value, sendid))
    if row is None:
        raise UnwantedNotFound
    return _unwanted_of(row)


async def marks_of(session: AsyncSession, row: OrderRow | None, order_no: str) -> set[UnwantedKind]:
    """Return the numbers of this order that are marked as unwanted."""
    mine = (UnwantedRow.kind == UnwantedKind.ORDER_NO.value) & (UnwantedRow.value == order_no)
    conditions = [mine]
    if row is not None and row.sendid:
        conditions.append(
            (UnwantedRow.kind == UnwantedKind.SENDID.value) & (UnwantedRow.value == row.sendid)
        )
    return set(
        map(UnwantedKind, await session.scalars(select(UnwantedRow.kind).where(or_(*conditions))))
    )


async def _mark(session: AsyncSession, kind: UnwantedKind, value: str, actor: Actor) -> Unwanted:
    if not 0 < len(value) <= _LONGEST:
        raise NotAcceptable(kind.value, f"has 1 to {_LONGEST} characters")
    given = {"kind": kind.value, "value": value, "created_by": actor.name}
    await session.execute(insert(UnwantedRow).values(given).on_conflict_do_nothing())
    await write_entry(session, actor, Action.ORDER_UNWANTED, _subject(kind, value))
    return _unwanted_of(await session.get_one(UnwantedRow, (kind.value, value)))


async def _unmark(session: AsyncSession, kind: UnwantedKind, value: str, actor: Actor) -> None:
    gone = await session.execute(
        delete(UnwantedRow)
        .where(UnwantedRow.kind == kind.value, UnwantedRow.value == value)
        .returning(UnwantedRow.value)
    )
    if gone.first() is None:
        raise UnwantedNotFound
    await write_entry(session, actor, Action.ORDER_WANTED, _subject(kind, value))


def _subject(kind: UnwantedKind, value: str) -> str:
    return f"order:{value}" if kind is UnwantedKind.ORDER_NO else f"sendid:{value}"


def _unwanted_of(row: UnwantedRow) -> Unwanted:
    return Unwanted(
        kind=UnwantedKind(row.kind),
        value=row.value,
        created_at=row.created_at,
        created_by=row.created_by,
    )
