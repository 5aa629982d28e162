"""The body of a webhook: one event as JSON bytes."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def timestamp(moment: datetime) -> str:
    """A moment as events write it: UTC, microseconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def body(event_type: str, created_at: datetime, data: Mapping[str, Any], customer: Mapping[str, Any] | None = None) -> bytes:
    """The bytes that are signed and sent.

    `customer` is for subscribers that asked for personal data; None leaves the key out.
    """
    if customer is not None:
        data = {**data, "customer": customer}
    event = {"type": event_type, "timestamp": timestamp(created_at), "data": data}
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
