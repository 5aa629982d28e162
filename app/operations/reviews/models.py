"""Values of reviews: items of the list, one review with its notes, and what operators send."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from app.db.tables.reviews import ReviewNoteRow, ReviewRow
from app.operations.models import Line, Moment, Page, Value
from app.order_life.reviews import HOLDING, Reason, Settlement

NoteText = Annotated[Line, Field(min_length=1, max_length=500, examples=["Zeus says: 5,400 yen"])]


class ListedReview(Value):
    """One thing that a human must decide, and its settlement."""

    id: UUID
    reason: Reason
    order_no: Annotated[str | None, Field(examples=["1234-56789-01234"])]
    """Order that the review is about; None if its number cannot be read."""
    related_order_no: Annotated[str | None, Field(examples=["1234-56789-09999"])]
    """Other order of a pair."""
    notice_id: UUID | None
    """Call for which the review was opened."""
    opened_at: Moment
    settled_at: Moment | None
    """None while the review is open."""
    settlement: Settlement | None
    settled_by: Annotated[str | None, Field(examples=["suzuki"])]
    """Operator who settled it; `zeus-relay` if a later call did."""
    note: str | None
    """Reason of the settlement."""
    details: Annotated[
        dict[str, Any],
        Field(
            examples=[
                {
                    "differing": ["money"],
                    "values": {
                        "money": {
                            "before": "5400",
                            "now": "4500",
                            "notice_id": "019ab12c-7d3e-7000-8000-0123456789ab",
                        }
                    },
                }
            ]
        ),
    ]
    """Facts of the review. `values` holds both spellings of each value that differs."""


class ReviewNote(Value):
    """Note of an operator on a review."""

    id: UUID
    written_at: Moment
    written_by: Annotated[str, Field(examples=["suzuki"])]
    text: str


class ReviewInFull(ListedReview):
    """One review with its notes."""

    holds: bool
    """True if the goods of the order must wait for the settlement."""
    notes: list[ReviewNote]
    """Notes, the oldest first."""


class ReviewPage(Page[ListedReview]):
    """Reviews, the newest first."""


class ReviewSettlement(Value):
    """Decision on a review."""

    model_config = ConfigDict(extra="forbid")

    settlement: Settlement
    """`release`: the goods may be sent. `hold`: they stay. `dismiss`: there is nothing to decide.

    `release` of a quarantined call releases the call.
    """
    note: NoteText | None = None
    """Reason, for colleagues."""


class NewReviewNote(Value):
    """Note to add to a review."""

    model_config = ConfigDict(extra="forbid")

    text: NoteText


def review_of(row: ReviewRow) -> ListedReview:
    """Return the value of a row."""
    return ListedReview(**_common(row))


def review_in_full(row: ReviewRow, notes: list[ReviewNoteRow]) -> ReviewInFull:
    """Return the value of a row with its notes."""
    return ReviewInFull(
        **_common(row),
        holds=Reason(row.reason) in HOLDING,
        notes=[
            ReviewNote(
                id=note.id, written_at=note.written_at, written_by=note.written_by, text=note.text
            )
            for note in notes
        ],
    )


def _common(row: ReviewRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ListedReview.model_fields}
