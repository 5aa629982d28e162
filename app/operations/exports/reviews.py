"""Export of reviews as CSV: one snapshot, read page by page, without personal data."""

import json

from app.db.engine import Sessions
from app.db.snapshot import snapshot
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
from app.operations.pagination import Place
from app.operations.reviews.filters import ReviewFilter
from app.operations.reviews.reviews import read_reviews
from app.operations.typed_input import known_order_no

_COLUMNS: Columns = {
    "id": lambda review, _: str(review.id),
    "reason": lambda review, words: words.reason(review.reason),
    "order_no": lambda review, _: number_cell(review.order_no),
    "related_order_no": lambda review, _: number_cell(review.related_order_no),
    "notice_id": lambda review, _: review.notice_id and str(review.notice_id),
    "opened_jst": lambda review, _: moment_cell(review.opened_at),
    "settled_jst": lambda review, _: moment_cell(review.settled_at),
    "settlement": lambda review, _: review.settlement,
    "settled_by": lambda review, _: text_cell(review.settled_by),
    "note": lambda review, _: text_cell(review.note),
    "details": lambda review, _: text_cell(json.dumps(review.details, ensure_ascii=False)),
}
REVIEW_COLUMNS = tuple(_COLUMNS)
"""Names of the columns, in their order."""


async def reviews_csv(
    sessions: Sessions, wanted: ReviewFilter, words: SheetWords = AS_IN_THE_API
) -> Chunks:
    """Yield the reviews that match as CSV, the newest first."""
    sheet = Sheet(_COLUMNS, words)
    ahead, place, has_more = sheet.head(), Place(None, PAGE_ROWS), True
    async with snapshot(sessions) as session:
        if wanted.order_no is not None:
            known = await known_order_no(session, wanted.order_no)
            wanted = ReviewFilter(wanted.reason, wanted.open, known)
        while has_more:
            page = await read_reviews(session, place, wanted)
            yield ahead + sheet.lines(page.items)
            ahead, has_more = b"", page.has_more
            place = Place(page.next_cursor, PAGE_ROWS)
