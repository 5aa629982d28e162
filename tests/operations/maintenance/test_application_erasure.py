"""Erasure of personal data of applications: old ones, and those of one order."""

from datetime import timedelta

import pytest

from app.db.engine import Sessions
from app.db.tables.applications import ApplicationRow
from app.operations.errors import OrderNotFound
from app.operations.maintenance.application_erasure import erase_old_applications
from app.operations.maintenance.erasure import erase_order
from tests.applications.application_setup import apply, applying, ok_answer, stored
from tests.operations.operations_setup import ADMIN, ORDER_NO, OperationsSetup
from tests.simulator.simulator_server import Answer, close_without_answer, listening, saying

AGE = timedelta(days=30)


async def applied(sessions: Sessions, answer: Answer | None = None) -> ApplicationRow:
    async with (
        listening(answer or saying(ok_answer())) as server,
        applying(sessions, server.url()) as applicant,
    ):
        return await apply(applicant)


async def traces(sessions: Sessions, row: ApplicationRow) -> bool:
    now = await stored(sessions, row)
    return now.customer is not None or now.form != b"" or now.answer is not None


async def test_old_applications_lose_their_customer_and_keep_their_slip(
    setup: OperationsSetup,
) -> None:
    row = await applied(setup.sessions)
    assert 0 == await erase_old_applications(setup.sessions, AGE)
    later = row.created_at + AGE + timedelta(minutes=1)
    assert 1 == await erase_old_applications(setup.sessions, AGE, at=later)
    assert not await traces(setup.sessions, row)
    kept = await stored(setup.sessions, row)
    assert ("accepted", row.order_no, row.sendpoint) == (kept.state, kept.order_no, kept.sendpoint)
    assert 0 == await erase_old_applications(setup.sessions, AGE, at=later)


async def test_an_unknown_application_keeps_its_customer_until_it_is_resolved(
    setup: OperationsSetup,
) -> None:
    row = await applied(setup.sessions, close_without_answer)
    later = row.created_at + AGE + timedelta(minutes=1)
    assert 0 == await erase_old_applications(setup.sessions, AGE, at=later)
    assert await traces(setup.sessions, row)
    await setup.run("UPDATE applications SET state = 'failed'")
    assert 1 == await erase_old_applications(setup.sessions, AGE, at=later)


async def test_the_erasure_of_an_order_includes_its_application(setup: OperationsSetup) -> None:
    row = await applied(setup.sessions)
    assert ORDER_NO == row.order_no
    erased = await erase_order(setup.sessions, ADMIN, ORDER_NO)
    assert (1, 0) == (erased.applications, erased.notices)
    assert not await traces(setup.sessions, row)
    with pytest.raises(OrderNotFound):
        await erase_order(setup.sessions, ADMIN, ORDER_NO)
