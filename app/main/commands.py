"""The console script `zeus-relay`: the roles, the simulator and the operator's commands.

A role imports its parts only when it starts: what a process imports stays in its memory, and a receiver needs little of all this.
"""

import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from app.terminal import OutputLost, prepare_streams

FAILED = 1
WRONG_SETTINGS = 2


def up() -> None:
    """Run everything in one process: migrations, receiver, worker, API. Without RELAY_DATABASE_URL with an embedded Postgres."""
    from app.main import all_in_one
    from app.main.process import start

    start.start(all_in_one.run_up)


def demo() -> None:
    """Run everything, with a sample subscriber that prints what it gets and a simulated Zeus that plays scenarios against it."""
    from app.main import all_in_one
    from app.main.process import start

    start.start(all_in_one.run_demo)


def receive() -> None:
    """Run a receiver: answers Zeus's calls and keeps them."""
    from app.main.process import start
    from app.main.roles import receiver

    start.start(receiver.run_receive)


def work() -> None:
    """Run a worker: judges notices and delivers webhooks."""
    from app.main.process import start
    from app.main.roles import worker

    start.start(worker.run_work)


def operate() -> None:
    """Run the operator's side: API, metrics and health on the private listener."""
    from app.main.process import start
    from app.main.roles import operator

    start.start(operator.run_operate)


def reference(
    what: Annotated[str, typer.Argument(help="env: the text of .env.example")] = "env",
) -> None:
    """Print reference texts that are made from the code."""
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
    """Take the options that stand before every command."""


ROLES = (up, demo, receive, work, operate)


def roles() -> typer.Typer:
    """The roles alone."""
    program = typer.Typer(pretty_exceptions_show_locals=False)

    @program.callback()
    def group() -> None:
        """Several commands, even when only one is called."""

    for role in ROLES:
        program.command()(role)
    return program


def application() -> typer.Typer:
    """Every command in one Typer application."""
    from app.cli import commands
    from app.simulator.command import simulate
    from app.simulator.server_command import simulator

    program = commands()
    program.callback()(_options)
    for role in ROLES:
        program.command()(role)
    program.command("simulate")(simulate)
    program.command("simulator")(simulator)
    program.command("reference", hidden=True)(reference)
    return program


def simulator_alone() -> typer.Typer:
    """The simulator alone: test suites start it often, and the operator's commands take a second to import."""
    from app.simulator.server_command import simulator

    program = typer.Typer(pretty_exceptions_show_locals=False)
    program.callback()(_options)
    program.command("simulator")(simulator)
    return program


def run() -> None:
    """The entry point. What a user can mend ends it with a sentence and an exit code, and without a traceback."""
    prepare_streams()
    program = _program(sys.argv[1] if len(sys.argv) > 1 else "")
    try:
        _run_to_the_end(program)
    except OutputLost as lost:
        _fail(str(lost), FAILED)


def _program(command: str) -> typer.Typer:
    if command == "simulator":
        return simulator_alone()
    return roles() if command in {role.__name__ for role in ROLES} else application()


def _run_to_the_end(program: Callable[[], object]) -> None:
    from app.db.checks.defects import DatabaseUnfit
    from app.db.embedded import EmbeddedPostgresMissing
    from app.main.process.listeners import CannotListen
    from app.settings import WrongSettings

    try:
        program()
    except (WrongSettings, CannotListen, EmbeddedPostgresMissing) as error:
        _fail(str(error), WRONG_SETTINGS)
    except DatabaseUnfit as unfit:
        _fail(str(unfit), FAILED)
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"{error.filename}: {error.strerror}", FAILED)
    finally:
        sys.stdout.flush()


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    sys.exit(code)
