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
from app.cli.commands.slips import applications, apply
from app.cli.commands.sources import mails, reconciliations


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
    groups = (
        subscribers,
        orders,
        applications,
        reviews,
        reconciliations,
        mails,
        notices,
        outbound,
        tokens,
        audit,
        spool,
    )
    for group in groups:
        app.add_typer(group.app, name=group.__name__.rpartition(".")[2])
    for command in (
        maintenance.migrate,
        maintenance.doctor,
        apply.apply,
        onboarding.onboarding,
        totals.totals,
        reconciliations.reconcile,
        maintenance.keygen,
        maintenance.reseal,
    ):
        app.command()(command)
    return app
