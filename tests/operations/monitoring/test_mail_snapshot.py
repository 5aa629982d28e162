"""Tests of the snapshot of mails: missing calls, missing mails, the loss rate, and alerts."""

from datetime import timedelta

import pytest

from app.clock import now, uuid7_floor
from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.operations.monitoring.alert_conditions import AttentionSummary, alert_conditions
from app.operations.monitoring.baseline import Expectation
from app.operations.monitoring.mail_snapshot import MailSnapshot, read_mails
from app.operations.monitoring.overview import Overviews
from app.operations.monitoring.snapshot import read_snapshot
from app.zeus.mails import MailKind
from tests.forwarding.delivery_setup import KEY
from tests.mailbox.mail_setup import MailSetup, facts, message


@pytest.fixture
def setup(sessions: Sessions, database_url: str) -> MailSetup:
    """Return a setup with mails on the test's own database."""
    return MailSetup(sessions, database_url, Vault([KEY]))


async def _keys(setup: MailSetup) -> set[str]:
    async with setup.sessions() as session:
        current = await read_snapshot(session)
    return {one.key for one in alert_conditions(current, Expectation(0, 0), AttentionSummary())}


async def test_without_mails_nothing_is_measured(setup: MailSetup) -> None:
    await setup.judged("04")
    async with setup.sessions() as session:
        assert MailSnapshot() == await read_mails(session, now())
    assert (await Overviews(setup.sessions).read()).loss.rate is None


async def test_each_trouble_of_mails_is_an_alert(setup: MailSetup) -> None:
    await setup.mail()
    await setup.keep(message(facts(kind=MailKind.CALL_FAILED), message_id="2"))
    await setup.keep(message(facts(order_no="A-1"), believed=False))
    await setup.run("INSERT INTO mailboxes VALUES ('INBOX', 1, 1, now() - interval '1 hour', NULL)")
    await setup.match("observe")
    assert {"call_failed", "calls_missing", "mails_not_believed", "mailbox"} == await _keys(setup)
    await setup.run("UPDATE mails SET state = 'dismissed'")
    assert {"mailbox"} == await _keys(setup)


async def test_calls_without_mails_are_told_once_there_are_mails(setup: MailSetup) -> None:
    for number in range(10):
        await setup.judged("04", order_no=f"A-{number}")
    old = uuid7_floor(now() - timedelta(minutes=90))
    await setup.run(
        f"UPDATE notices SET id = (substr('{old}', 1, 13) || substr(id::text, 14))::uuid"
    )
    assert set() == await _keys(setup)
    await setup.mail("01", order_no="A-99", sent="0")
    await setup.match("heal", timedelta(minutes=1))
    assert {"no_mails"} == await _keys(setup)
    await setup.mail(order_no="A-1")
    await setup.match("heal", timedelta(minutes=1))
    assert set() == await _keys(setup)


async def test_the_loss_rate_counts_what_mails_tell(setup: MailSetup) -> None:
    for number in range(4):
        await setup.mail(order_no=f"A-{number}", sent=str(number))
        if number:
            await setup.judged("04", order_no=f"A-{number}")
    await setup.match()
    loss = (await Overviews(setup.sessions).read()).loss
    assert (1, 4, 0.25) == (loss.missing, loss.expected, loss.rate)
