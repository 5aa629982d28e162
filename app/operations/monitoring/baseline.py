"""Baseline: expected calls for this hour of the week, from the last four weeks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7_floor

WEEKS = 4
"""Earlier weeks that make the baseline."""
LOOK_BACK = timedelta(hours=48)
"""Longest silence for which expected calls are summed. Each of its hours costs a count."""
HOUR_LIMIT = 10_000
"""Limit of the count of one hour's calls."""
_HOUR = timedelta(hours=1)
_WEEK = timedelta(days=7)

# Ids of notices begin with the time of arrival, so the primary key finds and counts an hour.
COUNT = text(f"""
SELECT (SELECT count(*) FROM (
  SELECT 1 FROM notices WHERE id >= hour.first AND id < hour.next LIMIT {HOUR_LIMIT}) AS counted
) AS calls
FROM unnest(:firsts, :nexts) WITH ORDINALITY AS hour (first, next, number) ORDER BY hour.number
""").bindparams(bindparam("firsts", type_=ARRAY(Uuid)), bindparam("nexts", type_=ARRAY(Uuid)))  # noqa: S608 - our own constant
_FIRST_CALL = text("SELECT received_at FROM notices ORDER BY id LIMIT 1")


@dataclass(frozen=True, slots=True)
class Expectation:
    """Expected calls: `per_hour` in this hour of the week, `since_last` since the last call."""

    per_hour: float
    since_last: float


class Baseline:
    """Baseline from the same hours of the last four weeks, each counted once and cached."""

    def __init__(self) -> None:
        self._means: dict[datetime, float] = {}
        self._first_call_at: datetime | None = None

    async def read(
        self, session: AsyncSession, at: datetime, last_call_at: datetime | None
    ) -> Expectation:
        """Return the expected calls at `at`, and since `last_call_at`.

        Both are 0 without a last call, or if the first call is less than a week old.
        """
        if last_call_at is None:
            return Expectation(0, 0)
        if self._first_call_at is None:
            self._first_call_at = await session.scalar(_FIRST_CALL)
        since = max(min(last_call_at, at), at - LOOK_BACK)
        hours = _hours(since, at)
        unknown = [hour for hour in hours if hour not in self._means]
        if unknown:
            self._means |= await self._count(session, unknown)
        self._means = {hour: self._means[hour] for hour in hours}
        return Expectation(
            self._means[hours[-1]],
            sum(self._means[hour] * _share(hour, since, at) for hour in hours),
        )

    async def _count(
        self, session: AsyncSession, hours: Sequence[datetime]
    ) -> dict[datetime, float]:
        earlier = [hour - _WEEK * back for hour in hours for back in range(1, WEEKS + 1)]
        parameters = {
            "firsts": [uuid7_floor(hour) for hour in earlier],
            "nexts": [uuid7_floor(hour + _HOUR) for hour in earlier],
        }
        calls = dict(zip(earlier, (await session.scalars(COUNT, parameters)).all(), strict=True))
        return {
            hour: self._mean([calls[hour - _WEEK * back] for back in range(1, WEEKS + 1)], hour)
            for hour in hours
        }

    def _mean(self, calls: Sequence[int], hour: datetime) -> float:
        """Return the mean over the earlier weeks since the first call."""
        first = self._first_call_at
        weeks = sum(
            first is not None and hour - _WEEK * back >= first for back in range(1, WEEKS + 1)
        )
        return sum(calls[:weeks]) / weeks if weeks else 0.0


def _hours(since: datetime, until: datetime) -> list[datetime]:
    """Return the starts of the hours that overlap this time range."""
    hour = since.replace(minute=0, second=0, microsecond=0)
    hours = [hour]
    while (hour := hour + _HOUR) <= until:
        hours.append(hour)
    return hours


def _share(hour: datetime, since: datetime, until: datetime) -> float:
    """Return the part of an hour, from 0 to 1, that lies within a time range."""
    return max((min(until, hour + _HOUR) - max(since, hour)) / _HOUR, 0)
