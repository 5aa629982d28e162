"""Words of CSV files in the console's language: headings, states and reasons."""

from collections.abc import Callable, Mapping

from app.console.texts.labels import _, label_of
from app.operations.exports.sheets import SheetWords
from app.operations.orders.release import ReleaseState

HEADINGS: Mapping[str, str] = {
    "order_no": _("Order number"),
    "state": _("State"),
    "status": _("Status at Zeus"),
    "status_name": _("Name of the status"),
    "payable": _("Payable by Zeus"),
    "final": _("Confirmed"),
    "release": _("May the goods be shipped?"),
    "money": _("Amount"),
    "clientip": _("IP code"),
    "store": _("Store code"),
    "store_name": _("Store"),
    "pay_no1": _("Payment number 1"),
    "pay_no2": _("Payment number 2"),
    "payment_deadline": _("Payment deadline"),
    "cycle": _("Payment cycle"),
    "flags": _("Flags"),
    "first_call_jst": _("First call"),
    "last_change_jst": _("Last change"),
    "test": _("Test"),
    "reason": _("Reason"),
    "related_order_no": _("Related order number"),
    "notice_id": _("Id of the call"),
    "opened_jst": _("Opened"),
    "settled_jst": _("Settled"),
    "settlement": _("Settlement"),
    "settled_by": _("Settled by"),
    "note": _("Note"),
    "details": _("Details"),
    "day": _("Day"),
    "name": _("Name"),
    "orders": _("Number of orders"),
    "without_money": _("Orders without an amount"),
}
"""Heading of each column. A column without one keeps its name, which staff know from Zeus."""
RELEASES: Mapping[str, str] = {
    ReleaseState.RELEASED: _("Goods released"),
    ReleaseState.HELD: _("Goods held"),
    ReleaseState.WAITING: _("Goods not released"),
    ReleaseState.REVOKED: _("Release of goods revoked"),
}


def sheet_words(translated: Callable[[str], str]) -> SheetWords:
    """Return the words of a language."""

    def heading(name: str) -> str:
        return translated(HEADINGS[name]) if name in HEADINGS else name

    def state(code: str) -> str:
        return translated(label_of("order", code)[0])

    def reason(code: str) -> str:
        return translated(label_of("review", code)[0])

    def release(code: str) -> str:
        return translated(RELEASES[code])

    return SheetWords(heading=heading, state=state, reason=reason, release=release)
