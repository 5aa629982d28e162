"""Differing values as a table: earlier calls of an order, an arriving one, and what differs."""

from uuid import UUID

import pytest

from app.order_life.differing import Differing, details_of, differing_values
from app.order_life.order_state import KnownOrder, Occurrence
from app.zeus.statuses import Status

NOTICES = {status: UUID(int=int(status)) for status in Status}


def order_after(earlier: dict[str, dict[str, str]], cycles: dict[str, int]) -> KnownOrder:
    """Return an order in cycle 1 that got these statuses with these values."""
    had = {
        Status(status): Occurrence(1, cycles.get(status, 1), NOTICES[Status(status)], values)
        for status, values in earlier.items()
    }
    return KnownOrder("1", had=had)


ALL = {
    "money": "5400",
    "clientip": "2012000001",
    "pay_cvs": "D001",
    "pay_no1": "1",
    "pay_no2": "2",
    "pay_limit": "20261231",
    "sendid": "S",
    "sendpoint": "P",
}
ROWS = [
    # earlier calls, status and values of this one, (name, before, status of the earlier one)
    ({}, "04", ALL, []),
    ({"04": ALL}, "05", ALL, []),
    ({"01": {"money": "5400"}}, "04", {"money": "4500"}, [("money", "5400", "01")]),
    ({"04": {"money": "5400"}}, "05", {"money": "4500"}, [("money", "5400", "04")]),
    ({"05": {"money": "5400"}}, "04", {"money": "4500"}, [("money", "5400", "05")]),
    ({"04": {"money": "5400"}}, "06", {"money": "4500"}, [("money", "5400", "04")]),
    ({"11": {"money": "5400"}}, "13", {"money": "4500"}, [("money", "5400", "11")]),
    ({"04": {"money": "5400"}}, "01", {"money": "4500"}, [("money", "5400", "04")]),
    # the first notice that says something else is named, 01 before others
    (
        {"01": {"money": "1"}, "04": {"money": "2"}},
        "05",
        {"money": "3"},
        [("money", "1", "01")],
    ),
    ({"01": {"money": "1"}, "04": {"money": "2"}}, "05", {"money": "1"}, [("money", "2", "04")]),
    # what is not sent, now or before, does not differ
    ({"04": {"money": "5400"}}, "05", {}, []),
    ({"04": {"money": "5400"}}, "05", {"money": ""}, []),
    ({"04": {}}, "05", {"money": "5400"}, []),
    # an amount that nobody can read has a review of its own
    ({"04": {"money": "5,400"}}, "05", {"money": "5400"}, []),
    ({"04": {"money": "5400"}}, "05", {"money": "1e3"}, []),
    # statuses without a payment are not compared
    ({"01": {"money": "5400"}}, "02", {"money": "4500"}, []),
    ({"01": {"money": "5400"}}, "03", {"money": "4500"}, []),
    ({"03": {"money": "5400"}}, "04", {"money": "4500"}, []),
    # the same status is a repeat: a conflict, not this
    ({"04": {"money": "5400"}}, "04", {"money": "4500"}, []),
]


@pytest.mark.parametrize(("earlier", "status", "meant", "expected"), ROWS)
def test_differing_values(
    earlier: dict[str, dict[str, str]],
    status: str,
    meant: dict[str, str],
    expected: list[tuple[str, str, str]],
) -> None:
    found = differing_values(Status(status), meant, order_after(earlier, {}), 1)
    assert (
        tuple(
            Differing(name, before, meant[name], NOTICES[Status(other)])
            for name, before, other in expected
        )
        == found
    )


@pytest.mark.parametrize("name", ALL)
def test_each_value_is_compared(name: str) -> None:
    now = {**ALL, name: "9"}
    found = differing_values(Status.PAID, now, order_after({"01": ALL}, {}), 1)
    assert [(name, ALL[name], "9")] == [one[:3] for one in found]


@pytest.mark.parametrize(("status", "count"), [("01", 1), ("04", 0)])
def test_only_the_application_counts_in_a_later_cycle(status: str, count: int) -> None:
    order = order_after({status: {"money": "5400"}}, {status: 1})
    assert count == len(differing_values(Status.CONFIRMED, {"money": "4500"}, order, 2))


def test_details_name_both_values() -> None:
    one = Differing("money", "5400", "4500", NOTICES[Status.PAID])
    assert {
        "differing": ["money"],
        "values": {
            "money": {"before": "5400", "now": "4500", "notice_id": str(NOTICES[Status.PAID])}
        },
    } == details_of([one])
