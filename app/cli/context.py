"""Context of the commands: settings, database, and errors as one sentence on standard error."""

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import typer
from pydantic import ValidationError

from app.crypto.vault import Vault
from app.db.checks.defects import DatabaseUnfit
from app.db.connections import describe_error
from app.db.embedded import EmbeddedPostgresMissing, start_embedded
from app.db.engine import Sessions, make_engine, make_sessions
from app.db.error_advice import problem_of
from app.logs import configure_logs
from app.operations.access.generated_keys import vault_of
from app.operations.access.permissions import Actor, Role, Via
from app.operations.errors import NotAcceptable, OperationError
from app.operations.models import Value
from app.operations.reviews.settlement import DecisionRules
from app.operations.subscribers.validation import UrlRules
from app.settings import Settings, WrongSettings, load_settings, variable_of

FAILED = 1
WRONG_SETTINGS = 2

Result = TypeVar("Result")
Given = TypeVar("Given", bound=Value)


@dataclass(frozen=True, slots=True)
class CommandContext:
    """The settings, and sessions of the database that they name."""

    settings: Settings
    sessions: Sessions

    @property
    def vault(self) -> Vault:
        """Return the vault for signing secrets; raise WrongSettings without usable keys."""
        return vault_of(self.settings)

    @property
    def actor(self) -> Actor:
        """Return the user of the operating system, as an administrator.

        The database's URL already gives full access, so a lesser role would protect nothing.
        """
        return Actor(_user(), Role.ADMIN, Via.CLI)

    def shown_to(self, personal: bool) -> Actor | None:
        """Return the actor for the audit if personal data is asked for, else None."""
        return self.actor if personal else None

    @property
    def rules(self) -> UrlRules:
        """Return the rules for subscribers' URLs."""
        return UrlRules.of(self.settings)

    @property
    def decision_rules(self) -> DecisionRules:
        """Return the settings that decisions about orders follow."""
        return DecisionRules.of(self.settings)


def given(kind: type[Given], **values: object) -> Given:
    """Return the value object of these arguments.

    An unusable argument ends the command. Its name and fault go to standard error, never its value.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise _failed(
            "\n".join(
                f"{fault['loc'][0]}: {fault['msg'].removeprefix('Value error, ')}"
                for fault in faults
            )
        ) from None


def must_be_text(value: str | None) -> str | None:
    """Reject an argument with bytes that are no text in the terminal's encoding (a callback)."""
    if value is not None and any("\ud800" <= character <= "\udfff" for character in value):
        raise typer.BadParameter("is no text in this terminal's encoding")
    return value


def database_url_of(settings: Settings) -> str:
    """Return the database's URL; start the embedded server if none is set.

    Raises EmbeddedPostgresMissing.
    """
    return (
        settings.database_url.get_secret_value()
        if settings.database_url
        else start_embedded(settings.data_dir)
    )


def run(action: Callable[[CommandContext], Awaitable[Result]]) -> Result:
    """Run an action with an open database.

    Errors end the command with one sentence on standard error: exit code 2 for wrong
    settings, else 1.
    """

    async def with_database(settings: Settings) -> Result:
        async with _open(settings) as context:
            return await action(context)

    return run_with_settings(with_database)


def run_with_settings(action: Callable[[Settings], Awaitable[Result]]) -> Result:
    """Run an action without a database; errors as in `run`."""

    async def whole() -> Result:
        settings = load_settings()
        configure_logs("WARNING", "text")
        return await action(settings)

    try:
        return asyncio.run(whole())
    except (WrongSettings, EmbeddedPostgresMissing) as error:
        raise _failed(str(error), WRONG_SETTINGS) from None
    except NotAcceptable as error:
        raise _failed(f"{error.field}: {error}") from None
    except (DatabaseUnfit, OperationError) as error:
        raise _failed(str(error)) from None
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        raise _failed(
            f"{problem.value} ({describe_error(error)}); "
            f"check {variable_of('database_url')}; `zeus-relay doctor` tells more"
        ) from None


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[CommandContext]:
    engine = make_engine(database_url_of(settings), pool_size=1, application="zeus-relay cli")
    try:
        yield CommandContext(settings, make_sessions(engine))
    finally:
        await engine.dispose()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        return f"uid {os.getuid()}"


def _failed(message: str, code: int = FAILED) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(code)
