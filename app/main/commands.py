"""The console script `zeus-relay`: the roles, the simulator and the operator's commands."""

import sys
from typing import Annotated

import typer

from app.cli import commands
from app.db.embedded import EmbeddedPostgresMissing
from app.main import start
from app.main.listeners import CannotListen
from app.main.reference import env_example
from app.settings import WrongSettings, load_settings
from app.simulator.command import simulate

WRONG_SETTINGS = 2


def _role(main: start.Main) -> None:
    start.start(load_settings(), main)


def up() -> None:
    """Run everything in one process: migrations, receiver, worker, API. Without RELAY_DATABASE_URL with an embedded Postgres."""
    _role(start.run_up)


def demo() -> None:
    """Run everything, with a sample subscriber that prints what it gets and a simulated Zeus that plays scenarios against it."""
    _role(start.run_demo)


def receive() -> None:
    """Run a receiver: answers Zeus's calls and keeps them."""
    _role(start.run_receive)


def work() -> None:
    """Run a worker: judges notices and delivers webhooks."""
    _role(start.run_work)


def operate() -> None:
    """Run the operator's side: API, metrics and health on the private listener."""
    _role(start.run_operate)


def reference(what: Annotated[str, typer.Argument(help="env: the text of .env.example")] = "env") -> None:
    """Print reference texts that are made from the code."""
    if what != "env":
        raise typer.BadParameter("only `env` is known")
    typer.echo(env_example(), nl=False)


def application() -> typer.Typer:
    """Every command in one Typer application."""
    program = commands()
    for role in (up, demo, receive, work, operate):
        program.command()(role)
    program.command("simulate")(simulate)
    program.command("reference", hidden=True)(reference)
    return program


def run() -> None:
    """The entry point. A setting that cannot be used, or an address that is taken, ends it with a text and without a traceback."""
    try:
        application()()
    except (WrongSettings, CannotListen, EmbeddedPostgresMissing) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the terminal is the only reader there is yet
        sys.exit(WRONG_SETTINGS)
