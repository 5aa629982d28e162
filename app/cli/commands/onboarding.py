"""`zeus-relay onboarding`: progress of the operational test with Zeus."""

from typing import Annotated

import typer

from app.cli.context import run
from app.cli.output import AsJson, print_fields, print_json, print_table
from app.operations.doctor.onboarding import DEFAULT_DAYS, Onboarding, read_onboarding


def onboarding(
    days: Annotated[
        int, typer.Option("--days", min=1, max=365, help="Days to look back.")
    ] = DEFAULT_DAYS,
    as_json: AsJson = False,
) -> None:
    """List the statuses and parameters that Zeus has sent, and those that are missing."""
    found = run(lambda context: read_onboarding(context.sessions, days))
    if as_json:
        print_json(found)
    else:
        _print(found)


def _print(found: Onboarding) -> None:
    print_fields({"since": found.since, "calls": found.calls, "last call": found.last_at})
    typer.echo("\nStatuses")
    rows = [
        (seen.status, seen.name, seen.calls, seen.last_at, seen.todo) for seen in found.statuses
    ]
    print_table(("status", "name", "calls", "last", "how to get it"), rows, indent=2)
    typer.echo("\nParameters")
    parameters = [
        (seen.name, seen.japanese, seen.calls, seen.filled, seen.last_at)
        for seen in found.parameters
    ]
    print_table(("parameter", "name", "calls", "not empty", "last"), parameters, indent=2)
    typer.echo(
        "\nWhat to do"
        if found.todo
        else "\nEverything that a test with Zeus can produce has arrived."
    )
    for line in found.todo:
        typer.echo(f"  - {line}")
