"""Times of mails: 処理時刻, the only time that Zeus states, for calls. SQL."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from app.db.driver.direct import Statements

_TIMES = text("""
SELECT order_no, status, occurred_at FROM mails
WHERE order_no = ANY (CAST(:order_nos AS text[])) AND state IN ('waiting', 'missing')
  AND occurred_at IS NOT NULL
""")


@dataclass(slots=True)
class MailUse:
    """Whether there are mails. Without any, judging does not look for them.

    Matching sets it once it has seen a mail.
    """

    in_use: bool = False


class ToldStatus(NamedTuple):
    """A status that a call tells, and the call."""

    notice_id: UUID
    order_no: str
    status: str
    received_at: datetime


async def mail_times(session: Statements, calls: Sequence[ToldStatus]) -> dict[UUID, datetime]:
    """Return 処理時刻 by call, where a believed mail without a call tells it: the nearest one."""
    order_nos = {call.order_no for call in calls}
    if not order_nos:
        return {}
    found = defaultdict(list)
    for row in await session.execute(_TIMES, {"order_nos": sorted(order_nos)}):
        found[row.order_no, row.status].append(row.occurred_at)
    return {
        call.notice_id: min(times, key=lambda at: abs(at - call.received_at))
        for call in calls
        if (times := found.get((call.order_no, call.status)))
    }
