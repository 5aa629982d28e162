"""Console script `zeus-relay`: the roles, the simulator and the operator's commands.

Each role imports its modules only when it starts. Imported modules stay in memory, and a receiver
needs few of them.
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
    """Run everything: migrations and receiver, worker and API in a second process.

    Without RELAY_DATABASE_URL it starts an embedded Postgres.
    """
    from app.main.process import start
    from app.main.up import run_up

    start.start(run_up)


def demo() -> None:
    """Run everything, a sample subscriber that prints webhooks and a simulated Zeus.

    The simulated Zeus plays scenarios against the receiver.
    """
    from app.main.demo import run_demo
    from app.main.process import start

    start.start(run_demo)


def receive() -> None:
    """Run a receiver: records and answers Zeus's calls."""
    from app.main.process import start
    from app.main.roles import receiver

    start.start(receiver.run_receive)


def work() -> None:
    """Run a worker: judges notices and delivers webhooks."""
    from app.main.process import start
    from app.main.roles import worker

    start.start(worker.run_work)


def operate() -> None:
    """Run the private listener for operators: console, API, metrics and health."""
    from app.main.process import start
    from app.main.roles import operator

    start.start(operator.run_operate)


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


ROLES = (up, demo, receive, work, operate)


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


def run() -> None:
    """Run the command of the arguments.

    An error that the user can fix ends it with a message and an exit code, without a traceback.
    """
    prepare_streams()
    program = _program(sys.argv[1] if len(sys.argv) > 1 else "")
    try:
        run_to_the_end(program)
    except OutputLost as lost:
        _fail(str(lost), FAILED)


def _program(command: str) -> typer.Typer:
    if command == "simulator":
        return simulator_alone()
    if command in {role.__name__ for role in ROLES}:
        return roles()
    from app.cli import NAMES

    return operators_command(command) if command in NAMES else application()


def run_to_the_end(program: Callable[[], object]) -> None:
    """Run `program`. An error that the user can fix ends the process with a text and a code."""
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
