"""Tests of matching: mails and calls in any sequence, lost calls, copies and other amounts."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text as text_of

from app.clock import now
from app.mailbox.intake import keep_mail
from app.mailbox.matching import MailMode
from app.mailbox.rows import PAGE
from app.order_life.reviews import Reason
from app.zeus.mails import write_mail
from tests.api.api_walk import application
from tests.mailbox.mail_setup import MailSetup, facts, message
from tests.operations.operations_setup import ORDER_NO

MINUTE = timedelta(minutes=1)
PAID_AT = datetime(2026, 11, 27, 3, 51, tzinfo=UTC)
REVIEWS = "SELECT reason, settled_at, settled_by, details, order_no FROM reviews ORDER BY id"


@pytest.mark.parametrize("mode", ["observe", "heal"])
async def test_a_mail_waits_for_its_call(setup: MailSetup, mode: MailMode) -> None:
    await setup.judged("01")
    await setup.mail()
    await setup.match(mode, MINUTE)
    assert ["waiting"] == await setup.states()
    [called] = await setup.judged("04")
    await setup.match(mode, MINUTE)
    [mail] = await setup.rows("SELECT state, notice_id FROM mails")
    assert ("matched", called) == tuple(mail)
    assert [] == await setup.rows(REVIEWS)


async def test_a_call_waits_for_its_mail(setup: MailSetup) -> None:
    await setup.judged("01", "04")
    await setup.mail("01")
    await setup.mail("04")
    await setup.match()
    assert ["matched", "matched"] == await setup.states()
    assert [("order.accepted", "call"), ("payment.received", "call")] == await setup.events()


async def test_a_lost_call_is_made_up_for(setup: MailSetup) -> None:
    await setup.judged("01")
    await setup.mail(occurred_at=PAID_AT)
    await setup.match()
    assert ["healed"] == await setup.states()
    [event] = await setup.rows("SELECT data FROM events WHERE status = '04'")
    assert "mail" == event.data["source"]
    assert "2026-11-27T03:51:00.000000Z" == event.data["occurred_at"]
    assert "A-1001" == event.data["sendid"]
    assert 5400 == event.data["money"]
    assert [] == event.data["flags"]
    [order] = await setup.rows("SELECT state, sequence FROM orders")
    assert ("paid", 2) == tuple(order)


async def test_the_call_after_its_mail_is_a_duplicate(setup: MailSetup) -> None:
    await setup.judged("01")
    await setup.mail()
    await setup.match()
    await setup.judged("04")
    await setup.match()
    verdicts = await setup.rows("SELECT verdict FROM notices ORDER BY id")
    assert ["accepted", "accepted", "duplicate"] == [row.verdict for row in verdicts]
    assert 2 == len(await setup.events())


async def test_an_order_never_heard_of_is_healed_with_a_gap(setup: MailSetup) -> None:
    await setup.mail()
    await setup.match()
    [event] = await setup.rows("SELECT type, data FROM events")
    assert "payment.received" == event.type
    assert ["gap"] == event.data["flags"]
    assert "2026-12-31" == event.data["payment_deadline"]


@pytest.mark.parametrize("mode", ["observe", "heal"])
async def test_mails_older_than_everything_known_do_nothing(
    setup: MailSetup, mode: MailMode
) -> None:
    """A new relay with an old mailbox, or an old mail replayed when its order was removed."""
    await setup.judged("01", order_no="A-1")
    await setup.mail("04", order_no="A-1", occurred_at=now() - 180 * MINUTE)
    await setup.mail("01", order_no="A-2", occurred_at=now() - 180 * MINUTE, sent="2")
    await setup.mail("04", order_no="A-2", occurred_at=now() - 179 * MINUTE, sent="3")
    await setup.mail("04", order_no="A-3", sent="4")
    await setup.match(mode)
    made = "missing" if mode == "observe" else "healed"
    assert [made, "dismissed", "dismissed", made] == await setup.states()
    flags = await setup.rows("SELECT flags FROM mails ORDER BY id")
    assert [[], ["old"], ["old"], []] == [row.flags for row in flags]
    assert [] == await setup.rows("SELECT 1 FROM reviews WHERE order_no = 'A-2'")
    assert [] == await setup.rows("SELECT 1 FROM events WHERE order_no = 'A-2'")


async def test_a_mail_before_its_call_tells_the_time(setup: MailSetup) -> None:
    await setup.judged("01")
    await setup.mail(occurred_at=PAID_AT)
    setup.policy.mails.in_use = False
    await setup.match("heal", MINUTE)
    await setup.judged("04")
    times = await setup.rows("SELECT data ->> 'occurred_at' AS at FROM events ORDER BY position")
    assert [None, "2026-11-27T03:51:00.000000Z"] == [row.at for row in times]


async def test_observing_tells_a_lost_call_once_and_settles_it(setup: MailSetup) -> None:
    await setup.judged("01")
    await setup.mail()
    for _ in range(2):
        await setup.match("observe")
    assert ["missing"] == await setup.states()
    [review] = await setup.rows(REVIEWS)
    assert (Reason.CALL_MISSING, None) == (review.reason, review.settled_at)
    assert "04" == review.details["status"]
    await setup.judged("04")
    await setup.match("observe")
    assert ["matched"] == await setup.states()
    [review] = await setup.rows(REVIEWS)
    assert "zeus-relay" == review.settled_by
    types = [event for event, _ in await setup.events()]
    assert ["review.required", "payment.received", "review.settled"] == types[1:]


async def test_a_failed_application_is_missed_only_where_zeus_calls_for_them(
    setup: MailSetup,
) -> None:
    await setup.judged("01")
    await setup.mail("02", order_no="1234-1", occurred_at=now())
    await setup.match("observe")
    [mail] = await setup.rows("SELECT state, flags FROM mails")
    assert ("dismissed", ["not_called"]) == tuple(mail)
    assert [] == await setup.rows(REVIEWS)
    await setup.judged("02", order_no="1234-2")
    await setup.mail("02", order_no="1234-3", occurred_at=now())
    await setup.match("observe")
    assert ["dismissed", "missing"] == await setup.states()
    [review] = await setup.rows(REVIEWS)
    assert (Reason.CALL_MISSING, "1234-3") == (review.reason, review.order_no)


async def test_a_failed_application_that_zeus_does_not_call_for_is_healed(
    setup: MailSetup,
) -> None:
    await setup.judged("01")
    await setup.mail("02", order_no="1234-1", occurred_at=now())
    await setup.match("heal")
    assert ["healed"] == await setup.states()


async def test_the_review_of_an_unknown_order_has_no_event_and_is_settled(setup: MailSetup) -> None:
    await setup.mail()
    await setup.match("observe")
    [review] = await setup.rows(REVIEWS)
    assert ORDER_NO == review.order_no
    assert [] == await setup.events()
    await setup.judged("04")
    await setup.match("observe")
    [review] = await setup.rows(REVIEWS)
    assert review.settled_at is not None


async def test_a_mail_that_a_human_decided_is_dismissed(setup: MailSetup) -> None:
    await setup.mail()
    await setup.match("observe")
    async with setup.sessions.begin() as session:
        await session.execute(text_of("UPDATE reviews SET settled_at = now()"))
    await setup.match("observe")
    assert ["dismissed"] == await setup.states()


async def test_off_does_nothing_to_a_lost_call(setup: MailSetup) -> None:
    await setup.mail()
    await setup.match("off")
    assert ["waiting"] == await setup.states()
    assert [] == await setup.rows(REVIEWS)


async def test_off_looks_at_waiting_mails_now_and_then_alone(setup: MailSetup) -> None:
    """They get ever more there. Every page of them is looked at before the rest."""
    await setup.mail()
    await setup.read()
    await setup.run(
        "INSERT INTO mails (id, hash, via, raw, size, received_at, state, order_no, status, flags,"
        " unread) SELECT gen_random_uuid(), decode(md5(n::text), 'hex'), via, raw, size,"
        " received_at, state, order_no || '-' || n, status, flags, unread"
        " FROM mails, generate_series(1, :count) AS n",
        count=2 * PAGE,
    )
    time = 1_000.0
    matching = setup.matching("off", clock=lambda: time)
    assert [True, True, False] == [await matching.run_pass() for _ in range(3)]
    await setup.judged("04")
    matched = "SELECT 1 FROM mails WHERE state = 'matched'"
    time += 599
    assert not await matching.run_pass()
    assert [] == await setup.rows(matched)
    time += 2
    while await matching.run_pass():
        pass
    assert 1 == len(await setup.rows(matched))


async def test_another_amount_in_the_mail_is_a_review(setup: MailSetup) -> None:
    await setup.judged("01", "04")
    await setup.mail(money=4500)
    await setup.match()
    assert ["matched"] == await setup.states()
    [review] = await setup.rows(REVIEWS)
    assert Reason.VALUES_DIFFER == review.reason
    assert {"before": "5400", "now": "4500"}.items() <= review.details["values"]["money"].items()


async def test_a_copy_of_a_mail_is_no_second_payment(setup: MailSetup) -> None:
    await setup.judged("01", "04", "06")
    for sent in ("1", "2", "3"):
        await setup.mail(occurred_at=PAID_AT, sent=sent)
    await setup.match()
    assert ["matched", "dismissed", "dismissed"] == await setup.states()
    await setup.mail(occurred_at=PAID_AT, sent="4")
    await setup.match()
    assert "dismissed" == (await setup.states())[-1]
    assert 3 == len(await setup.events())


async def test_a_mail_without_a_time_is_no_second_payment(setup: MailSetup) -> None:
    await setup.judged("01", "04", "06")
    await setup.mail(occurred_at=PAID_AT)
    await setup.mail(occurred_at=None, sent="2")
    await setup.match()
    assert ["matched", "dismissed"] == await setup.states()
    assert 3 == len(await setup.events())


async def test_a_mail_without_a_time_takes_no_call_from_one_with_a_time(setup: MailSetup) -> None:
    await setup.judged("01", "04", "06")
    await setup.mail(occurred_at=None)
    await setup.match()
    await setup.mail(occurred_at=PAID_AT, sent="2")
    await setup.match()
    assert ["matched", "matched"] == await setup.states()
    assert 3 == len(await setup.events())


async def test_each_payment_cycle_has_its_own_mail(setup: MailSetup) -> None:
    await setup.judged("01", "04", "06")
    for minute in range(3):
        status = ("04", "06", "04")[minute]
        await setup.mail(status, occurred_at=PAID_AT + minute * MINUTE)
    await setup.match()
    assert ["healed", "matched", "matched"] == sorted(await setup.states())
    [order] = await setup.rows("SELECT state, cycle FROM orders")
    assert ("paid", 2) == tuple(order)
    assert [] == await setup.rows(REVIEWS)


async def test_a_late_mail_is_what_judging_makes_of_it(setup: MailSetup) -> None:
    await setup.judged("01", "05")
    await setup.mail("04")
    await setup.match()
    [event] = await setup.rows("SELECT data FROM events WHERE status = '04'")
    assert ["late"] == event.data["flags"]
    [order] = await setup.rows("SELECT state FROM orders")
    assert "confirmed" == order.state


async def test_a_mail_that_is_not_believed_never_acts(setup: MailSetup) -> None:
    await setup.judged("01")
    await setup.keep(message(facts(), believed=False))
    await setup.keep(message(facts(clientip="2012000009"), message_id="2"))
    await setup.match()
    assert ["not_believed", "not_believed"] == await setup.states()
    beliefs = await setup.rows("SELECT belief FROM mails ORDER BY id")
    assert ["unsigned", "unknown_ip_code"] == [row.belief for row in beliefs]
    assert 1 == len(await setup.events())


async def test_a_message_is_kept_once(setup: MailSetup) -> None:
    first, second = await setup.mail(occurred_at=PAID_AT), await setup.mail(occurred_at=PAID_AT)
    assert first.id == second.id
    assert (False, True) == (first.is_known, second.is_known)


async def test_a_message_is_the_same_however_its_lines_end(setup: MailSetup) -> None:
    raw = message(facts("04"))
    unix = raw.replace(b"\r\n", b"\n")
    assert unix != unix.replace(b"\n", b"\r\n")
    async with setup.sessions.begin() as session:
        kept = [
            await keep_mail(session, one, "api")
            for one in (unix, unix.replace(b"\n", b"\r\n"), unix + b"\r")
        ]
    assert [False, True, False] == [one.is_known for one in kept]


async def test_two_mails_in_one_message_each_have_their_call(setup: MailSetup) -> None:
    both = write_mail(facts("01")) + "\n" + write_mail(facts("04"))
    await setup.keep(message(facts("01"), text=both))
    await setup.match()
    assert ["healed", "healed"] == await setup.states()
    assert ["order.accepted", "payment.received"] == [event for event, _ in await setup.events()]
    parts = await setup.rows("SELECT part, length(raw) > 0 AS has_raw FROM mails ORDER BY part")
    assert [(0, True), (1, False)] == [tuple(row) for row in parts]


async def test_the_review_of_a_lost_call_names_the_other_slip_of_its_application(
    setup: MailSetup,
) -> None:
    await setup.judged("01", order_no="A-1", sendid="")
    await setup.judged("01", order_no="A-2", sendid="")
    application_id = str(await application(setup))
    await setup.run("UPDATE orders SET application_id = :id", id=application_id)
    await setup.mail(order_no="A-2")
    await setup.match("observe")
    [event] = await setup.rows("SELECT data FROM events WHERE type = 'review.required'")
    assert ["A-1"] == [one["order_no"] for one in event.data["related_orders"]]
