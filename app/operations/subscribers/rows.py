"""Rows of subscribers: find by name, lock, insert, update. The callers own the transactions."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, not_, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7
from app.db.notify import OUTBOUND
from app.db.tables.orders import EventRow
from app.db.tables.subscribers import SubscriberRow
from app.operations.access.audit import write_entry
from app.operations.access.permissions import Action, Actor
from app.operations.errors import NameTaken, SubscriberNotFound
from app.operations.subscribers.models import OfTests, Subscriber, SubscriberState


async def subscriber_row(
    session: AsyncSession, name: str, *, lock: bool = False, alone: bool = False
) -> SubscriberRow:
    """Return the subscriber with this name. Raise SubscriberNotFound.

    `lock` locks it against other changes, `alone` also against new webhooks. Workers lock webhooks
    before subscribers, so a transaction with this lock must not wait for locks of webhooks.
    """
    query = select(SubscriberRow).where(
        SubscriberRow.name == name, SubscriberRow.state != SubscriberState.REMOVED
    )
    row = await session.scalar(
        query.with_for_update(key_share=not alone) if lock or alone else query
    )
    if row is None:
        raise SubscriberNotFound
    return row


def wanted_tests(row: SubscriberRow) -> list[ColumnElement[bool]]:
    """Return the conditions of events of the test or real orders that a subscriber wants."""
    if row.test == OfTests.INCLUDE:
        return []
    of_tests = EventRow.test if row.test == OfTests.ONLY else not_(EventRow.test)
    return [or_(EventRow.order_no.is_(None), of_tests)]


async def update_subscriber(
    session: AsyncSession, subscriber_id: UUID, values: dict[str, Any]
) -> None:
    """Write columns of a subscriber. The new `updated_at` makes workers reload it."""
    await session.execute(
        update(SubscriberRow)
        .where(SubscriberRow.id == subscriber_id)
        .values(**values, updated_at=func.now())
    )
    await session.execute(text(f"NOTIFY {OUTBOUND}"))


async def insert_subscriber(session: AsyncSession, **values: Any) -> SubscriberRow:
    """Insert a subscriber without a secret and return its row. Raise NameTaken."""
    statement = (
        insert(SubscriberRow)
        .values(id=uuid7(), state=SubscriberState.ACTIVE, **values)
        # As text: Postgres uses no partial index for a condition with a parameter once it has a
        # generic plan.
        .on_conflict_do_nothing(
            index_elements=[SubscriberRow.name], index_where=text("state <> 'removed'")
        )
        .returning(SubscriberRow)
    )
    row = await session.scalar(statement)
    if row is None:
        raise NameTaken
    return row


async def write_change(
    session: AsyncSession, row: SubscriberRow, values: dict[str, Any], actor: Actor, action: Action
) -> Subscriber:
    """Write columns of a locked row and an audit entry that names them. Raise NotAllowed.

    Return the changed subscriber.
    """
    if values:
        await update_subscriber(session, row.id, values)
        await session.refresh(row)
    fields = sorted(values.keys() - {"sealed_transport"})
    await write_entry(session, actor, action, f"subscriber:{row.name}", fields=fields)
    return Subscriber(**common_of(row))


def common_of(row: SubscriberRow) -> dict[str, Any]:
    """Return the fields of a Subscriber."""
    return {field: getattr(row, field) for field in Subscriber.model_fields}
