"""`zeus-relay spool show|drain|forget`: what waits in the spool directory, bringing it to Postgres by hand, and erasing from it."""

import dataclasses
import json
from typing import Annotated

import typer

from app.cli.context import Desk, database_url_of, must_be_text, run, run_with_settings
from app.cli.output import AsJson, print_fields
from app.operations.maintenance.spool import drain_by_hand
from app.recording.spool.drainer import Drained
from app.recording.spool.erasure import forget_order
from app.recording.spool.status import SpoolState, show_spool
from app.settings import Settings

app = typer.Typer(
    help="Look at the spool, drain it by hand, and erase what was set aside in it.",
    no_args_is_help=True,
)


@app.command()
def show(as_json: AsJson = False) -> None:
    """Say how much waits in the spool directory and what was set aside there."""

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
        bool, typer.Option("--refused", help="Try what was refused before once more.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring to Postgres what processes that are gone have left. A living receiver drains its own as soon as Postgres is there."""

    async def action(desk: Desk) -> Drained:
        url, directory = database_url_of(desk.settings), desk.settings.spool_path
        return await drain_by_hand(desk.sessions, url, directory, desk.actor, refused=refused)

    drained = run(action)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(drained), indent=2))
        return
    print_fields(
        {
            "records drained": drained.records,
            "segments removed": drained.segments,
            "records set aside": drained.refused,
        }
    )
    if drained.held:
        typer.echo(
            f"{drained.held} segments belong to running processes, which drain them themselves."
        )
    if drained.skipped:
        typer.echo(
            f"{drained.skipped} entries cannot be used and were skipped: the log above says which and why."
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
    """Erase what was set aside about an order in this machine's spool directory."""

    async def action(settings: Settings) -> tuple[int, int]:
        return forget_order(settings.spool_path, order_no)

    forgotten, left = run_with_settings(action)
    if as_json:
        typer.echo(json.dumps({"forgotten": forgotten, "left": left}, indent=2))
        return
    print_fields({"records and files erased": forgotten})
    if left:
        typer.echo(
            f"{left} records about it wait to be drained, or belong to a running process: run this again when they are drained."
        )
