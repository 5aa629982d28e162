"""Applying on a real database: recorded before it is sent, sent once, and guarded."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.applications.apply import ApplicationExists, KeyTaken, ReplacedUnknown
from app.applications.request import RequestRules
from app.applications.sending.send_limits import FAILURES
from app.applications.states import ApplicationState
from app.clock import uuid7
from app.crypto.reference import id_in
from app.db.engine import Sessions
from app.db.tables.applications import ApplicationRow
from app.zeus.application import decode_form
from tests.applications.application_setup import (
    CLIENTIP,
    KEYS,
    apply,
    applying,
    checked,
    ok_answer,
    simulated,
    stored,
)
from tests.simulator.simulator_server import close_without_answer, listening, saying

NOWHERE = "http://127.0.0.1:1/"


async def test_the_row_is_committed_before_the_form_is_posted(sessions: Sessions) -> None:
    seen: list[ApplicationRow] = []

    async def look(_: bytes, writer: asyncio.StreamWriter) -> None:
        async with sessions() as session:
            seen.extend(await session.scalars(select(ApplicationRow)))
        writer.write(ok_answer())
        await writer.drain()
        writer.close()

    async with listening(look) as server, applying(sessions, server.url()) as applicant:
        row = await apply(applicant)
    (sent,) = seen
    assert ("sending", "accepted") == (sent.state, row.state)
    assert server.requests[0].endswith(sent.form), "the exact bytes"
    assert sent.lost_after is not None
    assert sent.sent_at is not None
    values = decode_form(sent.form).values
    assert (row.id, True) == (id_in(row.sendpoint), KEYS.signed(row.sendpoint, CLIENTIP))
    assert row.sendpoint == values["sendpoint"]
    assert b"Success_order" in (row.answer or b"")


async def test_one_key_is_one_slip_however_often_it_comes(sessions: Sessions) -> None:
    async with (
        simulated() as (zeus, url),
        applying(sessions, url) as first,
        applying(sessions, url) as second,
    ):
        rows = await asyncio.gather(*(apply(one) for one in (first, second) * 5))
        later = await apply(second)
        assert 1 == len(zeus.store.slips())
    assert {rows[0].id} == {row.id for row in [*rows, later]}
    assert {"sending", "accepted"} >= {row.state for row in rows}
    assert "accepted" == later.state


async def test_a_key_belongs_to_its_request(sessions: Sessions) -> None:
    async with simulated() as (_, url), applying(sessions, url) as applicant:
        await apply(applicant)
        with pytest.raises(KeyTaken):
            await apply(applicant, request=checked(money=999))


async def test_an_unknown_application_is_never_sent_again(sessions: Sessions) -> None:
    async with (
        listening(close_without_answer) as server,
        applying(sessions, server.url()) as applicant,
    ):
        first = await apply(applicant)
        again = await apply(applicant)
    assert ("unknown", first.id, 1) == (again.state, again.id, again.tries)
    assert 1 == len(server.requests)


async def test_what_was_not_sent_is_sent_by_the_same_key_alone(sessions: Sessions) -> None:
    async with applying(sessions, NOWHERE) as applicant:
        first = await apply(applicant)
        second = await apply(applicant)
    assert ("not_sent", 1) == (first.state, first.tries)
    assert ("not_sent", 2, first.id) == (second.state, second.tries, second.id)
    async with simulated() as (_, url), applying(sessions, url) as applicant:
        third = await apply(applicant)
    assert ("accepted", 3, first.id) == (third.state, third.tries, third.id)
    assert first.sendpoint == third.sendpoint
    assert third.failure is None


async def test_many_failures_open_the_breaker(sessions: Sessions) -> None:
    async with applying(sessions, NOWHERE) as applicant:
        for number in range(FAILURES):
            await apply(applicant, f"key-{number}", checked(sendid=f"A-{number}"))
        refused = await apply(applicant, "one-more", checked(sendid="A"))
    assert "not_sent" == refused.state
    assert "moment ago" in (refused.failure or "")


async def test_one_live_slip_for_a_sendid(sessions: Sessions) -> None:
    async with simulated() as (_, url), applying(sessions, url) as applicant:
        first = await apply(applicant)
        with pytest.raises(ApplicationExists) as exists:
            await apply(applicant, "key-2")
        assert first.id == exists.value.application_id
        with pytest.raises(ReplacedUnknown):
            await apply(applicant, "key-2", checked(replaces=str(uuid7())))
        second = await apply(applicant, "key-2", checked(replaces=str(first.id)))
        with pytest.raises(ApplicationExists) as exists:
            await apply(applicant, "key-3", checked(replaces=str(first.id)))
        assert second.id == exists.value.application_id
        third = await apply(applicant, "key-3", checked(replaces=str(second.id)))
        assert "accepted" == third.state
        other = await apply(applicant, "key-4", checked(sendid="A-1002"))
        assert "accepted" == other.state


@pytest.mark.parametrize(
    ("change", "is_live"),
    [
        ("SET state = 'unknown'", True),
        ("SET state = 'sending'", True),
        ("SET state = 'failed'", False),
        ("SET state = 'rejected'", False),
        ("SET state = 'not_sent'", False),
        ("SET pay_limit = '20200101'", False),
        ("SET pay_limit = NULL", True),
    ],
)
async def test_which_applications_are_in_force(
    sessions: Sessions, change: str, is_live: bool
) -> None:
    async with simulated() as (_, url), applying(sessions, url) as applicant:
        await apply(applicant)
        async with sessions.begin() as session:
            await session.execute(text(f"UPDATE applications {change}"))
        if is_live:
            with pytest.raises(ApplicationExists):
                await apply(applicant, "key-2")
        else:
            assert "accepted" == (await apply(applicant, "key-2")).state


@pytest.mark.parametrize(
    ("state", "pay_limit", "is_live"),
    [
        ("awaiting_payment", "20991231", True),
        ("paid", "20200101", True),
        ("confirmed", "20200101", True),
        ("reversed", "20991231", True),
        ("reversed", "20200101", False),
        ("expired", "20991231", False),
        ("expiry_presumed", "20991231", False),
        ("failed", "20991231", False),
    ],
)
async def test_the_order_decides_if_a_slip_is_in_force(
    sessions: Sessions, state: str, pay_limit: str, is_live: bool
) -> None:
    async with simulated() as (_, url), applying(sessions, url) as applicant:
        row = await apply(applicant)
        async with sessions.begin() as session:
            await session.execute(
                text(
                    "INSERT INTO orders (order_no, status, state, cycle, sequence) "
                    "VALUES (:order_no, '01', :state, 1, 1)"
                ),
                {"order_no": row.order_no, "state": state},
            )
            await session.execute(
                text("UPDATE applications SET pay_limit = :day"), {"day": pay_limit}
            )
        if is_live:
            with pytest.raises(ApplicationExists):
                await apply(applicant, "key-2")
        else:
            assert "accepted" == (await apply(applicant, "key-2")).state


async def test_sendids_that_name_no_purchase_are_not_guarded(sessions: Sessions) -> None:
    rules = RequestRules((CLIENTIP,), one_purchase=False)
    async with simulated() as (_, url), applying(sessions, url, rules=rules) as applicant:
        first = await apply(applicant, "key-1")
        second = await apply(applicant, "key-2")
    assert first.id != second.id


async def test_applications_with_one_sendid_at_once_make_one_slip(sessions: Sessions) -> None:
    async with simulated() as (_, url), applying(sessions, url) as applicant:
        results = await asyncio.gather(
            *(apply(applicant, f"key-{number}") for number in range(8)), return_exceptions=True
        )
    made = [one for one in results if isinstance(one, ApplicationRow)]
    assert 1 == len(made)
    assert 7 == sum(isinstance(one, ApplicationExists) for one in results)


async def test_a_shop_that_goes_away_cuts_nothing_off(sessions: Sessions) -> None:
    async with (
        listening(saying(ok_answer(), after_s=0.5)) as server,
        applying(sessions, server.url()) as applicant,
    ):
        asking = asyncio.create_task(apply(applicant))
        while not server.requests:
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    async with sessions() as session:
        row = (await session.scalars(select(ApplicationRow))).one()
    assert "accepted" == row.state


async def test_an_answer_after_the_sender_was_given_up_still_counts(sessions: Sessions) -> None:
    async def lose(_: bytes, writer: asyncio.StreamWriter) -> None:
        async with sessions.begin() as session:
            await session.execute(text("UPDATE applications SET state = 'unknown'"))
        writer.write(ok_answer())
        await writer.drain()
        writer.close()

    async with listening(lose) as server, applying(sessions, server.url()) as applicant:
        row = await apply(applicant)
    assert ("accepted", "answer") == (row.state, row.resolved_by)
    assert row.resolved_at is not None


async def test_a_test_application_is_marked(sessions: Sessions) -> None:
    async with (
        simulated(test_ids=("12345678",)) as (_, url),
        applying(sessions, url) as applicant,
    ):
        row = await apply(applicant, request=checked(test="confirmed"))
    assert ("accepted", "confirmed") == (row.state, row.test)
    assert "1" == decode_form(row.form).values["test_type"]


async def test_a_merchant_s_own_sendpoint_is_sent_as_it_is(sessions: Sessions) -> None:
    async with simulated() as (_, url), applying(sessions, url) as applicant:
        row = await apply(applicant, request=checked(sendpoint="ref-7"))
    assert "ref-7" == row.sendpoint == decode_form(row.form).values["sendpoint"]


async def test_the_database_is_away_when_the_answer_comes(sessions: Sessions) -> None:
    """The answer is recorded once the row can be written again."""

    async def hold(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(ok_answer())
        await writer.drain()
        writer.close()

    async with listening(hold) as server, applying(sessions, server.url()) as applicant:
        async with sessions.begin() as session:
            await session.execute(
                text(
                    "ALTER TABLE applications ADD CONSTRAINT no_answer CHECK "
                    "(state IN ('sending', 'unknown'))"
                )
            )
        asking = asyncio.create_task(apply(applicant))
        while not server.requests:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        async with sessions.begin() as session:
            await session.execute(text("ALTER TABLE applications DROP CONSTRAINT no_answer"))
        row = await asking
    assert "accepted" == row.state
    assert timedelta(0) < (row.answered_at or row.created_at) - row.created_at
    assert "accepted" == (await stored(sessions, row)).state
    assert ApplicationState.ACCEPTED == row.state


@pytest.mark.parametrize("comes_through", [False, True])
async def test_a_recording_that_fails_is_taken_back(
    sessions: Sessions, comes_through: bool
) -> None:
    """Nothing was sent, whether or not the commit came through."""

    async def fail(session: AsyncSession, _: ApplicationRow) -> None:
        if comes_through:
            await session.commit()
        raise ConnectionResetError("the database is away")

    async with simulated() as (zeus, url), applying(sessions, url) as applicant:
        with pytest.raises(ConnectionResetError):
            await applicant.apply(checked(), "key-1", "suzuki", fail)
        async with asyncio.timeout(10), sessions() as session:
            while "sending" in await session.scalars(select(ApplicationRow.state)):
                await asyncio.sleep(0.1)
        assert [] == zeus.store.slips()
        row = await apply(applicant)
    assert ("accepted", 2 if comes_through else 1) == (row.state, row.tries)


@pytest.mark.parametrize("late_by", ["recording", "waiting for a place"])
async def test_nothing_is_sent_late(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, late_by: str
) -> None:
    """By then another process may have taken the application for lost."""
    monkeypatch.setattr("app.applications.apply._LATEST_START_SECONDS", 0.5)
    monkeypatch.setattr("app.applications.sending.send_limits.AT_THE_SAME_TIME", 1)
    recording = late_by == "recording"

    async def record(*_: Any) -> None:
        await asyncio.sleep(0.6 if recording else 0)

    async with (
        listening(saying(ok_answer(), after_s=0 if recording else 1.0)) as server,
        applying(sessions, server.url()) as applicant,
    ):
        first = None if recording else asyncio.create_task(apply(applicant))
        while first and not server.requests:
            await asyncio.sleep(0.01)
        late = await applicant.apply(checked(sendid="B"), "key-2", "suzuki", record)
        assert first is None or "accepted" == (await first).state
        requests = len(server.requests)
    assert ("not_sent", 0 if recording else 1) == (late.state, requests)
    assert "too long" in (late.failure or "")
