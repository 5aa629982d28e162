"""Check of events against their schemas, which name every field: others are faults here."""

from functools import lru_cache
from typing import Any

from jsonschema_rs import Draft202012Validator

from app.events.types import EventType
from app.operations.event_types.schemas import schema_of


def faults_of(event: dict[str, Any]) -> list[str]:
    """Return where an event's body differs from the schema of its type."""
    return [
        f"{event['type']}: /{'/'.join(map(str, error.instance_path))}: {error.message}"
        for error in _validator_of(EventType(event["type"])).iter_errors(event)
    ]


@lru_cache
def _validator_of(event_type: EventType) -> Draft202012Validator:
    return Draft202012Validator(_closed(schema_of(event_type)), validate_formats=True)


def _closed(schema: Any) -> Any:
    """Return the schema without room for fields that it does not name."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(part) for name, part in schema.items()}
    if "properties" in schema and "type" in schema:
        closed["additionalProperties"] = False
    return closed
