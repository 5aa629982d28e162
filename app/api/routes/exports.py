"""Routes of exports, /v1/orders.csv and others, and of totals, /v1/totals."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from app.api.dependencies import WithDependencies
from app.api.routes.orders import WithOrderQuery
from app.downloads import Chunks, CsvResponse, JsonLinesResponse, download
from app.operations.exports.events import events_jsonl
from app.operations.exports.orders import orders_csv
from app.operations.exports.reviews import reviews_csv
from app.operations.exports.totals import totals_csv
from app.operations.models import Line
from app.operations.orders import totals as operations
from app.operations.orders.days import Day
from app.operations.orders.real_or_test import WithTests
from app.operations.orders.totals import Grouping, Totals, TotalsQuery
from app.operations.reviews.filters import ReviewFilter
from app.order_life.reviews import Reason

router = APIRouter(tags=["exports"])


@router.get("/orders.csv", response_class=CsvResponse, status_code=HTTPStatus.OK)
async def export_orders(dependencies: WithDependencies, query: WithOrderQuery) -> Response:
    """Export the orders that match every given value as CSV for spreadsheets, the newest first."""
    chunks = dependencies.export_slots.limited(orders_csv(dependencies.sessions, query))
    return await download(CsvResponse, chunks, "orders.csv")


@router.get("/events.jsonl", response_class=JsonLinesResponse, status_code=HTTPStatus.OK)
async def export_events(
    dependencies: WithDependencies,
    order_no: Annotated[
        Line | None, Query(max_length=255, description="Only events of this order.")
    ] = None,
    test: Annotated[
        WithTests,
        Query(description="Include or exclude events of test orders, or export only these."),
    ] = WithTests.INCLUDE,
) -> Response:
    """Export the events as JSON Lines, the oldest first. Personal values are masked."""
    chunks = dependencies.export_slots.limited(events_jsonl(dependencies.sessions, order_no, test))
    return await download(JsonLinesResponse, chunks, "events.jsonl")


@router.get("/reviews.csv", response_class=CsvResponse, status_code=HTTPStatus.OK)
async def export_reviews(
    dependencies: WithDependencies,
    is_open: Annotated[
        bool | None, Query(alias="open", description="true: only open ones; false: settled ones.")
    ] = None,
    reason: Annotated[Reason | None, Query(description="Only reviews with this reason.")] = None,
    order_no: Annotated[
        Line | None,
        Query(max_length=255, description="Only reviews of this order, alone or in a pair."),
    ] = None,
) -> Response:
    """Export the reviews as CSV for spreadsheets, the newest first."""
    wanted = ReviewFilter(reason, is_open, order_no)
    chunks = dependencies.export_slots.limited(reviews_csv(dependencies.sessions, wanted))
    return await download(CsvResponse, chunks, "reviews.csv")


async def _range(
    first_day: Annotated[
        Day | None,
        Query(
            alias="from",
            description="First day in Japan. Default: 30 days with the last.",
            examples=["2026-11-01"],
        ),
    ] = None,
    last_day: Annotated[
        Day | None,
        Query(
            alias="to",
            description="Last day in Japan. Default: today, or 30 days with the first.",
            examples=["2026-11-30"],
        ),
    ] = None,
    by: Annotated[Grouping, Query(description="Kind of groups.")] = Grouping.DAY,
    test: Annotated[
        WithTests,
        Query(description="Include or exclude orders of test applications, or show only these."),
    ] = WithTests.EXCLUDE,
) -> TotalsQuery:
    return TotalsQuery(first_day=first_day, last_day=last_day, by=by, test=test)


WithRange = Annotated[TotalsQuery, Depends(_range)]


@router.get("/totals")
async def show_totals(dependencies: WithDependencies, query: WithRange) -> Totals:
    """Count orders and add up their money by day, store or IP code, and by state, in 400 days.

    An order belongs to the day in Japan on which its first call was judged, and to its state now.
    """
    return await operations.read_totals(dependencies.sessions, query)


@router.get("/totals.csv", response_class=CsvResponse, status_code=HTTPStatus.OK)
async def export_totals(dependencies: WithDependencies, query: WithRange) -> Response:
    """Export the same totals as CSV, one line for each group and state."""
    totals = await operations.read_totals(dependencies.sessions, query)
    return await download(CsvResponse, _one(totals_csv(totals)), "totals.csv")


async def _one(chunk: bytes) -> Chunks:
    yield chunk
