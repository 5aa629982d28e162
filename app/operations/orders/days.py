"""Days in Japan: the range of a filter, and the moments at which it begins and ends."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Annotated

from pydantic import BeforeValidator, Field

from app.operations.errors import BadRange
from app.operations.typed_input import fold_date

JAPAN = timezone(timedelta(hours=9))
Day = Annotated[date, BeforeValidator(fold_date), Field(ge=date(2000, 1, 1), le=date(2999, 12, 31))]
"""Day whose start and end exist in Python's and Postgres's calendars, in any time zone."""


@dataclass(frozen=True, slots=True)
class Span:
    """Time from `begin` until before `end`. None: without this limit."""

    begin: datetime | None = None
    end: datetime | None = None


def span_of(first: date | None, last: date | None) -> Span:
    """Return the time of these days in Japan, both included. Raise BadRange if they are none."""
    if first is not None and last is not None and first > last:
        raise BadRange("`from` is later than `to`.")
    return Span(
        None if first is None else _midnight(first),
        None if last is None else _midnight(last) + timedelta(days=1),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), JAPAN)
