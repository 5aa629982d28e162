"""Tests of judging mails: what is kept, what is believed, what is tried again, large messages."""

import asyncio
from dataclasses import dataclass, field

from app.mailbox.authentication import Belief
from app.mailbox.judging import READ_AT_MOST, MailJudge
from app.zeus.mails import MailKind
from tests.mailbox.mail_setup import CLIENTIP, MailSetup, facts, message

MAILS = "SELECT * FROM mails ORDER BY id, part"


@dataclass
class _Asked:
    """A belief that is not known at first."""

    answers: list[bool | None]
    asked: int = 0
    both: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, raw: bytes) -> Belief:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return Belief(answer, "dkim" if answer else "dns_failed")


async def _judge(setup: MailSetup, judge: MailJudge) -> int:
    async with setup.sessions.begin() as session:
        return await judge.judge_batch(session)


async def test_values_are_read_and_the_telephone_is_cut(setup: MailSetup) -> None:
    await setup.mail()
    await setup.read()
    [mail] = await setup.rows(MAILS)
    assert ("waiting", "paid", "04", 5400) == (mail.state, mail.kind, mail.status, mail.money)
    assert ("D001", "20261231", "5678") == (mail.pay_cvs, mail.pay_limit, mail.telno_tail)
    assert (True, "authentication_results") == (mail.believed, mail.belief)


async def test_a_mail_whose_sender_is_not_known_yet_is_tried_again(setup: MailSetup) -> None:
    await setup.mail()
    judge = MailJudge(asked := _Asked([None, True]), {CLIENTIP})
    assert 1 == await _judge(setup, judge)
    assert ["unread"] == await setup.states()
    assert 0 == await _judge(setup, judge)
    await setup.run("UPDATE mails SET judged_at = judged_at - interval '2 minutes'")
    assert 1 == await _judge(setup, judge)
    assert ["waiting"] == await setup.states()
    assert 2 == asked.asked


async def test_after_three_days_it_is_not_believed(setup: MailSetup) -> None:
    await setup.mail()
    await setup.run("UPDATE mails SET received_at = now() - interval '4 days'")
    await _judge(setup, MailJudge(_Asked([None]), {CLIENTIP}))
    assert ["not_believed"] == await setup.states()


async def test_without_ip_codes_no_mail_is_believed(setup: MailSetup) -> None:
    await setup.mail()
    await _judge(setup, MailJudge(_Asked([True]), ()))
    [mail] = await setup.rows(MAILS)
    assert ("not_believed", "ip_codes_not_set") == (mail.state, mail.belief)


async def test_another_mail_is_only_kept(setup: MailSetup) -> None:
    await setup.keep(message(facts(), text="hello").replace(b"Subject", b"X-Subject"))
    await setup.read()
    [mail] = await setup.rows(MAILS)
    assert ("other", None, None) == (mail.state, mail.kind, mail.believed)


async def test_a_failed_call_is_told(setup: MailSetup) -> None:
    await setup.keep(message(facts(kind=MailKind.CALL_FAILED)))
    await setup.read()
    [mail] = await setup.rows(MAILS)
    assert ("call_failed", "call_failed", None) == (mail.state, mail.kind, mail.status)
    assert mail.order_no


async def test_a_failed_call_is_settled_by_the_next_event_of_its_order(setup: MailSetup) -> None:
    await setup.keep(message(facts(kind=MailKind.CALL_FAILED)))
    await setup.match()
    settled = "SELECT settled_at IS NOT NULL AS settled FROM mails"
    assert [(False,)] == [tuple(row) for row in await setup.rows(settled)]
    await setup.judged("04")
    await setup.match()
    assert [(True,)] == [tuple(row) for row in await setup.rows(settled)]


async def test_a_mail_without_an_order_is_unreadable(setup: MailSetup) -> None:
    await setup.mail(order_no=None)
    await setup.mail(order_no="オーダー", sent="2")
    await setup.read()
    assert ["unreadable", "unreadable"] == await setup.states()


async def test_a_message_too_large_to_read_is_kept_whole(setup: MailSetup) -> None:
    raw = message(facts()) + b"x" * READ_AT_MOST
    await setup.keep(raw)
    await setup.read()
    [mail] = await setup.rows(MAILS)
    assert ("unreadable", "too_large", len(raw)) == (mail.state, mail.belief, mail.size)
    assert raw == mail.raw


async def test_two_workers_share_the_mails(setup: MailSetup) -> None:
    for number in range(120):
        await setup.mail(sent=str(number), order_no=f"A-{number}")
    judges = [MailJudge(_Asked([True]), {CLIENTIP}) for _ in range(2)]
    counts = await asyncio.gather(*(_judge(setup, judge) for judge in judges))
    assert [50, 50] == counts
    await setup.read()
    assert {"waiting"} == set(await setup.states())
    assert 120 == len(await setup.states())
