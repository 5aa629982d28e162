"""Printing for people and for programs: plain aligned tables, and the JSON of the API."""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from app import terminal
from app.operations.models import Page, Value
from app.operations.pagination import DEFAULT_LIMIT, LIMIT

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the API answers.")]
Personal = Annotated[
    bool,
    typer.Option("--personal", help="Show personal values, and where and as whom Zeus called."),
]
Attention = Annotated[
    bool, typer.Option("--attention", help="Only what needs a human and was not dismissed.")
]
Reason = Annotated[
    str, typer.Option("--reason", help="Why, for others to read.", show_default=False)
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=LIMIT, help="How many to list at most.")]
Cursor = Annotated[
    str | None, typer.Option("--cursor", help="Where the page before ended.", show_default=False)
]
USUAL_LIMIT = DEFAULT_LIMIT


def print_json(value: Value) -> None:
    """Print a value as the API would answer it."""
    terminal.print_json(value.model_dump_json(indent=2))


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, indent: int = 0
) -> None:
    """Print rows below their headings, in columns that stay aligned where characters are two columns wide."""
    cells = [list(headings), *([cell_of(value) for value in row] for row in rows)]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        line = "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        )
        typer.echo(" " * indent + line.rstrip())


def print_fields(fields: dict[str, object]) -> None:
    """Print names and values, one a line."""
    width = max(_width(name) for name in fields) + 2
    for name, value in fields.items():
        typer.echo(name + " " * (width - _width(name)) + cell_of(value))


def print_end_of_page(page: Page[Any], nothing: str) -> None:
    """Say how to read on, or that nothing was found."""
    if not page.items:
        typer.echo(nothing)
    elif page.has_more:
        typer.echo(f"There are more: --cursor {page.next_cursor}")


def cell_of(value: object) -> str:
    """A value as it stands in a table."""
    if value is None or value == "" or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, list):
        return ",".join(str(part) for part in value)
    return _on_one_line(str(value))


def _on_one_line(text: str) -> str:
    """What came from outside must not steer the terminal. The full-width space of Japanese names steers nothing."""
    return "".join(
        character
        if character.isprintable() or character == "\u3000"
        else character.encode("unicode_escape").decode()
        for character in text
    )


def _width(text: str) -> int:
    return sum(
        2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
        if not unicodedata.combining(character)
    )
