"""Fixtures of the tests of reconciliations."""

import pytest

from app.crypto.vault import Vault
from app.db.engine import Sessions
from tests.forwarding.delivery_setup import KEY
from tests.operations.operations_setup import OperationsSetup


@pytest.fixture
def setup(sessions: Sessions, database_url: str) -> OperationsSetup:
    """Return an empty setup on the test's own database."""
    return OperationsSetup(sessions, database_url, Vault([KEY]))
