"""Fixtures for commands on the test's own database, run in this process."""

import asyncio
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result

from app.cli import command_line
from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.main.commands import application
from tests.forwarding.delivery_setup import KEY
from tests.operations.operations_setup import OperationsSetup
from tests.processes import service_settings


@pytest.fixture
def setup(sessions: Sessions, database_url: str) -> OperationsSetup:
    """Return an empty setup on the test's own database."""
    return OperationsSetup(sessions, database_url, Vault([KEY]))


@dataclass(frozen=True)
class Cli:
    """A command runner with these environment variables."""

    environment: dict[str, str]

    async def __call__(self, *arguments: str, code: int = 0) -> Result:
        """Run a command and check its exit code."""
        runner = CliRunner()
        result = await asyncio.to_thread(
            runner.invoke, command_line(), list(arguments), env=self.environment
        )
        assert code == result.exit_code, (result.stdout, result.stderr, result.exception)
        assert "Traceback" not in result.output
        return result

    async def refused(self, *arguments: str) -> None:
        """Run a command that must end with a sentence and exit code 1 or 2."""
        result = await asyncio.to_thread(
            CliRunner().invoke, application(), list(arguments), env=self.environment
        )
        assert result.exit_code in (1, 2), (arguments, result.output)
        assert isinstance(result.exception, SystemExit), (arguments, result.exception)
        assert result.stderr

    async def json(self, *arguments: str, code: int = 0) -> Any:
        """Run a command and return its JSON output."""
        return json.loads((await self(*arguments, "--json", code=code)).stdout)


@pytest.fixture
def cli(database_url: str) -> Iterator[Cli]:
    """Yield a command runner on the test's own database; restore the log settings afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    settings = service_settings(database_url) | {"SECRET_KEYS": KEY}
    yield Cli({f"RELAY_{name}": value for name, value in settings.items()})
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
