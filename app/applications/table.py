"""Table of applications. SQL."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.applications.states import ApplicationState
from app.db.tables.applications import ApplicationRow
from app.events.types import OrderState

ALIVE = (ApplicationState.SENDING, ApplicationState.UNKNOWN, ApplicationState.ACCEPTED)
"""States in which a slip exists or may exist."""
_OVER = (OrderState.FAILED, OrderState.EXPIRED, OrderState.EXPIRY_PRESUMED)
_PAYABLE = (OrderState.AWAITING_PAYMENT, OrderState.REVERSED, OrderState.REVERSED_AFTER_CANCEL)

# Nobody waits in a circle: the lock of the key always comes before that of the sendid. One that is
# NULL is not taken.
_LOCK = text("""
SELECT pg_advisory_xact_lock(hashtextextended(:key, 7236405904)),
  pg_advisory_xact_lock(hashtextextended(CAST(:sendid AS text), 7236405904))
""")

# A slip is alive until its order ended without a payment, or its last day in Japan is over.
_LIVE = f"""
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
"""  # noqa: S608 - only our own constants are put in
_FIND_LIVE = text(_LIVE)

# Written as text, since building it from the columns takes longer than Postgres does.
_ADD = select(ApplicationRow).from_statement(
    text(f"""
INSERT INTO applications (id, key, created_by, request_hash, state, clientip, money, pay_cvs,
  sendid, sendpoint, test, replaces, customer, form, sent_at, lost_after)
SELECT :id, :key, :created_by, :request_hash, '{ApplicationState.SENDING}', :clientip, :money,
  :pay_cvs, :sendid, :sendpoint, :test, CAST(:replaces AS uuid), CAST(:customer AS jsonb), :form,
  clock_timestamp(), clock_timestamp() + CAST(:lost_after AS interval)
WHERE (CAST(:replaces AS uuid) IS NULL OR EXISTS (SELECT FROM applications WHERE id = :replaces))
  AND NOT (:one_purchase AND EXISTS ({_LIVE}))
ON CONFLICT (key) DO NOTHING
RETURNING *
""")  # noqa: S608 - only our own constants are put in
)
_ANSWER = select(ApplicationRow).from_statement(
    text(f"""
UPDATE applications SET state = :state, lost_after = NULL, answer_status = :answer_status,
  answer = :answer, failure = :failure, order_no = :order_no, pay_no1 = :pay_no1,
  pay_no2 = :pay_no2, pay_limit = :pay_limit, pay_url = :pay_url, error_code = :error_code,
  parameter = :parameter,
  answered_at = CASE WHEN :state <> '{ApplicationState.NOT_SENT}' THEN clock_timestamp() END
WHERE id = :id AND tries = :tries AND state = '{ApplicationState.SENDING}'
  AND answered_at IS NULL AND resolved_at IS NULL
RETURNING *
""")  # noqa: S608 - only our own constants are put in
)


async def lock(session: AsyncSession, key: str, clientip: str, sendid: str | None) -> None:
    """Wait until no other transaction applies with this key, or with this sendid if there is one.

    Call it once in a transaction, before anything is read.
    """
    purchase = f"application sendid\n{clientip}\n{sendid}" if sendid else None
    await session.execute(_LOCK, {"key": f"application key\n{key}", "sendid": purchase})


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
        _FIND_LIVE,
        {"clientip": clientip, "sendid": sendid, "passed": [str(one) for one in passed]},
    )
    return UUID(str(found)) if found else None


async def add(
    session: AsyncSession,
    values: Mapping[str, Any],
    lost_after: timedelta,
    *,
    one_purchase: bool,
) -> ApplicationRow | None:
    """Add an application in the state `sending`, under the locks of `lock`.

    Return None, and add nothing, if its key is known, if it replaces an unknown application, or if
    `one_purchase` is set and another application of its sendid is alive.
    """
    more = {
        "customer": json.dumps(values["customer"], ensure_ascii=False),
        "lost_after": lost_after,
        "one_purchase": one_purchase,
        "passed": [str(replaced)] if (replaced := values["replaces"]) else [],
    }
    return (await session.scalars(_ADD, {**values, **more})).one_or_none()


async def record_answer(
    session: AsyncSession, application_id: UUID, tries: int, state: str, told: Mapping[str, Any]
) -> ApplicationRow | None:
    """Write the answer of an application that is being sent, with this number of tries.

    Return it as it is then, or None if nothing was written, since it is in another state.
    """
    values = {**told, "id": application_id, "tries": tries, "state": state}
    return (await session.scalars(_ANSWER, values)).one_or_none()


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
