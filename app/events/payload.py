"""Body of a webhook: one event as JSON bytes."""

import json
from datetime import UTC, datetime


def timestamp(moment: datetime) -> str:
    """Return a moment as events write it: UTC, microseconds, `Z`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def body(event_type: str, created_at: datetime, data: str, customer: str | None = None) -> bytes:
    """Return the bytes that are signed and sent.

    `data` is the stored JSON text of an object with at least one key. `customer`, also a JSON text,
    is for subscribers that asked for personal data; None omits the key.
    """
    if customer is not None:
        data = f'{data.rstrip()[:-1]},"customer":{customer}}}'
    head = f'{{"type":{json.dumps(event_type)},"timestamp":"{timestamp(created_at)}"'
    return f'{head},"data":{data}}}'.encode()
