"""Notices that stand for calls that never came, as Zeus would have sent them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from app.clock import uuid7
from app.db.lanes import lane_of
from app.reconciliation.reader import ExportedOrder
from app.zeus.wire import encode

ORIGIN: Final = "reconciliation"
OUR_VALUES: Final = (
    "clientip",
    "sendid",
    "sendpoint",
    "pay_cvs",
    "pay_no1",
    "pay_no2",
    "pay_limit",
)
"""Parameters that the file lacks. They are taken from the order if it is known."""
_NOBODY = "0.0.0.0"  # noqa: S104 - the source of what no caller sent


def healing_notice(
    there: ExportedOrder, ours: Mapping[str, str | None], path: str, received_at: datetime
) -> dict[str, Any]:
    """Return the row of a notice with the status and the amount of an exported row.

    `ours` holds the order's values, none of an unknown order. `path` is that of the notification
    endpoint. Text is written in UTF-8, which a call may have too: cp932 lacks characters.
    """
    money = ours.get("money") if there.money is None else str(there.money)
    values = {name: ours.get(name) for name in OUR_VALUES}
    values |= {"money": money, "order_no": there.order_no, "status": there.status}
    query = encode({name: value.encode() for name, value in values.items() if value})
    return {
        "id": uuid7(),
        "lane": lane_of(there.order_no),
        "received_at": received_at,
        "source": _NOBODY,
        "method": "GET",
        "target": f"{path}?".encode() + query,
        "headers": b"",
        "body": b"",
        "origin": ORIGIN,
    }
