"""SQL of matching: open mails, what is known of their orders, and what becomes of them."""

import json
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.driver.direct import finds_any
from app.db.engine import Sessions
from app.mailbox.pairing import JudgedNotice, ReadMail
from app.mailbox.states import BELIEVED, MailState
from app.zeus.canonical import canonical
from app.zeus.parameters import money_of

PAGE: Final = 500
"""Open mails that are looked at in one transaction."""
COPY: Final = "copy"
"""Flag of a mail that says again what another one says."""
OLD: Final = "old"
"""Flag of a mail about the time before the relay got anything, and about an unknown order."""
NOT_CALLED: Final = "not_called"
"""Flag of a mail about a status that Zeus calls for only if that was ordered, and never did."""
_MAILS_OF_ORDER: Final = 200
_CALLS_OF_ORDER: Final = 500

_PAGE = text(f"""
SELECT id, order_no FROM mails
WHERE state = :state AND id > CAST(:after AS uuid) ORDER BY state, id LIMIT {PAGE}
""")  # noqa: S608 - only our own constants are put in
_ANY_FAILED = text("SELECT EXISTS (SELECT 1 FROM orders WHERE state = 'failed')")
_MAILS = text(f"""
SELECT one.id, one.order_no, one.status, one.state, one.received_at, one.occurred_at, one.money,
  array_remove(ARRAY[one.notice_id, one.healing_notice_id], NULL) AS notice_ids,
  one.received_at < now() - CAST(:grace AS interval) AS is_due, '{COPY}' = ANY (flags) AS is_copy,
  coalesce(one.occurred_at < least(
    (SELECT received_at FROM notices ORDER BY id LIMIT 1),
    (SELECT received_at FROM mails ORDER BY id LIMIT 1)
  ) - interval '1 hour', false) AS is_old
FROM unnest(CAST(:order_nos AS text[])) AS wanted (order_no)
CROSS JOIN LATERAL (
  SELECT * FROM mails WHERE mails.order_no = wanted.order_no AND state = ANY (:states)
  ORDER BY mails.order_no, status, id LIMIT {_MAILS_OF_ORDER}
) AS one
""").bindparams(states=[*(state.value for state in BELIEVED), MailState.DISMISSED.value])  # noqa: S608
_CALLS = text(f"""
SELECT one.id, one.order_no, one.status, one.received_at, one.parameters ->> 'money' AS money
FROM unnest(CAST(:order_nos AS text[])) AS wanted (order_no)
CROSS JOIN LATERAL (
  SELECT * FROM notices WHERE notices.order_no = wanted.order_no
    AND verdict IN ('accepted', 'conflict')
  ORDER BY notices.order_no, notices.id LIMIT {_CALLS_OF_ORDER}
) AS one
""")  # noqa: S608
_WRITE = text("""
UPDATE mails SET state = changed.state, flags = mails.flags || changed.flags,
  notice_id = coalesce(changed.notice_id, mails.notice_id),
  healing_notice_id = coalesce(changed.healing_notice_id, mails.healing_notice_id),
  settled_at = CASE WHEN changed.state <> 'missing' THEN clock_timestamp() END
FROM json_populate_recordset(NULL::mails, CAST(:rows AS json)) AS changed
WHERE mails.id = changed.id
""")
# A human who ends the review of a missing call has decided about its mail.
_DISMISS = text("""
UPDATE mails SET state = 'dismissed', settled_at = clock_timestamp()
FROM reviews
WHERE mails.id = ANY (CAST(:ids AS uuid[])) AND mails.state = 'missing'
  AND reviews.key = 'call_missing mail ' || mails.order_no || ' ' || mails.status || ' ' || mails.id
  AND reviews.settled_at IS NOT NULL
""")
# The order went on after its call had failed, so nobody needs to look.
_SETTLE_FAILED = text("""
UPDATE mails SET settled_at = clock_timestamp()
WHERE state = 'call_failed' AND settled_at IS NULL AND order_no IS NOT NULL AND EXISTS (
  SELECT FROM events WHERE events.order_no = mails.order_no AND events.status IS NOT NULL
    AND events.created_at >= mails.received_at)
""")
_ANY = text("SELECT FROM mails LIMIT 1")


async def any_mail(sessions: Sessions) -> bool:
    """Return True if there is a mail. Raises CONNECT_ERRORS."""
    return await finds_any(sessions, _ANY)


async def calls_for_failures(session: AsyncSession) -> bool:
    """Return True if Zeus calls for failed applications (02), which it does only if ordered."""
    return bool(await session.scalar(_ANY_FAILED))


async def open_page(session: AsyncSession, state: MailState, after: UUID) -> list[tuple[UUID, str]]:
    """Return the next mails of a state behind `after`, with their orders."""
    rows = await session.execute(_PAGE, {"state": state, "after": after})
    return [(row.id, row.order_no) for row in rows]


async def read_mails(
    session: AsyncSession, order_nos: Collection[str], grace: timedelta
) -> list[ReadMail]:
    """Return the believed mails of these orders."""
    rows = await session.execute(_MAILS, {"order_nos": list(order_nos), "grace": grace})
    return [
        ReadMail(
            **{
                **row,
                "state": MailState(row["state"]),
                "notice_ids": tuple(row["notice_ids"]),
            }
        )
        for row in rows.mappings()
    ]


async def read_calls(session: AsyncSession, order_nos: Collection[str]) -> list[JudgedNotice]:
    """Return the judged notices of these orders, without duplicates."""
    rows = await session.execute(_CALLS, {"order_nos": list(order_nos)})
    return [
        JudgedNotice(
            row.id,
            row.order_no,
            row.status,
            row.received_at,
            money_of(canonical("money", row.money or "")),
        )
        for row in rows
    ]


async def write_ends(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Write what became of mails: the state, the flags to add, and the notice."""
    if rows:
        as_json = json.dumps([{"flags": [], **row} for row in rows], default=str)
        await session.execute(_WRITE, {"rows": as_json})


async def dismiss_decided(session: AsyncSession, ids: Collection[UUID]) -> None:
    """Dismiss the missing mails among `ids` whose reviews a human has ended."""
    await session.execute(_DISMISS, {"ids": list(ids)})


async def settle_failed_calls(session: AsyncSession) -> None:
    """Settle the mails about failed calls whose orders have gone on."""
    await session.execute(_SETTLE_FAILED)
