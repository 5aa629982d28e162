"""`zeus-relay spool show|drain|forget`: the spool directory of this machine."""

import dataclasses
import json
from typing import Annotated

import typer

from app.cli.context import CommandContext, database_url_of, must_be_text, run, run_with_settings
from app.cli.output import AsJson, print_fields
from app.operations.maintenance.spool import drain_by_hand
from app.recording.spool.drainer import Drained
from app.recording.spool.erasure import erase_order_in_spool
from app.recording.spool.status import SpoolState, show_spool
from app.settings import Settings

app = typer.Typer(
    help="Inspect the spool, drain it by hand, and erase quarantined calls.",
    no_args_is_help=True,
)


@app.command()
def show(as_json: AsJson = False) -> None:
    """Count the pending and the quarantined calls in the spool directory."""

    async def action(settings: Settings) -> tuple[Settings, SpoolState]:
        return settings, show_spool(settings.spool_path)

    settings, state = run_with_settings(action)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(state), indent=2))
        return
    oldest = None if state.oldest_seconds is None else f"{state.oldest_seconds:.0f} s ago"
    print_fields(
        {
            "directory": settings.spool_path,
            "records": state.records,
            "segments": state.segments,
            "bytes": state.bytes,
            "oldest": oldest,
            "refused records": state.refused_records,
            "torn files": state.torn_files,
            "skipped entries": state.unusable_entries,
        }
    )


@app.command()
def drain(
    refused: Annotated[
        bool, typer.Option("--refused", help="Also retry the calls that Postgres refused.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Drain the spool files of stopped processes into Postgres.

    A running receiver drains its own files as soon as Postgres is available.
    """

    async def action(context: CommandContext) -> Drained:
        url, directory = database_url_of(context.settings), context.settings.spool_path
        return await drain_by_hand(context.sessions, url, directory, context.actor, refused=refused)

    drained = run(action)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(drained), indent=2))
        return
    print_fields(
        {
            "records drained": drained.records,
            "segments removed": drained.segments,
            "records quarantined": drained.refused,
        }
    )
    if drained.held:
        typer.echo(
            f"{drained.held} segments belong to running processes, which drain them themselves."
        )
    if drained.skipped:
        typer.echo(
            f"{drained.skipped} unusable entries were skipped: see the log above for the reasons."
        )


@app.command()
def forget(
    order_no: Annotated[
        str,
        typer.Argument(
            metavar="ORDER_NO",
            help="Zeus's order number (オーダー番号).",
            callback=must_be_text,
            show_default=False,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Erase an order's quarantined calls from this machine's spool directory."""

    async def action(settings: Settings) -> tuple[int, int]:
        return erase_order_in_spool(settings.spool_path, order_no)

    forgotten, left = run_with_settings(action)
    if as_json:
        typer.echo(json.dumps({"forgotten": forgotten, "left": left}, indent=2))
        return
    print_fields({"records and files erased": forgotten})
    if left:
        typer.echo(
            f"{left} records of this order are not drained yet, or belong to a running process: "
            "run this command again after the drain."
        )
