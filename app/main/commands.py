"""Command line of `zeus-relay`: the roles, the simulator and the operator's commands."""

from importlib.metadata import version
from typing import Annotated

import typer

from app.main.role_commands import ROLES


def reference(
    what: Annotated[str, typer.Argument(help="env: the text of .env.example")] = "env",
) -> None:
    """Print reference texts made from the code."""
    from app.main.reference import env_example

    if what != "env":
        raise typer.BadParameter("only `env` is known")
    typer.echo(env_example(), nl=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"zeus-relay {version('zeus-relay')}")
        raise typer.Exit


def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Accept the options before every command."""


def roles() -> typer.Typer:
    """Return a program with the roles alone."""
    program = typer.Typer(pretty_exceptions_show_locals=False)

    @program.callback()
    def group() -> None:
        """Make Typer keep the name of the command."""

    for role in ROLES:
        program.command()(role)
    return program


def application() -> typer.Typer:
    """Return a program with every command."""
    from app.cli import command_line
    from app.simulator.command import simulate
    from app.simulator.server_command import simulator

    program = command_line()
    program.callback()(_options)
    for role in ROLES:
        program.command()(role)
    program.command("simulate")(simulate)
    program.command("simulator")(simulator)
    program.command("reference", hidden=True)(reference)
    return program


def operators_command(name: str) -> typer.Typer:
    """Return a program with one command of operators, or one group of them."""
    from app.cli import command_line

    program = command_line(name)
    program.callback()(_options)
    return program


def simulator_alone() -> typer.Typer:
    """Return a program with the simulator alone.

    Test suites start it often, and importing the operator's commands takes a second.
    """
    from app.simulator.server_command import simulator

    program = typer.Typer(pretty_exceptions_show_locals=False)
    program.callback()(_options)
    program.command("simulator")(simulator)
    return program


def program_of(command: str) -> typer.Typer:
    """Return a program that has this command, with as few others as possible."""
    if command == "simulator":
        return simulator_alone()
    if command in {role.__name__ for role in ROLES}:
        return roles()
    from app.cli import NAMES

    return operators_command(command) if command in NAMES else application()
