"""Fixtures of the console's tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from app.crypto.vault import Vault
from app.db.engine import Sessions
from tests.console.browsing import chromium, connected
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


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run one Chromium for all tests of this module."""
    with chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture
async def browser(endpoint: str) -> AsyncIterator[Browser]:
    """Connect to the Chromium."""
    async with connected(endpoint) as running:
        yield running
