"""Overview page: last call, backlog, failing subscribers and warnings."""

import json
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.i18n import JAPAN
from app.console.texts.labels import _
from app.console.views.warnings import UNREAD_FOR, page_warnings
from app.operations.monitoring.hourly import HourOfCalls


async def show(page_request: PageRequest) -> Response:
    """Show the page, or the part of it that htmx asks for."""
    overview = await page_request.dependencies.overviews.read()
    part = page_request.request.headers.get("hx-target") if page_request.in_part else None
    template = {"now": "now.html", "hours": "hours.html"}.get(part or "", "today.html")
    rows = [_row(page_request, hour) for hour in overview.hours]
    return page_request.page(
        template,
        overview=overview,
        warnings=page_warnings(overview),
        unread_for=UNREAD_FOR,
        calls=sum(hour.calls for hour in overview.hours),
        slow=sum(hour.slow_answers for hour in overview.hours),
        failing=[subscriber for subscriber in overview.subscribers if subscriber.failing],
        rows=rows,
        chart=_chart(overview.hours, rows),
    )


def _row(page_request: PageRequest, hour: HourOfCalls) -> dict[str, Any]:
    """Return an hour's row of the table, with its caption for the chart."""
    begins = hour.begins.astimezone(JAPAN)
    span = f"{begins:%m-%d %H:%M}–{begins.replace(minute=59):%H:%M}"
    words = page_request.translated(_("%(span)s: %(calls)s calls, %(slow)s answered slowly"))
    return {
        "span": span,
        "hour": hour,
        "words": words % {"span": span, "calls": hour.calls, "slow": hour.slow_answers},
    }


def _chart(hours: Sequence[HourOfCalls], rows: Sequence[dict[str, Any]]) -> str:
    """Return the chart's data as JSON."""
    return json.dumps(
        {
            "hours": [int(hour.begins.timestamp()) for hour in hours],
            "calls": [hour.calls for hour in hours],
            "slow": [hour.slow_answers for hour in hours],
            "words": [row["words"] for row in rows],
        }
    )
