"""Fixtures of the console's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.crypto.vault import Vault
from app.db.engine import Sessions
from tests.console.console_setup import Console, running_console
from tests.forwarding.delivery_setup import KEY
from tests.operations.operations_setup import OperationsSetup


@pytest.fixture
def setup(sessions: Sessions, database_url: str) -> OperationsSetup:
    """Return an empty setup on the test's own database."""
    return OperationsSetup(sessions, database_url, Vault([KEY]))


@pytest.fixture
async def console(setup: OperationsSetup, tmp_path: Path) -> AsyncIterator[Console]:
    """Run a console."""
    async with running_console(setup, tmp_path) as running:
        yield running
