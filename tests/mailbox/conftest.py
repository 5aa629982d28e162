"""Fixtures of the tests of mails."""

import pytest

from app.crypto.vault import Vault
from app.db.engine import Sessions
from tests.forwarding.delivery_setup import KEY
from tests.mailbox.mail_setup import MailSetup


@pytest.fixture
def setup(sessions: Sessions, database_url: str) -> MailSetup:
    """Return an empty setup on the test's own database."""
    return MailSetup(sessions, database_url, Vault([KEY]))
