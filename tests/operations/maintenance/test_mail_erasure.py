"""Tests of the erasure and the pruning of mails: message and telephone number go, matches stay."""

from datetime import timedelta

import pytest

from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.operations.maintenance.erasure import erase_order
from app.operations.maintenance.mail_erasure import erase_old_mails, prune_mails
from tests.forwarding.delivery_setup import KEY
from tests.mailbox.mail_setup import MailSetup, facts, message
from tests.operations.operations_setup import ADMIN, ORDER_NO, TELNO

DAY = timedelta(days=1)
MAILS = "SELECT *, encode(raw, 'escape') AS text FROM mails ORDER BY id"


@pytest.fixture
def setup(sessions: Sessions, database_url: str) -> MailSetup:
    """Return a setup with mails on the test's own database."""
    return MailSetup(sessions, database_url, Vault([KEY]))


async def _become_old(setup: MailSetup) -> None:
    """Let all mails be of another year."""
    await setup.run(
        "UPDATE mails SET received_at = now() - interval '3 days',"
        " id = ('01900000' || substr(id::text, 9))::uuid"
    )


async def test_an_order_is_erased_with_its_mails(setup: MailSetup) -> None:
    await setup.judged("01", "04")
    await setup.mail()
    await setup.mail(order_no="A-1", sent="2")
    await setup.match()
    assert 1 == (await erase_order(setup.sessions, ADMIN, ORDER_NO)).mails
    erased, other = await setup.rows(MAILS)
    assert ("", None, None, "matched") == (
        erased.text,
        erased.telno_tail,
        erased.message_id,
        erased.state,
    )
    assert TELNO in other.text


async def test_an_order_known_by_a_mail_alone_is_erased(setup: MailSetup) -> None:
    await setup.mail()
    await setup.read()
    assert 1 == (await erase_order(setup.sessions, ADMIN, ORDER_NO)).mails


async def test_old_mails_lose_what_is_personal_unless_somebody_must_look(setup: MailSetup) -> None:
    await setup.judged("04")
    await setup.mail()
    await setup.mail("05", sent="2")
    await setup.match("observe")
    assert 0 == await erase_old_mails(setup.sessions, DAY)
    await _become_old(setup)
    assert 1 == await erase_old_mails(setup.sessions, DAY)
    assert 0 == await erase_old_mails(setup.sessions, DAY)
    found = {row.state: row.erased_at is not None for row in await setup.rows(MAILS)}
    assert {"matched": True, "missing": False} == found


async def test_a_copy_of_an_erased_mail_is_still_known(setup: MailSetup) -> None:
    await setup.judged("01", "04", "06")
    told = facts()
    await setup.keep(message(told))
    await setup.match()
    await _become_old(setup)
    await erase_old_mails(setup.sessions, DAY)
    await prune_mails(setup.sessions, DAY)
    await setup.keep(message(told, message_id="2"))
    await setup.match()
    assert ["matched", "dismissed"] == await setup.states()
    assert 3 == len(await setup.events())


async def test_only_mails_about_no_order_are_pruned(setup: MailSetup) -> None:
    await setup.mail()
    await setup.keep(message(facts(), believed=False))
    await setup.keep(message(facts(), text="hello").replace(b"Subject", b"X-Subject"))
    await setup.match("observe")
    await _become_old(setup)
    assert 2 == await prune_mails(setup.sessions, DAY)
    assert ["missing"] == await setup.states()
