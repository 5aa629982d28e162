"""Fixtures of the tests of operating."""

import pytest

from app.db.engine import Sessions
from app.forwarding.secrets import Vault
from tests.forwarding.delivery_world import KEY
from tests.operating.operating_world import OperatingWorld


@pytest.fixture
def world(sessions: Sessions, database_url: str) -> OperatingWorld:
    """An empty world on the test's own database."""
    return OperatingWorld(sessions, database_url, Vault([KEY]))
