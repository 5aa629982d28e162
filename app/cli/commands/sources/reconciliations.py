"""`zeus-relay reconcile` and `reconciliations list|show`: Zeus's export against the orders."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from app.cli.context import CommandContext, run
from app.cli.output import (
    AsJson,
    Cursor,
    Limit,
    print_end_of_page,
    print_fields,
    print_json,
    print_table,
)
from app.cli.progress import ProgressBar
from app.operations.pagination import DEFAULT_LIMIT, Place
from app.operations.reconciliations import reconciliations as operations
from app.operations.reconciliations.models import ReconciledOrder, ReconciliationInFull
from app.reconciliation.comparison import Outcome
from app.zeus.csv_export import HEADINGS

DIFFERENT = 3
"""Exit code if orders do not agree and were not healed."""

app = typer.Typer(help="Read the results of earlier reconciliations.", no_args_is_help=True)


def reconcile(
    file: Annotated[
        Path,
        typer.Argument(
            help="The exported file: CSV or TSV, in Shift_JIS or UTF-8.",
            exists=True,
            dir_okay=False,
            readable=True,
            show_default=False,
        ),
    ],
    heal: Annotated[
        bool,
        typer.Option("--heal", help="Make notices of what is lacking here; workers judge them."),
    ] = False,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="FIELD=HEADING",
            help="Heading of order_no, status or money, if it is not found (repeatable).",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare a file that Zeus's console exported with the orders.

    Exits with 3 if orders do not agree and were not healed.
    """
    named = dict(_column(text) for text in columns or [])

    async def action(context: CommandContext) -> ReconciliationInFull:
        with file.open("rb") as opened:
            started = await operations.start_reconciliation(
                context.sessions, opened, context.actor, heal=heal, columns=named
            )
        path = context.settings.notify_path
        with ProgressBar(started.total) as bar:
            async for found in operations.follow(context.sessions, started.id, path):
                bar.show(found.compared)
        return await operations.show_reconciliation(context.sessions, started.id, Place())

    found = run(action)
    _print(found, as_json, f"zeus-relay reconciliations show {found.id} ")
    if found.differing:
        raise typer.Exit(DIFFERENT)


@app.command("list")
def list_all(limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None, as_json: AsJson = False) -> None:
    """List the reconciliations and their progress, newest first."""
    page = run(
        lambda context: operations.list_reconciliations(context.sessions, Place(cursor, limit))
    )
    if as_json:
        print_json(page)
        return
    if page.items:
        headings = ("ID", "STARTED", "BY", "STATE", "COMPARED", "OF", "DIFFERENT", "HEALED")
        rows = [
            (
                one.id,
                one.created_at,
                one.created_by,
                one.state,
                one.compared,
                one.total,
                one.differing,
                one.healed,
            )
            for one in page.items
        ]
        print_table(headings, rows)
    print_end_of_page(page, "No reconciliations found.")


@app.command()
def show(
    reconciliation_id: Annotated[
        UUID,
        typer.Argument(metavar="ID", help="The reconciliation's id.", show_default=False),
    ],
    outcome: Annotated[
        Outcome | None,
        typer.Option(
            help="Only orders with this outcome. (default: all that do not agree)",
            show_default=False,
        ),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """Show a reconciliation: its counts, and the outcomes of orders."""
    found = run(
        lambda context: operations.show_reconciliation(
            context.sessions, reconciliation_id, Place(cursor, limit), outcome
        )
    )
    _print(found, as_json)


def _column(text: str) -> tuple[str, str]:
    field, sign, heading = text.partition("=")
    if not sign:
        raise typer.BadParameter("must be FIELD=HEADING", param_hint="--column")
    if field not in HEADINGS:
        known = ", ".join(HEADINGS)
        raise typer.BadParameter(f"no such field; fields are {known}", param_hint="--column")
    return field, heading


def _print(found: ReconciliationInFull, as_json: bool, command: str = "") -> None:
    if as_json:
        print_json(found)
        return
    print_fields(
        {
            "id": found.id,
            "state": found.state,
            "compared": f"{found.compared} of {found.total}",
            **{name.replace("_", " "): count for name, count in found.counts.model_dump().items()},
            "healed": found.healed,
        }
    )
    if found.rows.items:
        typer.echo()
        _print_orders(found.rows.items)
    print_end_of_page(found.rows, "", command)


def _print_orders(orders: Sequence[ReconciledOrder]) -> None:
    print_table(
        ("LINE", "ORDER", "OUTCOME", "ZEUS", "AMOUNT", "HERE", "AMOUNT", "HEALED"),
        [
            (
                one.line,
                one.order_no,
                one.outcome,
                _status(one.status, one.status_name),
                one.money,
                _status(one.our_status, one.our_status_name),
                one.our_money,
                one.notice_id is not None,
            )
            for one in orders
        ],
    )


def _status(code: str | None, name: str | None) -> str | None:
    return f"{code} {name}" if code else None
