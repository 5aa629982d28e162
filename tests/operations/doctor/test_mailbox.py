"""Doctor's check of the mailbox, on a real Dovecot."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.operations.doctor.findings import Level
from app.operations.doctor.mailbox import check_mailbox
from app.settings import Settings
from tests.mailbox.dovecot import CAN_RUN, PASSWORD, Dovecot, running_dovecot

pytestmark = pytest.mark.skipif(not CAN_RUN, reason="needs root, and dovecot-imapd of Debian")


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with running_dovecot() as server:
        server.deliver(b"Subject: 1\r\n\r\nx\r\n", b"Subject: 2\r\n\r\nx\r\n")
        yield server


def settings_for(dovecot: Dovecot, **values: object) -> Settings:
    url = f"imaps://shop%40shop.example@localhost:{dovecot.tls_port}/INBOX"
    given = {"mailbox_url": url, "mailbox_password": PASSWORD, "mail_domains": ["zeus.example"]}
    return Settings.model_validate(given | values)


async def told(dovecot: Dovecot, settings: Settings) -> list[tuple[Level, str]]:
    found = await check_mailbox(settings, dovecot.tls())
    assert all(finding.remedy for finding in found if finding.level is not Level.OK)
    return [(finding.level, finding.message) for finding in found]


async def test_it_signs_in_and_changes_nothing(dovecot: Dovecot) -> None:
    counted = (Level.OK, "the user can sign in, and the folder has 2 messages")

    assert await told(dovecot, settings_for(dovecot)) == [counted]
    assert len(list((dovecot.maildir / "new").iterdir())) == 2, "they are still new"
    nobody = (Level.WARNING, "no mail is believed, since no domain is named")
    assert await told(dovecot, settings_for(dovecot, mail_domains=[])) == [counted, nobody]


async def test_the_password_may_be_in_a_file(dovecot: Dovecot, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    in_file = settings_for(dovecot, mailbox_password=None, mailbox_password_file=file)

    assert (await told(dovecot, in_file))[0][0] is Level.OK
    twice = settings_for(dovecot, mailbox_password_file=file)
    assert "is given twice" in (await told(dovecot, twice))[0][1]
    missing = settings_for(dovecot, mailbox_password=None, mailbox_password_file=tmp_path / "no")
    assert "cannot be read (FileNotFoundError)" in (await told(dovecot, missing))[0][1]
    without = settings_for(dovecot, mailbox_password=None)
    assert "is missing" in (await told(dovecot, without))[0][1]


async def test_what_is_wrong_is_told(dovecot: Dovecot) -> None:
    wrong = {
        "the mail server refused user and password": settings_for(dovecot, mailbox_password="x"),
        "the folder for read messages does not exist": settings_for(dovecot, mailbox_done="Read"),
    }
    for message, settings in wrong.items():
        assert await told(dovecot, settings) == [(Level.ERROR, message)]
    [untrusted] = await check_mailbox(settings_for(dovecot))
    assert untrusted.message.startswith("the certificate of the mail server is not valid")


async def test_without_a_mailbox_there_is_nothing_to_tell() -> None:
    assert await check_mailbox(Settings()) == []
