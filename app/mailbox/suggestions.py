"""Suggestions: mails that may tell the outcome of an application. A human decides. SQL.

Mails carry neither sendid nor sendpoint, so nothing proves that one belongs to an application.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7_floor
from app.mailbox.states import BELIEVED

_BEFORE: Final = timedelta(minutes=10)
_AFTER: Final = timedelta(days=1)
_AT_MOST: Final = 10

# The range of ids is one of time: the mail about an application comes soon after it.
_SUGGESTIONS = text(f"""
SELECT mails.id, mails.order_no, mails.status, mails.money, mails.occurred_at, mails.received_at,
  applications.customer IS NOT NULL AND mails.telno_tail IS NOT NULL AS has_telno
FROM applications JOIN mails
  ON mails.id >= CAST(:since AS uuid) AND mails.id < CAST(:until AS uuid)
  AND mails.state = ANY (:states) AND mails.status IN ('01', '02', '04')
  AND mails.clientip = applications.clientip AND mails.money = applications.money
  AND coalesce(mails.pay_cvs, applications.pay_cvs) = applications.pay_cvs
  AND (mails.telno_tail IS NULL OR applications.customer IS NULL
    OR right(applications.customer ->> 'telno', 4) = mails.telno_tail)
WHERE applications.id = :id AND NOT EXISTS (
  SELECT FROM applications AS other
  WHERE other.order_no = mails.order_no AND other.id <> applications.id)
ORDER BY mails.id LIMIT {_AT_MOST}
""").bindparams(states=[state.value for state in BELIEVED])  # noqa: S608 - only our own constants
_SENT_AT = text("SELECT coalesce(sent_at, created_at) FROM applications WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A believed mail that agrees with an application in IPコード, amount, store and time.

    `has_telno` tells that the ends of both telephone numbers were compared too.
    """

    mail_id: UUID
    order_no: str
    status: str
    money: int
    occurred_at: datetime | None
    received_at: datetime
    has_telno: bool


async def suggestions_for(session: AsyncSession, application_id: UUID) -> Sequence[Suggestion]:
    """Return the mails that may be about an application, the oldest first; none without it.

    Those of orders that belong to another application are left out.
    """
    sent_at = await session.scalar(_SENT_AT, {"id": application_id})
    if sent_at is None:
        return []
    span = {"since": uuid7_floor(sent_at - _BEFORE), "until": uuid7_floor(sent_at + _AFTER)}
    rows = await session.execute(_SUGGESTIONS, {"id": application_id, **span})
    return [Suggestion(*row) for row in rows]
