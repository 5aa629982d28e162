"""What every command needs: the settings, the database, and errors told in a sentence instead of a traceback."""

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
from app.operations.subscribers.validation import UrlRules
from app.settings import Settings, WrongSettings, load_settings, variable_of

FAILED = 1
WRONG_SETTINGS = 2

Result = TypeVar("Result")
Given = TypeVar("Given", bound=Value)


@dataclass(frozen=True, slots=True)
class Desk:
    """An operator's place of work: the settings and the database they name."""

    settings: Settings
    sessions: Sessions

    @property
    def vault(self) -> Vault:
        """The vault for signing secrets; raises WrongSettings."""
        return vault_of(self.settings)

    @property
    def actor(self) -> Actor:
        """Who sits here: the user of the operating system. Whoever has the database's URL may do everything."""
        return Actor(_user(), Role.ADMIN, Via.CLI)

    def shown_to(self, personal: bool) -> Actor | None:
        """Whom to show personal values: whoever sits here, if they asked for them."""
        return self.actor if personal else None

    @property
    def rules(self) -> UrlRules:
        """What subscribers' URLs may be."""
        return UrlRules.of(self.settings)


def given(kind: type[Given], **values: object) -> Given:
    """What the arguments make; one that cannot be used is named on standard error, without what was given, and the command ends."""
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
    """A callback for arguments that are looked up; refuses bytes that are no text in this terminal's encoding."""
    if value is not None and any("\ud800" <= character <= "\udfff" for character in value):
        raise typer.BadParameter("is no text in this terminal's encoding")
    return value


def database_url_of(settings: Settings) -> str:
    """The URL of the database, after starting the embedded server if that is the one. Raises EmbeddedPostgresMissing."""
    return (
        settings.database_url.get_secret_value()
        if settings.database_url
        else start_embedded(settings.data_dir)
    )


def run(action: Callable[[Desk], Awaitable[Result]]) -> Result:
    """Do something at a desk. What goes wrong is told on standard error; exit code 2 for wrong settings, 1 for anything else."""

    async def at_desk(settings: Settings) -> Result:
        async with _open(settings) as desk:
            return await action(desk)

    return run_with_settings(at_desk)


def run_with_settings(action: Callable[[Settings], Awaitable[Result]]) -> Result:
    """As `run`, for what needs no open database."""

    async def whole() -> Result:
        settings = load_settings()
        configure_logs("WARNING", "text")
        return await action(settings)

    try:
        return asyncio.run(whole())
    except (WrongSettings, EmbeddedPostgresMissing) as wrong:
        raise _failed(str(wrong), WRONG_SETTINGS) from None
    except DatabaseUnfit as unfit:
        raise _failed(str(unfit)) from None
    except NotAcceptable as refused:
        raise _failed(f"{refused.field}: {refused}") from None
    except OperationError as refused:
        raise _failed(str(refused)) from None
    except Exception as error:
        trouble = problem_of(error)
        if trouble is None:
            raise
        raise _failed(
            f"{trouble.value} ({describe_error(error)}); {variable_of('database_url')}? `zeus-relay doctor` tells more"
        ) from None


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Desk]:
    engine = make_engine(database_url_of(settings), pool_size=1, application="zeus-relay cli")
    try:
        yield Desk(settings, make_sessions(engine))
    finally:
        await engine.dispose()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user need not have a name
        return f"uid {os.getuid()}"


def _failed(message: str, code: int = FAILED) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(code)
