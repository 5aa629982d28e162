"""`zeus-relay reviews`: what a human must decide, and the decisions."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import typer

from app.cli.context import given, must_be_text, run
from app.cli.output import (
    AsJson,
    Cursor,
    Limit,
    print_end_of_page,
    print_fields,
    print_json,
    print_table,
)
from app.operations.attention import settlement as settlements
from app.operations.pagination import DEFAULT_LIMIT, Place
from app.operations.reviews import reviews as operations
from app.operations.reviews.models import (
    ListedReview,
    NewReviewNote,
    ReviewInFull,
    ReviewSettlement,
)
from app.order_life.reviews import Reason, Settlement

app = typer.Typer(help="What a human must decide, and the decisions.", no_args_is_help=True)

ReviewId = Annotated[
    UUID, typer.Argument(metavar="ID", help="The review's id (see list).", show_default=False)
]
OpenOnly = Annotated[
    bool | None, typer.Option("--open/--settled", help="Only open or only settled reviews.")
]
OfReason = Annotated[Reason | None, typer.Option("--reason", help="Only reviews with this reason.")]
OfOrder = Annotated[
    str | None,
    typer.Option(
        "--order-no",
        help="Only reviews of this order, alone or in a pair.",
        callback=must_be_text,
        show_default=False,
    ),
]
Decision = Annotated[
    Settlement,
    typer.Argument(
        metavar="SETTLEMENT",
        help="release: the goods may go. hold: they stay. dismiss: there is nothing to decide.",
        show_default=False,
    ),
]
Note = Annotated[
    str | None,
    typer.Option(
        "--note", help="The reason, for other operators.", callback=must_be_text, show_default=False
    ),
]


@app.command("list")
def list_(
    is_open: OpenOnly = None,
    reason: OfReason = None,
    order_no: OfOrder = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List the reviews, newest first."""
    place = Place(cursor, limit)
    page = run(
        lambda context: operations.list_reviews(
            context.sessions, place, reason=reason, is_open=is_open, order_no=order_no
        )
    )
    if as_json:
        print_json(page)
        return
    if page.items:
        print_table(
            ["OPENED", "REASON", "ORDER_NO", "VALUES", "SETTLED", "ID"],
            [_row(review) for review in page.items],
        )
    print_end_of_page(page, "No reviews found.")


@app.command()
def show(review_id: ReviewId, as_json: AsJson = False) -> None:
    """Show a review: the values that disagree, the calls, and the notes."""
    review = run(lambda context: operations.show_review(context.sessions, review_id))
    _print(review, as_json=as_json)


@app.command()
def settle(
    review_id: ReviewId, settlement: Decision, note: Note = None, as_json: AsJson = False
) -> None:
    """Settle a review. With release, its order is released if nothing else holds it."""
    decision = given(ReviewSettlement, settlement=settlement, note=note)
    review = run(
        lambda context: settlements.settle_review(
            context.sessions, review_id, decision, context.actor, context.decision_rules
        )
    )
    _print(review, as_json=as_json)


@app.command()
def note(
    review_id: ReviewId,
    text: Annotated[
        str,
        typer.Argument(metavar="TEXT", help="The note.", callback=must_be_text, show_default=False),
    ],
    as_json: AsJson = False,
) -> None:
    """Add a note to a review, open or settled."""
    wanted = given(NewReviewNote, text=text)
    review = run(
        lambda context: operations.add_note(context.sessions, review_id, wanted, context.actor)
    )
    _print(review, as_json=as_json)


def _row(review: ListedReview) -> tuple[object, ...]:
    return (
        review.opened_at,
        review.reason,
        review.order_no,
        _brief(review.details),
        _end_of(review),
        review.id,
    )


def _end_of(review: ListedReview) -> str | None:
    return f"{review.settlement} by {review.settled_by}" if review.settlement else None


def _brief(details: Mapping[str, Any]) -> list[str]:
    """Return the details on one line: both spellings of values, else names and facts."""
    values = details.get("values")
    if values:
        return [f"{name} {one['before']}/{one['now']}" for name, one in values.items()]
    return [f"{name} {_plain(value)}" for name, value in details.items()]


def _plain(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, list) else value


def _print(review: ReviewInFull, *, as_json: bool) -> None:
    if as_json:
        print_json(review)
        return
    print_fields(
        {
            "reason": review.reason,
            "order_no": review.order_no,
            "other order": review.related_order_no,
            "holds the goods": review.holds and review.settled_at is None,
            "notice": review.notice_id,
            "opened": review.opened_at,
            "settled": review.settled_at,
            "settlement": _end_of(review),
            "note": review.note,
            "id": review.id,
        }
    )
    _print_values(review.details)
    if review.notes:
        typer.echo("\nNotes")
        print_table(
            ["WRITTEN", "BY", "TEXT"],
            [(one.written_at, one.written_by, one.text) for one in review.notes],
        )


def _print_values(details: Mapping[str, Any]) -> None:
    values = details.get("values")
    if values:
        typer.echo("\nValues that disagree")
        rows = [(name, *one.values()) for name, one in values.items()]
        print_table(["NAME", "BEFORE", "NOW", "NOTICE BEFORE"], rows)
    elif details:
        typer.echo("\nDetails")
        print_fields(dict(details))
