"""Calls and slow answers per hour.

Ids of notices begin with the time of arrival, so the primary keys find an hour.
"""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.operations.models import Moment, Value

SHOWN_HOURS = 24
SLOW_SECONDS = 1
"""Seconds above which an answer is slow."""

_HOUR = timedelta(hours=1)
_SETTLED_AFTER = timedelta(minutes=15)
"""Time after its end in which an hour is always counted again: answers are recorded a bit later."""
REMEMBERED_SECONDS = 300.0
"""Seconds for which the count of an earlier hour is cached: a spool may still add calls."""
_COUNT = text(f"""
SELECT
  (SELECT count(*) FROM notices WHERE id >= hour.first AND id < hour.next) AS calls,
  (SELECT count(*) FROM answers JOIN notices ON notices.id = answers.notice_id
   WHERE answers.notice_id >= hour.first AND answers.notice_id < hour.next
     AND notices.id >= hour.first AND notices.id < hour.next
     AND answers.answered_at - notices.received_at > interval '{SLOW_SECONDS} second'
  ) AS slow_answers
FROM unnest(:firsts, :nexts) WITH ORDINALITY AS hour (first, next, number)
ORDER BY hour.number
""").bindparams(bindparam("firsts", type_=ARRAY(Uuid)), bindparam("nexts", type_=ARRAY(Uuid)))  # noqa: S608


class HourOfCalls(Value):
    """Calls of one hour."""

    begins: Moment
    calls: int
    """Recorded calls, including repeated ones."""
    slow_answers: int
    """Calls whose recorded answer took longer than a second."""


class CallHours:
    """Counts of calls of the last SHOWN_HOURS hours, with a cache of past hours."""

    def __init__(self) -> None:
        self._remembered: dict[datetime, HourOfCalls] = {}
        self._expires_at = 0.0

    async def read(self, session: AsyncSession, at: datetime) -> list[HourOfCalls]:
        """Return the hours up to the one that contains `at`, the oldest first."""
        if time.monotonic() >= self._expires_at:
            self._remembered, self._expires_at = {}, time.monotonic() + REMEMBERED_SECONDS
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
    """Return the smallest UUIDv7 of the moment's millisecond."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
