"""The body of a webhook: one event as JSON bytes."""

import json
from datetime import UTC, datetime


def timestamp(moment: datetime) -> str:
    """A moment as events write it: UTC, microseconds, `Z`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def body(event_type: str, created_at: datetime, data: str, customer: str | None = None) -> bytes:
    """The bytes that are signed and sent, around `data`, the JSON text of an object with at least one key, as it was stored.

    `customer`, a JSON text as well, is for subscribers that asked for personal data; None leaves the key out.
    """
    if customer is not None:
        data = f'{data.rstrip()[:-1]},"customer":{customer}}}'
    return f'{{"type":{json.dumps(event_type)},"timestamp":"{timestamp(created_at)}","data":{data}}}'.encode()
