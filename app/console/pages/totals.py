"""Totals page: numbers of orders and sums of money, as a plot and as tables."""

from datetime import date, timedelta
from typing import Any

from pydantic import ValidationError
from starlette.responses import Response

from app.clock import now
from app.console.http.page_request import PageRequest
from app.console.texts.i18n import JAPAN
from app.console.texts.labels import _
from app.console.views.totals_plot import plot_of, portions_of, segments_of
from app.operations.errors import BadRange
from app.operations.orders.real_or_test import WithTests
from app.operations.orders.totals import Breakdown, Grouping, Totals, TotalsQuery, read_totals

_FIELDS = ("from", "to", "by", "test")


async def show(page_request: PageRequest) -> Response:
    """Show the totals of a range, or what is wrong with the range."""
    problem, found = None, None
    try:
        found = await read_totals(page_request.dependencies.sessions, query_of(page_request))
    except ValidationError:
        problem = page_request.translated(_("Enter the date as year, month and day."))
    except BadRange as error:
        problem = page_request.reason(error)
    asked = {name: page_request.text(name) for name in _FIELDS}
    if found is not None:
        first, last = found.first_day.isoformat(), found.last_day.isoformat()
        asked = {"from": first, "to": last, "by": found.by, "test": found.test}
    return page_request.page(
        "totals.html",
        asked=asked,
        problem=problem,
        found=found,
        ranges=_ranges(now().astimezone(JAPAN).date()),
        groupings=list(Grouping),
        tests=list(WithTests),
        **(_contents(found) if found is not None else {}),
    )


def query_of(page_request: PageRequest) -> TotalsQuery:
    """Return the range and the groups of the page's address. Raise ValidationError."""
    given = {name: value for name in _FIELDS if (value := page_request.text(name))}
    return TotalsQuery.model_validate(given)


def _contents(found: Totals) -> dict[str, Any]:
    by_day = found.by is Grouping.DAY
    groups = [group for group in found.groups if group.orders]
    largest = max((group.money for group in groups), default=0)
    return {
        "portions": portions_of([found.total]),
        "plot": plot_of(found.groups) if by_day and largest else None,
        "rows": [_row(group, largest) for group in (reversed(groups) if by_day else groups)],
        "by_day": by_day,
        "has_money": largest > 0,
    }


def _row(group: Breakdown, largest: int) -> dict[str, Any]:
    portions = portions_of([group])
    return {
        "group": group,
        "portions": portions,
        "segments": segments_of(portions, largest) if largest else [],
    }


def _ranges(today: date) -> list[tuple[str, date, date]]:
    """Return the ranges that people ask for most."""
    month = today.replace(day=1)
    before = month - timedelta(days=1)
    return [
        (_("Today"), today, today),
        (_("This month"), month, today),
        (_("Last month"), before.replace(day=1), before),
        (_("Last 30 days"), today - timedelta(days=29), today),
    ]
