"""Rows as JSON, the parameter of statements that write many."""

from collections.abc import Sequence
from typing import Any

from pydantic_core import to_json

Rows = Sequence[dict[str, Any]]


def as_json(rows: Rows) -> str:
    """Return rows as JSON text. Times and ids become text, which Postgres reads."""
    return to_json(rows).decode()
