"""Fixtures of the tests of mails."""

from collections.abc import Iterator

import pytest

from app.crypto.vault import Vault
from app.db.engine import Sessions
from tests.forwarding.delivery_setup import KEY
from tests.mailbox.dovecot import CAN_RUN, Dovecot, running_dovecot
from tests.mailbox.mail_setup import MailSetup


@pytest.fixture
def setup(sessions: Sessions, database_url: str) -> MailSetup:
    """Return an empty setup on the test's own database."""
    return MailSetup(sessions, database_url, Vault([KEY]))


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    """Yield a running Dovecot with an empty mailbox."""
    if not CAN_RUN:
        pytest.skip("needs root, and dovecot-imapd of Debian")
    with running_dovecot() as server:
        yield server
