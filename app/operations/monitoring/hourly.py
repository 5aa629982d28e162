"""Calls and slow answers by the hour. The ids of notices begin with the time of their arrival, so the primary keys find an hour."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.operations.models import Moment, Value

SHOWN_HOURS = 24
SLOW_SECONDS = 1
"""From how long on an answer is called slow."""

_HOUR = timedelta(hours=1)
_SETTLED_AFTER = timedelta(minutes=15)
"""How long after its end an hour is counted anew each time: its evidence of answers is written a moment later."""
REMEMBERED_SECONDS = 300.0
"""How long the count of an earlier hour is kept: calls may still come out of a spool."""
_COUNT = text(f"""
SELECT
  (SELECT count(*) FROM notices WHERE id >= hour.first AND id < hour.next) AS calls,
  (SELECT count(*) FROM answers JOIN notices ON notices.id = answers.notice_id
   WHERE answers.notice_id >= hour.first AND answers.notice_id < hour.next AND notices.id >= hour.first AND notices.id < hour.next
     AND answers.answered_at - notices.received_at > interval '{SLOW_SECONDS} second') AS slow_answers
FROM unnest(:firsts, :nexts) WITH ORDINALITY AS hour (first, next, number)
ORDER BY hour.number
""").bindparams(bindparam("firsts", type_=ARRAY(Uuid)), bindparam("nexts", type_=ARRAY(Uuid)))  # noqa: S608


class HourOfCalls(Value):
    """What came in within one hour."""

    begins: Moment
    calls: int
    """Calls that were recorded, repeated ones included."""
    slow_answers: int
    """Calls whose answer is known to have taken longer than a second."""


class CallHours:
    """Counts the calls of the last SHOWN_HOURS hours, and remembers those of hours that are over."""

    def __init__(self) -> None:
        self._remembered: dict[datetime, HourOfCalls] = {}
        self._forget_at = 0.0

    async def read(self, session: AsyncSession, at: datetime) -> list[HourOfCalls]:
        """The hours until `at`, the earliest first; the last is that of `at` itself."""
        if time.monotonic() >= self._forget_at:
            self._remembered, self._forget_at = {}, time.monotonic() + REMEMBERED_SECONDS
        current = at.replace(minute=0, second=0, microsecond=0)
        begins = [current - _HOUR * back for back in reversed(range(SHOWN_HOURS))]
        counted = await _count(
            session, [begin for begin in begins if begin not in self._remembered]
        )
        hours = [
            counted[begin] if begin in counted else self._remembered[begin] for begin in begins
        ]
        self._remembered = {
            hour.begins: hour for hour in hours if hour.begins + _HOUR + _SETTLED_AFTER < at
        }
        return hours


async def _count(session: AsyncSession, begins: Sequence[datetime]) -> dict[datetime, HourOfCalls]:
    parameters = {
        "firsts": [_first_id_of(begin) for begin in begins],
        "nexts": [_first_id_of(begin + _HOUR) for begin in begins],
    }
    rows = (await session.execute(_COUNT, parameters)).all()
    hours = (
        HourOfCalls(begins=begin, calls=row.calls, slow_answers=row.slow_answers)
        for begin, row in zip(begins, rows, strict=True)
    )
    return {hour.begins: hour for hour in hours}


def _first_id_of(moment: datetime) -> UUID:
    """The smallest UUIDv7 of a millisecond."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
