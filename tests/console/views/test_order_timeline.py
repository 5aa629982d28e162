"""Timeline of an order: long runs of duplicates are folded."""

from datetime import UTC, datetime, timedelta

from app.clock import uuid7
from app.console.views.order_timeline import timeline_of
from app.judging.verdicts import Verdict
from app.operations.notices.notices import Notice
from app.operations.orders.history import OrderHistory
from app.operations.orders.release import release_of

BEGAN = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def notice(
    number: int,
    verdict: Verdict = Verdict.DUPLICATE,
    status: str = "04",
    flags: tuple[str, ...] = (),
) -> Notice:
    return Notice(
        id=uuid7(),
        received_at=BEGAN + timedelta(seconds=number),
        origin="call",
        method="GET",
        verdict=verdict,
        reasons=[],
        flags=list(flags),
        order_no="1234-56789-01234",
        status=status,
        status_name=None,
        released=False,
        judged_at=BEGAN,
        dismissed_at=None,
        dismissal=None,
        erased_at=None,
    )


def lines(*notices: Notice) -> list[tuple[str | None, int]]:
    """Return each entry's status and its number of folded calls."""
    history = OrderHistory(
        order_no="1234-56789-01234",
        order=None,
        customer=None,
        release=release_of(None, ()),
        reviews=[],
        unwanted=False,
        notices=list(notices),
        events=[],
        outbound_webhooks=[],
    )
    return [
        (entry.notice.status if entry.notice else None, len(entry.more))
        for entry in timeline_of(history)
    ]


def test_many_duplicates_are_folded_into_one_entry() -> None:
    storm = [notice(number) for number in range(1, 200)]
    assert lines(notice(0, Verdict.ACCEPTED), *storm, notice(200, Verdict.ACCEPTED, "05")) == [
        ("04", 0),
        ("04", 198),
        ("05", 0),
    ]


def test_a_few_duplicates_are_shown_one_by_one() -> None:
    assert lines(*(notice(number) for number in range(3))) == [("04", 0)] * 3


def test_different_duplicates_are_folded_separately() -> None:
    odd = [notice(number, flags=("oversize:sendid",)) for number in range(4, 8)]
    assert lines(
        *(notice(number) for number in range(4)),
        *odd,
        *(notice(number, status="05") for number in range(8, 12)),
    ) == [
        ("04", 3),
        ("04", 3),
        ("05", 3),
    ]


def test_only_duplicates_are_folded() -> None:
    assert lines(*(notice(number, Verdict.CONFLICT) for number in range(6))) == [("04", 0)] * 6
