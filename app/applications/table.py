"""Table of applications. SQL."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.applications.states import ApplicationState
from app.db.tables.applications import ApplicationRow
from app.events.types import OrderState

ALIVE = (ApplicationState.SENDING, ApplicationState.UNKNOWN, ApplicationState.ACCEPTED)
"""States in which a slip exists or may exist."""
_OVER = (OrderState.FAILED, OrderState.EXPIRED, OrderState.EXPIRY_PRESUMED)
_PAYABLE = (OrderState.AWAITING_PAYMENT, OrderState.REVERSED, OrderState.REVERSED_AFTER_CANCEL)

# In one transaction, the lock of the key always comes before that of the sendid.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 7236405904))")

# A slip is alive until its order ended without a payment, or its last day in Japan is over.
_LIVE = text(f"""
SELECT applications.id FROM applications
LEFT JOIN orders ON orders.order_no = applications.order_no
WHERE applications.sendid = :sendid AND applications.sendid <> ''
  AND applications.clientip = :clientip
  AND applications.state = ANY (ARRAY{[state.value for state in ALIVE]})
  AND (applications.state <> '{ApplicationState.ACCEPTED}' OR (
    coalesce(orders.state, '') <> ALL (ARRAY{[state.value for state in _OVER]})
    AND NOT (
      coalesce(orders.state, '{OrderState.AWAITING_PAYMENT}')
        = ANY (ARRAY{[state.value for state in _PAYABLE]})
      AND coalesce(applications.pay_limit, orders.pay_limit, '') ~ '^[0-9]{{8}}$'
      AND coalesce(applications.pay_limit, orders.pay_limit, '')
        < to_char(clock_timestamp() AT TIME ZONE 'Asia/Tokyo', 'YYYYMMDD')
    )))
  AND applications.id <> ALL (CAST(:passed AS uuid[]))
  AND NOT EXISTS (
    SELECT 1 FROM applications AS later WHERE later.replaces = applications.id
      AND later.state = ANY (ARRAY{[state.value for state in ALIVE]}))
ORDER BY applications.id DESC LIMIT 1
""")  # noqa: S608 - only our own constants are put in


async def lock_key(session: AsyncSession, key: str) -> None:
    """Wait until no other transaction applies with this key."""
    await session.execute(_LOCK, {"name": f"application key\n{key}"})


async def lock_sendid(session: AsyncSession, clientip: str, sendid: str) -> None:
    """Wait until no other transaction applies with this sendid."""
    await session.execute(_LOCK, {"name": f"application sendid\n{clientip}\n{sendid}"})


async def find_by_key(session: AsyncSession, key: str) -> ApplicationRow | None:
    """Return the application with this idempotency key."""
    return await session.scalar(select(ApplicationRow).where(ApplicationRow.key == key))


async def find(
    session: AsyncSession, application_id: UUID, *, locked: bool = False
) -> ApplicationRow | None:
    """Return an application, with `locked` kept from others until the transaction ends."""
    query = select(ApplicationRow).where(ApplicationRow.id == application_id)
    query = query.execution_options(populate_existing=True)
    return await session.scalar(query.with_for_update() if locked else query)


async def live_application(
    session: AsyncSession, clientip: str, sendid: str, passed: list[UUID]
) -> UUID | None:
    """Return the newest application of this sendid whose slip is, or may be, still alive.

    Those in `passed`, and those that a later one replaces, do not count.
    """
    found = await session.scalar(
        _LIVE,
        {"clientip": clientip, "sendid": sendid, "passed": [str(one) for one in passed]},
    )
    return UUID(str(found)) if found else None


async def add(
    session: AsyncSession, values: Mapping[str, Any], lost_after: timedelta
) -> ApplicationRow:
    """Add an application in the state `sending`."""
    statement = (
        insert(ApplicationRow)
        .values(
            **values,
            state=ApplicationState.SENDING.value,
            sent_at=func.clock_timestamp(),
            lost_after=func.clock_timestamp() + lost_after,
        )
        .returning(ApplicationRow)
    )
    return (await session.scalars(statement)).one()


async def send_again(
    session: AsyncSession,
    row: ApplicationRow,
    form: bytes,
    customer: Mapping[str, str],
    lost_after: timedelta,
) -> ApplicationRow:
    """Return an application that was not sent to the state `sending`.

    Its personal data may have been erased meanwhile.
    """
    statement = (
        update(ApplicationRow)
        .where(ApplicationRow.id == row.id)
        .values(
            state=ApplicationState.SENDING.value,
            form=form,
            customer=dict(customer),
            erased_at=None,
            tries=ApplicationRow.tries + 1,
            sent_at=func.clock_timestamp(),
            lost_after=func.clock_timestamp() + lost_after,
            answered_at=None,
            failure=None,
        )
        .returning(ApplicationRow)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one()


async def change(session: AsyncSession, application_id: UUID, **values: Any) -> ApplicationRow:
    """Change columns of an application and return it."""
    statement = (
        update(ApplicationRow)
        .where(ApplicationRow.id == application_id)
        .values(**values)
        .returning(ApplicationRow)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one()
