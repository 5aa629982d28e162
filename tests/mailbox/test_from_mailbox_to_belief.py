"""From a real mailbox to judged mails: only what is authenticated may act."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import text

from app.db.engine import Sessions
from app.db.singleton_lock import SingletonLock
from app.mailbox.authentication import BeliefRules, belief_of
from app.mailbox.intake import keep_mail
from app.mailbox.judging import MailJudge
from app.mailbox.positions import Positions
from app.mailbox.reader import LOCK_KEY, MailboxReader, ReaderTimes
from app.network.text_records import TextRecordResolver
from app.simulator.mails.dkim_key import DkimKey
from app.simulator.mails.message import message_bytes
from app.simulator.mails.texts import merchant_mail
from app.simulator.state.mail_settings import MailSettings
from app.zeus.mails import MailKind
from tests.mailbox.dovecot import Dovecot
from tests.mailbox.name_server import NameServer, name_server
from tests.operations.operations_setup import CALL_VALUES

SETTINGS = MailSettings(charset="iso-2022-jp", dkim=True)
DOMAIN = SETTINGS.domain
MAIL_TIMES = ReaderTimes(command=20, lock=0.5, first_retry=0.2)


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    async with name_server() as running:
        yield running


def signed(key: DkimKey, order_no: str, charset: str = "iso-2022-jp") -> bytes:
    """Return a mail of the simulator about a payment of this order."""
    values = {**CALL_VALUES, "order_no": order_no}
    draft = merchant_mail(MailKind.PAID, values, datetime.now(UTC), "shop@shop.example")
    settings = SETTINGS.model_copy(update={"charset": charset})
    return message_bytes(draft, settings, datetime.now(UTC), key)


Wrap = Callable[[bytes], bytes]


def mail_from_clerk(content_type: bytes, body: bytes) -> bytes:
    return (
        b"From: clerk@shop.example\r\nSubject: Fwd\r\nContent-Type: "
        + content_type
        + b"\r\n\r\n"
        + body
    )


def quoted(raw: bytes) -> bytes:
    lines = raw.partition(b"\r\n\r\n")[2].split(b"\r\n")
    body = b"\r\n".join(b"> " + line for line in lines)
    return mail_from_clerk(b"text/plain; charset=iso-2022-jp", body)


FORMS: dict[str, tuple[Wrap, bool]] = {
    "as sent": (lambda raw: raw, True),
    "with fields of servers on the way": (lambda raw: b"Received: by mx; now\r\n" + raw, True),
    "attached by a clerk": (lambda raw: mail_from_clerk(b"message/rfc822", raw), True),
    "quoted by a clerk": (quoted, False),
    "with another order": (lambda raw: raw.replace(b"order-", b"0rder-"), False),
    "with a footer of a list": (lambda raw: raw + b"_____\r\nlist\r\n", False),
    "with a prefix of a list": (
        lambda raw: raw.replace(b"\r\nSubject: ", b"\r\nSubject: [list] "),
        False,
    ),
    "with a second From": (lambda raw: b"From: x@evil.example\r\n" + raw, False),
    "with results by its sender": (
        lambda raw: (
            b"Authentication-Results: evil.example; dkim=pass header.d=simulator.example\r\n"
            + raw.replace(b"\r\nDKIM-Signature", b"\r\nX-Signature").removeprefix(b"DKIM-")
        ),
        False,
    ),
    "signed by a stranger": (lambda raw: raw.replace(b"s=simulator", b"s=stranger"), False),
}


async def test_only_authenticated_mails_are_believed(
    dovecot: Dovecot, sessions: Sessions, database_url: str, server: NameServer
) -> None:
    key = DkimKey()
    name = f"{SETTINGS.selector}._domainkey.{DOMAIN}"
    server.records = {name: [key.dns_text().encode()]}
    expected = {}
    for number, (form, (wrap, is_believed)) in enumerate(FORMS.items()):
        dovecot.deliver(wrap(signed(key, f"order-{number}")))
        expected[form] = is_believed
    for number, charset in enumerate(("shift_jis", "euc-jp", "utf-8"), len(FORMS)):
        dovecot.deliver(signed(key, f"order-{number}", charset))
        expected[charset] = True
    dovecot.deliver(signed(DkimKey(), f"order-{len(expected)}"))
    expected["by another key"] = False

    async def keep(raw: bytes) -> None:
        async with sessions.begin() as session:
            await keep_mail(session, raw, "mailbox")

    lock = SingletonLock(database_url, LOCK_KEY)
    reader = MailboxReader(dovecot.address(), Positions(sessions), lock, keep, MAIL_TIMES)
    rules = BeliefRules.of([DOMAIN], [], [], TextRecordResolver(server.resolver()))
    task = asyncio.create_task(reader.run())
    async with asyncio.timeout(30):
        while await count(sessions) < len(expected):
            await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])

    judge = MailJudge(partial(belief_of, rules=rules), frozenset({CALL_VALUES["clientip"]}))
    async with sessions.begin() as session:
        while await judge.judge_batch(session):
            pass
    async with sessions() as session:
        query = text("SELECT believed, belief, state, order_no FROM mails ORDER BY id")
        rows = (await session.execute(query)).all()
    answers = {form: row.believed for form, row in zip(expected, rows, strict=True)}

    assert answers == expected
    for (form, is_believed), row in zip(expected.items(), rows, strict=True):
        assert row.state == ("waiting" if is_believed else "not_believed"), (form, row.belief)
        assert row.order_no is not None
    assert await count(sessions) == len(expected)


async def count(sessions: Sessions) -> int:
    async with sessions() as session:
        return int(await session.scalar(text("SELECT count(*) FROM mails")) or 0)
