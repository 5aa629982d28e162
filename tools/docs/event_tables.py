"""Fields and JSON Schemas of events for the reference pages."""

import json
from collections.abc import Mapping

from app.events.types import EventType
from app.operations.event_types.fields import ORDER_FIELDS, TEST_FIELDS, paths
from app.operations.event_types.schemas import schema_of
from tools.docs.tables import head, row

FOLDER = "docs/reference/event-schemas"
_TABLES: Mapping[str, str] = {
    "zeus.error_code": "zeus-codes.md#error-codes",
    "store.code": "zeus-codes.md#stores",
}
"""Tables of the values of a field, by its path."""


def event_fields() -> str:
    """Return the table of the fields of `data`."""
    return head("field", "type", "meaning", "null when") + "".join(
        row(f"`{path}`", one.kind, one.meaning + _link(path), one.null_when)
        for path, one in paths({**ORDER_FIELDS, **TEST_FIELDS})
    )


def schema_files() -> dict[str, str]:
    """Return the text of each schema's file by its name."""
    return {
        f"{FOLDER}/{event_type}.json": json.dumps(
            schema_of(event_type), ensure_ascii=False, indent=2
        )
        + "\n"
        for event_type in EventType
    }


def _link(path: str) -> str:
    return f" ([table]({_TABLES[path]}))" if path in _TABLES else ""
