"""Command line for operators: thin commands over operations.

Imported by main only.
"""

import typer

from app.cli.commands import (
    audit,
    maintenance,
    notices,
    onboarding,
    orders,
    outbound,
    reviews,
    spool,
    subscribers,
    tokens,
    totals,
)


def commands() -> typer.Typer:
    """Return the command-line application with every command of operators."""
    app = typer.Typer(
        name="zeus-relay",
        help=(
            "Receives Zeus's convenience-store payment notices, loses none, "
            "and forwards each as one signed webhook."
        ),
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,  # they hold names and telephone numbers
    )
    for group in (subscribers, orders, reviews, notices, outbound, tokens, audit, spool):
        app.add_typer(group.app, name=group.__name__.rpartition(".")[2])
    for command in (
        maintenance.migrate,
        maintenance.doctor,
        onboarding.onboarding,
        totals.totals,
        maintenance.keygen,
        maintenance.reseal,
    ):
        app.command()(command)
    return app
