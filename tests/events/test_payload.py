"""Body of a webhook: built from stored texts, equal to the JSON of its values."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from app.events.payload import body, timestamp

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 60, UTC)
CUSTOMER = {"name": "コンビニ　タロウ", "telno": None, "email": "taro@example.com"}


@pytest.mark.parametrize(
    "data",
    [
        '{"order_no":"1234","flags":[]}',
        '{"order_no": "1234", "store": {"name": "\\u30bb\\u30d6\\u30f3"}} ',
        '\n{"subscriber" : "shop \\"}\\"", "event" : {"id" : "}"}}\n\t',
    ],
)
@pytest.mark.parametrize("customer", [None, {}, CUSTOMER])
def test_a_body_says_what_was_stored_however_it_was_written(
    data: str, customer: dict[str, Any] | None
) -> None:
    text = None if customer is None else json.dumps(customer)
    expected = json.loads(data) | ({} if customer is None else {"customer": customer})
    assert json.loads(body("order.failed", MOMENT, data, text)) == {
        "type": "order.failed",
        "timestamp": "2026-01-02T03:04:05.000060Z",
        "data": expected,
    }


def test_a_moment_is_written_in_utc_with_microseconds() -> None:
    assert (
        timestamp(datetime(2026, 1, 2, 12, 0, 0, 0, timezone(timedelta(hours=9))))
        == "2026-01-02T03:00:00.000000Z"
    )
