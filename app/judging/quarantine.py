"""Quarantine: reasons for which a call cannot be judged."""

from collections.abc import Collection

from app.zeus.statuses import parse_status
from app.zeus.wire import Call

ORDER_NO_LIMIT = 255
"""Bytes of an order_no that can be looked up. The manual allows 50."""


def quarantine_reasons(call: Call, ip_codes: Collection[str]) -> tuple[str, ...]:
    """Return the reasons for which a call cannot be judged.

    Statuses of Zeus's other services use the same codes, so clientip is checked first.
    """
    reasons = list(call.problems)
    clientip = call.meant.get("clientip")
    if ip_codes and clientip and clientip not in ip_codes:
        reasons.append("unknown_ip_code")
    return (*reasons, *unreadable_reasons(call))


def unreadable_reasons(call: Call) -> tuple[str, ...]:
    """Return the reasons that no release can mend: without order_no and status there is nothing to
    judge.
    """
    reasons = []
    if not call.order_no:
        reasons.append("missing_order_no")
    elif len(call.order_no.encode()) > ORDER_NO_LIMIT:
        reasons.append("unusable_order_no")
    if not call.meant.get("status"):
        reasons.append("missing_status")
    elif parse_status(call.meant["status"]) is None:
        reasons.append("unknown_status")
    return tuple(reasons)
