"""The console script `zeus-relay`: the roles, the simulator and the operator's commands.

A role imports its parts only when it starts: what a process imports stays in its memory, and a receiver needs little of all this.
"""

import sys
from typing import Annotated

import typer

WRONG_SETTINGS = 2


def up() -> None:
    """Run everything in one process: migrations, receiver, worker, API. Without RELAY_DATABASE_URL with an embedded Postgres."""
    from app.main import start, up

    start.start(up.run_up)


def demo() -> None:
    """Run everything, with a sample subscriber that prints what it gets and a simulated Zeus that plays scenarios against it."""
    from app.main import start, up

    start.start(up.run_demo)


def receive() -> None:
    """Run a receiver: answers Zeus's calls and keeps them."""
    from app.main import receiver_role, start

    start.start(receiver_role.run_receive)


def work() -> None:
    """Run a worker: judges notices and delivers webhooks."""
    from app.main import start, worker_role

    start.start(worker_role.run_work)


def operate() -> None:
    """Run the operator's side: API, metrics and health on the private listener."""
    from app.main import operator_role, start

    start.start(operator_role.run_operate)


def reference(what: Annotated[str, typer.Argument(help="env: the text of .env.example")] = "env") -> None:
    """Print reference texts that are made from the code."""
    from app.main.reference import env_example

    if what != "env":
        raise typer.BadParameter("only `env` is known")
    typer.echo(env_example(), nl=False)


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

    program = commands()
    for role in ROLES:
        program.command()(role)
    program.command("simulate")(simulate)
    program.command("reference", hidden=True)(reference)
    return program


def run() -> None:
    """The entry point. A setting that cannot be used, or an address that is taken, ends it with a text and without a traceback."""
    from app.db.embedded import EmbeddedPostgresMissing
    from app.main.listeners import CannotListen
    from app.settings import WrongSettings

    program = roles() if sys.argv[1:2] and sys.argv[1] in {role.__name__ for role in ROLES} else application()
    try:
        program()
    except (WrongSettings, CannotListen, EmbeddedPostgresMissing) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the terminal is the only reader there is yet
        sys.exit(WRONG_SETTINGS)
