"""Export of reviews as CSV: one snapshot, read page by page, without personal data."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.reviews import ReviewRow
from app.downloads import Chunks
from app.operations.exports.cells import number_cell, text_cell
from app.operations.exports.sheets import (
    AS_IN_THE_API,
    PAGE_ROWS,
    Columns,
    Sheet,
    SheetWords,
    moment_cell,
)
from app.operations.models import Line, Value
from app.operations.pagination import Place, read_page
from app.operations.typed_input import known_order_no

_COLUMNS: Columns = {
    "id": lambda row, _: number_cell(str(row.id)),
    "reason": lambda row, words: words.reason(row.reason),
    "order_no": lambda row, _: number_cell(row.order_no),
    "related_order_no": lambda row, _: number_cell(row.related_order_no),
    "notice_id": lambda row, _: number_cell(row.notice_id and str(row.notice_id)),
    "opened_jst": lambda row, _: moment_cell(row.opened_at),
    "settled_jst": lambda row, _: moment_cell(row.settled_at),
    "settlement": lambda row, _: row.settlement,
    "settled_by": lambda row, _: text_cell(row.settled_by),
    "note": lambda row, _: text_cell(row.note),
}
REVIEW_COLUMNS = tuple(_COLUMNS)
"""Names of the columns, in their order."""


class ReviewsToExport(Value):
    """Filters of the list of reviews. A missing value matches every review."""

    model_config = ConfigDict(extra="forbid")

    open: bool | None = None
    reason: Annotated[Line | None, Field(max_length=100)] = None
    order_no: Annotated[Line | None, Field(max_length=255)] = None


async def reviews_csv(
    sessions: Sessions, wanted: ReviewsToExport, words: SheetWords = AS_IN_THE_API
) -> Chunks:
    """Yield the reviews that match as CSV, the newest first."""
    sheet = Sheet(_COLUMNS, words)
    ahead, place, has_more = sheet.head(), Place(None, PAGE_ROWS), True
    async with snapshot(sessions) as session:
        query = select(ReviewRow).where(*await _conditions(session, wanted))
        while has_more:
            rows, cursor, has_more = await read_page(
                session, query, ReviewRow.id, place, newest_first=True
            )
            yield ahead + sheet.lines(row for (row,) in rows)
            ahead, place = b"", Place(cursor, PAGE_ROWS)


async def _conditions(session: AsyncSession, wanted: ReviewsToExport) -> list[ColumnElement[Any]]:
    conditions: list[ColumnElement[Any]] = []
    if wanted.open is not None:
        is_open = ReviewRow.settled_at.is_(None)
        conditions.append(is_open if wanted.open else ~is_open)
    if wanted.reason is not None:
        conditions.append(ReviewRow.reason == wanted.reason)
    if wanted.order_no is not None:
        known = await known_order_no(session, wanted.order_no)
        conditions.append(or_(ReviewRow.order_no == known, ReviewRow.related_order_no == known))
    return conditions
