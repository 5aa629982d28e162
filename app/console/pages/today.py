"""How things stand: did Zeus call, what waits, who does not get it, and what needs a human."""

import json
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.i18n import JAPAN
from app.console.texts.labels import _
from app.console.views.warnings import page_warnings
from app.operations.monitoring.hourly import HourOfCalls


async def show(visit: PageRequest) -> Response:
    """The whole page, or the part of it that htmx asks for."""
    overview = await visit.dependencies.overviews.read()
    part = visit.request.headers.get("hx-target") if visit.in_part else None
    template = {"now": "now.html", "hours": "hours.html"}.get(part or "", "today.html")
    rows = [_row(visit, hour) for hour in overview.hours]
    return visit.page(
        template,
        overview=overview,
        concerns=page_warnings(overview),
        calls=sum(hour.calls for hour in overview.hours),
        slow=sum(hour.slow_answers for hour in overview.hours),
        failing=[subscriber for subscriber in overview.subscribers if subscriber.failing],
        rows=rows,
        chart=_chart(overview.hours, rows),
    )


def _row(visit: PageRequest, hour: HourOfCalls) -> dict[str, Any]:
    """One hour for the table, and in one line for the chart."""
    begins = hour.begins.astimezone(JAPAN)
    span = f"{begins:%m-%d %H:%M}–{begins.replace(minute=59):%H:%M}"
    words = visit.translated(_("%(span)s: %(calls)s calls, %(slow)s answered slowly"))
    return {
        "span": span,
        "hour": hour,
        "words": words % {"span": span, "calls": hour.calls, "slow": hour.slow_answers},
    }


def _chart(hours: Sequence[HourOfCalls], rows: Sequence[dict[str, Any]]) -> str:
    """What the chart is drawn from, as JSON."""
    return json.dumps(
        {
            "hours": [int(hour.begins.timestamp()) for hour in hours],
            "calls": [hour.calls for hour in hours],
            "slow": [hour.slow_answers for hour in hours],
            "words": [row["words"] for row in rows],
        }
    )
