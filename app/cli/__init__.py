"""Command line for operators: thin commands over operations.

Imported by main only. A command's module is imported when it is needed: importing all of them takes
a second, and a mail server runs `mails import` for each message.
"""

from importlib import import_module
from typing import Any, Final

import typer

_GROUPS: Final = {
    "subscribers": "subscribers",
    "orders": "orders",
    "applications": "slips.applications",
    "reviews": "reviews",
    "reconciliations": "sources.reconciliations",
    "mails": "sources.mails",
    "notices": "notices",
    "outbound": "outbound",
    "tokens": "tokens",
    "audit": "audit",
    "spool": "spool",
}
_COMMANDS: Final = {
    "migrate": "maintenance",
    "doctor": "maintenance",
    "apply": "slips.apply",
    "onboarding": "onboarding",
    "totals": "totals",
    "reconcile": "sources.reconciliations",
    "keygen": "maintenance",
    "reseal": "maintenance",
}
NAMES: Final = frozenset({*_GROUPS, *_COMMANDS})
"""Names of the commands and of the groups of commands."""


def command_line(only: str | None = None) -> typer.Typer:
    """Return the command-line application of operators: every command, or `only` one of NAMES."""
    app = typer.Typer(
        name="zeus-relay",
        help=(
            "Receives Zeus's convenience-store payment notices, loses none, "
            "and forwards each as one signed webhook."
        ),
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,  # they hold names and telephone numbers
    )
    for name, module in _GROUPS.items():
        if only in (None, name):
            app.add_typer(_imported(module).app, name=name)
    for name, module in _COMMANDS.items():
        if only in (None, name):
            app.command(name)(getattr(_imported(module), name))
    return app


def _imported(module: str) -> Any:
    return import_module(f"app.cli.commands.{module}")
