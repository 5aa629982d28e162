"""Values of a review that disagree, as rows of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.operations.reviews.models import ListedReview
from app.zeus.parameters import BY_NAME, money_of
from app.zeus.statuses import parse_status


@dataclass(frozen=True, slots=True)
class ReviewValue:
    """A value with both spellings, and the earlier call. An amount of yen is a number."""

    name: str
    japanese: str
    before: str | int
    now: str | int
    notice_id: UUID | None


def values_of_review(review: ListedReview) -> Sequence[ReviewValue]:
    """Return the values that disagree, in the order of the review.

    In a contradiction these are the status of the order and that of the call. For an amount that
    was not applied for, they are both amounts.
    """
    details = review.details
    if "known_status" in details:
        before, now = (_status(details[name]) for name in ("known_status", "status"))
        return [ReviewValue("status", BY_NAME["status"].japanese, before, now, None)]
    if "applied" in details:
        amounts = (details["applied"], details["called"])
        return [ReviewValue("money", BY_NAME["money"].japanese, *amounts, None)]
    values: Mapping[str, Any] = details.get("values", {})
    return [_value(name, one) for name, one in values.items()]


def _value(name: str, one: Mapping[str, Any]) -> ReviewValue:
    parameter = BY_NAME.get(name)
    notice_id = one.get("notice_id")
    return ReviewValue(
        name,
        parameter.japanese if parameter else name,
        _shown(name, one["before"]),
        _shown(name, one["now"]),
        UUID(str(notice_id)) if notice_id else None,
    )


def _status(code: str) -> str:
    status = parse_status(code)
    return f"{code} {status.japanese}" if status else code


def _shown(name: str, text: str) -> str | int:
    money = money_of(text) if name == "money" else None
    return text if money is None else money
