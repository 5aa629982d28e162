"""Snapshot of mails: what is missing on either side, and what needs a human."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7_floor

COUNT_LIMIT: Final = 10_000
_NAMED: Final = 5
DAY: Final = timedelta(days=1)
_SINCE, _UNTIL = timedelta(hours=2), timedelta(hours=1)
"""Calls of that age are counted: their mails have had an hour."""

# Without a mail, nothing else is read.
_IN_USE = text("SELECT EXISTS (SELECT FROM mails)")
_MAILS = text(f"""
SELECT
  (SELECT received_at FROM mails ORDER BY id DESC LIMIT 1) AS last_mail_at,
  (SELECT count(*) FROM (
    SELECT FROM mails WHERE state = 'missing' LIMIT {COUNT_LIMIT}) AS counted) AS missing,
  (SELECT count(*) FROM (
    SELECT FROM mails WHERE state = 'not_believed' AND id >= CAST(:day AS uuid)
    LIMIT {COUNT_LIMIT}) AS counted) AS not_believed,
  (SELECT count(*) FROM (
    SELECT FROM mails WHERE state = 'call_failed' AND settled_at IS NULL
    LIMIT {COUNT_LIMIT}) AS counted) AS call_failed,
  ARRAY (
    SELECT id::text FROM mails WHERE state = 'missing' ORDER BY id DESC LIMIT {_NAMED}
  ) AS missing_ids,
  ARRAY (
    SELECT id::text FROM mails WHERE state = 'call_failed' AND settled_at IS NULL
    ORDER BY id DESC LIMIT {_NAMED}
  ) AS call_failed_ids,
  (SELECT min(read_at) FROM mailboxes WHERE read_at > now() - interval '1 day') AS mailbox_read_at
""")  # noqa: S608 - only our own constants are put in
# There is no mail for 03 (manual).
_CALLS = text(f"""
SELECT count(*) AS calls, count(*) FILTER (WHERE NOT EXISTS (
  SELECT FROM mails WHERE mails.order_no = recent.order_no AND mails.status = recent.status
    AND mails.state IN ('matched', 'waiting', 'missing', 'healed')
)) AS without_mail
FROM (
  SELECT order_no, status FROM notices
  WHERE id >= CAST(:since AS uuid) AND id < CAST(:until AS uuid) AND origin = 'call'
    AND verdict = 'accepted' AND status <> '03' LIMIT {COUNT_LIMIT}
) AS recent
""")  # noqa: S608
_LOSS = text("""
SELECT count(*) FILTER (WHERE state IN ('missing', 'healed')) AS missing, count(*) AS expected
FROM mails WHERE id >= CAST(:day AS uuid) AND state IN ('matched', 'missing', 'healed')
""")


@dataclass(frozen=True, slots=True)
class MailSnapshot:
    """State of the mails at one moment. Counts end at COUNT_LIMIT.

    `calls` are those of an hour that ended an hour ago. `mailbox_read_at` is the last time at which
    a mailbox was read, if that is less than a day ago.
    """

    in_use: bool = False
    last_mail_at: datetime | None = None
    missing: int = 0
    not_believed: int = 0
    call_failed: int = 0
    missing_ids: tuple[str, ...] = ()
    call_failed_ids: tuple[str, ...] = ()
    mailbox_read_at: datetime | None = None
    calls: int = 0
    calls_without_mail: int = 0


async def read_mails(
    session: AsyncSession, at: datetime, *, with_calls: bool = True
) -> MailSnapshot:
    """Return the snapshot of mails; an empty one where there are none.

    `with_calls=False` leaves out the calls, which take the longest to count.
    """
    if not await session.scalar(_IN_USE):
        return MailSnapshot()
    mails = (await session.execute(_MAILS, {"day": uuid7_floor(at - DAY)})).mappings().one()
    named = {name: tuple(mails[name]) for name in ("missing_ids", "call_failed_ids")}
    found = MailSnapshot(in_use=True, **{**mails, **named})
    if not with_calls:
        return found
    span = {"since": uuid7_floor(at - _SINCE), "until": uuid7_floor(at - _UNTIL)}
    calls = (await session.execute(_CALLS, span)).one()
    return replace(found, calls=calls.calls, calls_without_mail=calls.without_mail)


async def read_loss(session: AsyncSession, at: datetime) -> tuple[int, int]:
    """Return the calls that were missing, and all that mails told, of the last 24 hours."""
    row = (await session.execute(_LOSS, {"day": uuid7_floor(at - DAY)})).one()
    return row.missing, row.expected
