"""Output of the commands: aligned tables for people, the API's JSON for programs."""

import sys
import unicodedata
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from app import terminal
from app.operations.models import Page, Value
from app.operations.pagination import LIMIT

AsJson = Annotated[bool, typer.Option("--json", help="Print the same JSON as the API.")]
Personal = Annotated[
    bool,
    typer.Option("--personal", help="Show personal data, and a call's source, path and headers."),
]
Attention = Annotated[
    bool,
    typer.Option("--attention", help="Only entries that need attention and are not dismissed."),
]
Reason = Annotated[
    str, typer.Option("--reason", help="The reason, for other operators.", show_default=False)
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=LIMIT, help="Maximum number of entries.")]
Cursor = Annotated[
    str | None,
    typer.Option(
        "--cursor", help="Cursor that the previous page printed at its end.", show_default=False
    ),
]


def print_json(value: Value) -> None:
    """Print a value as the API's JSON."""
    terminal.print_json(value.model_dump_json(indent=2))


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, indent: int = 0
) -> None:
    """Print rows below their headings, in aligned columns.

    East Asian wide characters count as two columns.
    """
    cells = [list(headings), *([cell_of(value) for value in row] for row in rows)]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        line = "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        )
        typer.echo(" " * indent + line.rstrip())


async def print_file(chunks: AsyncIterator[bytes]) -> None:
    """Write a file to standard output, byte for byte."""
    async for chunk in chunks:
        sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def print_fields(fields: dict[str, object]) -> None:
    """Print names and values, one per line."""
    width = max(_width(name) for name in fields) + 2
    for name, value in fields.items():
        typer.echo(name + " " * (width - _width(name)) + cell_of(value))


def print_end_of_page(page: Page[Any], nothing: str, command: str = "") -> None:
    """Print the cursor of the next page, or `nothing` if the page is empty.

    `command` is the beginning of the command that takes the cursor, if this one does not.
    """
    if not page.items:
        typer.echo(nothing)
    elif page.has_more:
        typer.echo(f"There are more: {command}--cursor {page.next_cursor}")


def cell_of(value: object) -> str:
    """Return the text of a value in a table cell."""
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
    """Escape control characters, so that data from outside cannot control the terminal.

    The full-width space of Japanese names is harmless and stays.
    """
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
