"""Answers that come after a call or an operator has resolved the application."""

import asyncio

from sqlalchemy import select, text

from app.db.engine import Sessions
from app.db.tables.applications import ApplicationRow
from app.db.tables.reviews import ReviewRow
from app.zeus.application_answer import write_answer
from tests.applications.application_setup import SLIP, apply, applying, ok_answer
from tests.simulator.simulator_server import listening

CALLED = "state = 'accepted', called_at = now(), resolved_at = now(), resolved_by = 'call'"


async def answered(
    sessions: Sessions, change: str, body: bytes | None = None
) -> tuple[ApplicationRow, list[str]]:
    """Apply; `change` happens before the answer. Return the row and the reasons of reviews."""

    async def answer(_: bytes, writer: asyncio.StreamWriter) -> None:
        async with sessions.begin() as session:
            await session.execute(text(f"UPDATE applications SET {change}"))
        writer.write(ok_answer(body))
        await writer.drain()
        writer.close()

    async with listening(answer) as server, applying(sessions, server.url()) as applicant:
        row = await apply(applicant)
    async with sessions() as session:
        return row, list(await session.scalars(select(ReviewRow.reason)))


async def test_an_answer_adds_to_what_a_call_resolved(sessions: Sessions) -> None:
    change = f"{CALLED}, order_no = '{SLIP['order_no']}', pay_no1 = '{SLIP['pay_no1']}'"
    row, reviews = await answered(sessions, change)
    assert ("accepted", "call", []) == (row.state, row.resolved_by, reviews)
    assert (SLIP["pay_url"], SLIP["pay_limit"]) == (row.pay_url, row.pay_limit)
    assert row.answered_at is not None
    assert b"Success_order" in (row.answer or b"")


async def test_another_order_number_opens_a_review_and_the_call_s_stays(
    sessions: Sessions,
) -> None:
    row, reviews = await answered(sessions, f"{CALLED}, order_no = '9999-9'")
    assert ("accepted", "9999-9", ["values_differ"]) == (row.state, row.order_no, reviews)
    assert row.pay_url is None, "it belongs to the other slip"


async def test_a_failure_after_an_accepted_call_opens_a_review(sessions: Sessions) -> None:
    body = write_answer({"rel": "failure_order", "error_code": "0008"})
    row, reviews = await answered(sessions, f"{CALLED}, order_no = '9999-9'", body)
    assert ("accepted", None, ["values_differ"]) == (row.state, row.error_code, reviews)


async def test_a_slip_outweighs_an_operator_s_word(sessions: Sessions) -> None:
    change = "state = 'failed', resolved_at = now(), resolved_by = 'sato'"
    row, reviews = await answered(sessions, change)
    assert ("accepted", SLIP["order_no"], ["values_differ"]) == (
        row.state,
        row.order_no,
        reviews,
    )
    assert "answer" == row.resolved_by
