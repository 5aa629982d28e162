"""`zeus-relay mails import|list|show|heal|dismiss`."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.clock import now
from app.crypto.vault import Vault
from app.db.engine import Sessions
from tests.cli.conftest import Cli
from tests.forwarding.delivery_setup import KEY
from tests.mailbox.mail_setup import MailSetup, facts, message
from tests.operations.operations_setup import TELNO


@pytest.fixture
def mails(sessions: Sessions, database_url: str) -> MailSetup:
    """Return a setup with mails on the test's own database."""
    return MailSetup(sessions, database_url, Vault([KEY]))


async def test_a_message_is_imported_listed_shown_and_healed(
    cli: Cli, mails: MailSetup, tmp_path: Path
) -> None:
    path = tmp_path / "paid.eml"
    path.write_bytes(message(facts()))
    assert "messages      1" in (await cli("mails", "import", str(path))).stdout
    await mails.match("observe")
    [listed] = (await cli.json("mails", "list", "--state", "missing"))["items"]
    assert "入金速報通知" in (await cli("mails", "list")).stdout
    shown = (await cli("mails", "show", listed["id"])).stdout
    assert TELNO not in shown
    assert TELNO in (await cli("mails", "show", listed["id"], "--personal")).stdout
    assert "healed" == (await cli.json("mails", "heal", listed["id"]))["state"]
    assert "healed" in (await cli("mails", "heal", listed["id"], code=1)).stderr


async def test_an_mbox_is_imported_and_its_copies_are_told(
    cli: Cli, mails: MailSetup, tmp_path: Path
) -> None:
    path = tmp_path / "inbox.mbox"
    raw = b"From zeus now\n" + message(facts()) + b"\n"
    path.write_bytes(raw * 2 + raw.replace(b"<1@", b"<2@"))
    found = await cli.json("mails", "import", str(path))
    assert (3, 1) == (found["messages"], found["known"])
    assert "No mails found." in (await cli("mails", "list", "--kind", "failed")).stdout
    await mails.read()
    assert ["waiting", "waiting"] == await mails.states()
    [mail_id] = [one["id"] for one in (await cli.json("mails", "list", "--limit", "1"))["items"]]
    assert "dismissed" in (await cli("mails", "dismiss", mail_id)).stdout


async def test_a_mail_server_is_told_to_try_again(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "paid.eml"
    path.write_bytes(message(facts()))
    for name, value in (
        ("RELAY_DATABASE_URL", "postgresql://relay@127.0.0.1:9/relay"),
        ("RELAY_DATABASE_URL", "not a URL"),
        ("RELAY_MAIL_GRACE", "soon"),
    ):
        wrong = Cli(cli.environment | {name: value})
        assert (await wrong("mails", "import", str(path), code=75)).stderr
    assert "messages      1" in (await cli("mails", "import", str(path))).stdout


async def test_without_tables_a_mail_server_is_told_to_try_again(
    cli: Cli, empty_database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "paid.eml"
    path.write_bytes(message(facts()))
    new = Cli(cli.environment | {"RELAY_DATABASE_URL": empty_database_url})
    assert (await new("mails", "import", str(path), code=75)).stderr


@pytest.mark.parametrize("first", ["06", "04"])
async def test_a_lost_reversal_before_a_second_payment_is_made_up_for_by_both_mails(
    cli: Cli, mails: MailSetup, first: str
) -> None:
    """The second payment's call was judged a repetition of the first, so nobody heard of it."""
    await mails.judged("01", "04", "04")
    begin = now()
    for minute, status in enumerate(("04", "06", "04")):
        at = begin + timedelta(minutes=minute)
        await mails.mail(status, occurred_at=at, sent=f"{minute}")
    await mails.match("observe")
    missing = (await cli.json("mails", "list", "--state", "missing"))["items"]
    assert ["04", "06"] == sorted(mail["status"] for mail in missing)
    for mail in sorted(missing, key=lambda mail: bool(mail["status"] != first)):
        await cli("mails", "heal", mail["id"])
    [order] = await mails.rows("SELECT state, cycle FROM orders")
    assert ("paid", 2) == tuple(order)
    events = [event for event, _ in await mails.events() if event.startswith("payment.")]
    assert ["payment.received", "payment.reversed", "payment.received"] == events
    assert [] == await mails.rows("SELECT 1 FROM reviews WHERE settled_at IS NULL")
