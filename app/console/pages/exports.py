"""Files of the lists: the same filters as the list's page, with headings in its language."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from pydantic import ValidationError
from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.pages.attention import review_filter
from app.console.pages.orders import filters_of
from app.console.pages.totals import query_of
from app.console.texts.labels import _
from app.console.texts.sheet_words import sheet_words
from app.downloads import Chunks, CsvResponse, download
from app.operations.errors import BadRange, ExportsBusy
from app.operations.exports.orders import orders_csv
from app.operations.exports.reviews import reviews_csv
from app.operations.exports.totals import totals_csv
from app.operations.orders.search import OrderQuery
from app.operations.orders.totals import read_totals

_PAGES = {"orders.csv": "/orders", "reviews.csv": "/attention"}


async def orders(page_request: PageRequest) -> Response:
    """Send the orders of a search. The page of the search shows what is wrong with its values."""
    given = filters_of(page_request)
    try:
        query = OrderQuery.model_validate(given)
        return await _send(page_request, "orders.csv", orders_csv, query)
    except (ValidationError, BadRange):
        return page_request.go(f"/orders?{urlencode(given)}")


async def reviews(page_request: PageRequest) -> Response:
    """Send the reviews of the page's filter. The page shows what is wrong with its values."""
    asked = {name: page_request.text(name) for name in ("state", "reason", "order_no")}
    try:
        wanted = review_filter(asked)
    except ValueError:
        return page_request.go(f"/attention?{urlencode(asked)}")
    return await _send(page_request, "reviews.csv", reviews_csv, wanted)


async def totals(page_request: PageRequest) -> Response:
    """Send the totals of a range."""
    asked: Mapping[str, str] = dict(page_request.request.query_params)
    try:
        found = await read_totals(page_request.dependencies.sessions, query_of(page_request))
    except (ValidationError, BadRange):
        return page_request.go(f"/totals?{urlencode(asked)}")
    content = totals_csv(found, sheet_words(page_request.translated))
    return await download(CsvResponse, _one(content), "totals.csv")


async def _send(page_request: PageRequest, name: str, export: Any, wanted: Any) -> Response:
    dependencies, words = page_request.dependencies, sheet_words(page_request.translated)
    chunks = dependencies.export_slots.limited(export(dependencies.sessions, wanted, words))
    try:
        return await download(CsvResponse, chunks, name)
    except ExportsBusy as error:
        return page_request.page(
            "error.html",
            HTTPStatus.SERVICE_UNAVAILABLE,
            title=page_request.translated(_("The file cannot be sent now")),
            text=page_request.reason(error),
            back=_PAGES[name],
        )


async def _one(chunk: bytes) -> Chunks:
    yield chunk
