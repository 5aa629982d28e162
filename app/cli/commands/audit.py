"""`zeus-relay audit`: actions of operators and views of personal data."""

from typing import Annotated

import typer

from app.cli.context import must_be_text, run
from app.cli.output import (
    AsJson,
    Cursor,
    Limit,
    print_end_of_page,
    print_json,
    print_table,
)
from app.operations.access import audit as operations
from app.operations.access.permissions import Action
from app.operations.pagination import DEFAULT_LIMIT, Place

app = typer.Typer(help="Audit log of operators' actions.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Audit log of operators' actions."""


@app.command("list")
def list_(
    operator: Annotated[
        str | None,
        typer.Option(
            "--operator",
            help="Only actions of this operator.",
            callback=must_be_text,
            show_default=False,
        ),
    ] = None,
    action: Annotated[
        Action | None,
        typer.Option("--action", help="Only actions of this kind.", show_default=False),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(
            "--subject",
            help="Only actions on this subject, such as subscriber:shop.",
            callback=must_be_text,
            show_default=False,
        ),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List actions and views of personal data, newest first."""
    place = Place(cursor, limit)
    page = run(
        lambda context: operations.list_audit(
            context.sessions, place, operator=operator, action=action, subject=subject
        )
    )
    if as_json:
        print_json(page)
        return
    if page.items:
        rows = [
            (entry.at, entry.operator, entry.role, entry.via, entry.action, entry.subject)
            for entry in page.items
        ]
        print_table(["AT", "OPERATOR", "ROLE", "VIA", "ACTION", "SUBJECT"], rows)
    print_end_of_page(page, "No actions found.")
