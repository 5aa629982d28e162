"""Mails that go through a real SMTP server into a Maildir and are read back from there."""

import asyncio
from collections.abc import Iterator

import pytest

from app.zeus.mails import MailKind
from tests.simulator.mails.mail_reader import (
    can_verify,
    delivered,
    facts_of,
    message_of,
    text_of,
    verified,
)
from tests.simulator.mails.smtp_server import CAN_RUN, SmtpServer, smtp_server
from tests.simulator.simulator_process import Simulator

pytestmark = pytest.mark.skipif(
    not (CAN_RUN and can_verify()), reason="needs root, and opensmtpd and python3-dkim of Debian"
)


@pytest.fixture(scope="module")
def server() -> Iterator[SmtpServer]:
    with smtp_server() as running:
        yield running


async def arrived(server: SmtpServer, count: int) -> list[bytes]:
    """Wait for so many mails, empty the Maildir and return them."""
    async with asyncio.timeout(20):
        while len(list((server.maildir / "new").glob("*"))) < count:
            await asyncio.sleep(0.02)
    messages = delivered(server.maildir)
    for file in (server.maildir / "new").glob("*"):
        file.unlink()
    return messages


@pytest.mark.parametrize("charset", ["iso-2022-jp", "shift_jis", "euc-jp", "utf-8"])
async def test_every_mail_arrives_readable_and_its_signature_is_good(
    zeus: Simulator, server: SmtpServer, charset: str
) -> None:
    await zeus.set(mails={"smtp": server.address, "charset": charset})
    record = (await zeus.ask("GET", "/dkim")).json
    order_no = await zeus.order_no(email="anyone+confirmed@example.com")
    messages = await arrived(server, 5)

    assert all(verified(raw, record["name"], record["text"]) for raw in messages)
    to_merchant = [raw for raw in messages if message_of(raw)["To"] == "merchant@example.com"]
    facts = [facts_of(raw) for raw in to_merchant]
    assert {MailKind.ACCEPTED, MailKind.PAID, MailKind.CONFIRMED} == {
        one.kind for one in facts if one
    }
    assert [(one.order_no, one.money, one.pay_cvs) for one in facts if one] == [
        (order_no, 5400, "D002")
    ] * 3
    others = [raw for raw in messages if raw not in to_merchant]
    assert {message_of(raw)["To"] for raw in others} == {"anyone+confirmed@example.com"}
    assert all("コンビニ　タロウ 様" in text_of(raw) for raw in others)
    mails = (await zeus.order(order_no))["mails"]
    assert [mail["delivered"] for mail in mails] == [True] * 5


async def test_every_kind_of_mail_to_the_merchant_arrives(
    zeus: Simulator, server: SmtpServer
) -> None:
    await zeus.set(mails={"smtp": server.address, "customer": []}, call_url="http://127.0.0.1:9/")
    told: set[MailKind] = set()
    for word, mails in {
        "confirmed": 6,  # each of the calls is lost, which is mailed too
        "reversed": 6,
        "confirmed-after-reissue": 8,
        "reversed-after-reissue": 8,
        "error-0013": 1,
    }.items():
        await zeus.order_no(email=f"anyone+{word}@example.com")
        messages = await arrived(server, mails)
        told |= {facts.kind for raw in messages if (facts := facts_of(raw))}

    assert told == set(MailKind)


async def test_an_address_that_needs_quoting_gets_no_mail_and_a_refusal_is_told(
    zeus: Simulator, server: SmtpServer
) -> None:
    await zeus.set(mails={"smtp": server.address, "merchant": None})
    order_no = await zeus.order_no(email="<b>&'@example.com")
    async with asyncio.timeout(20):
        while not (mails := (await zeus.order(order_no))["mails"]):
            await asyncio.sleep(0.02)

    await zeus.set(mails={"merchant": "x" * 64 + "@" + "y" * 240 + ".example"})
    await zeus.act(order_no, "pay")
    refused = (await zeus.order(order_no))["mails"][1]

    assert (refused["kind"], refused["error"]) == ("入金速報通知", "refused")
    assert [(mail["kind"], mail["error"]) for mail in mails] == [("slip", "invalid_address")]
