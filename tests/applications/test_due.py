"""What is due for applications: lost senders, unknown outcomes, calls that have not come."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from app.applications.due import DueApplications
from app.applications.linking import link_order
from app.db.engine import Sessions
from app.db.tables.applications import ApplicationRow
from app.db.tables.orders import EventRow, OrderRow
from app.db.tables.reviews import ReviewRow
from tests.applications.application_setup import SLIP, apply, applying, checked, ok_answer, stored
from tests.simulator.simulator_server import close_without_answer, listening, saying

DUE = timedelta(minutes=30)


@pytest.fixture
def due(sessions: Sessions) -> DueApplications:
    return DueApplications(sessions, DUE)


async def applied(sessions: Sessions, *, known: bool = True, key: str = "key-1") -> ApplicationRow:
    """An application: accepted if `known`, else unknown."""
    answer = saying(ok_answer()) if known else close_without_answer
    async with listening(answer) as server, applying(sessions, server.url()) as applicant:
        return await apply(applicant, key, checked(sendid=key, test="unpaid"))


async def age(sessions: Sessions, by: timedelta) -> None:
    """Let this time pass for all applications."""
    columns = ("created_at", "sent_at", "lost_after", "answered_at", "resolved_at")
    moved = ", ".join(f"{name} = {name} - CAST(:by AS interval)" for name in columns)
    async with sessions.begin() as session:
        await session.execute(text(f"UPDATE applications SET {moved}"), {"by": by})


async def reviews(sessions: Sessions) -> list[tuple[str, str | None, bool]]:
    async with sessions() as session:
        rows = await session.scalars(select(ReviewRow).order_by(ReviewRow.id))
        return [(row.reason, row.key, row.settled_at is None) for row in rows]


async def add_order(sessions: Sessions, **columns: object) -> None:
    given: dict[str, object] = {
        "order_no": SLIP["order_no"],
        "status": "01",
        "state": "awaiting_payment",
        "cycle": 1,
        "sequence": 1,
        **columns,
    }
    names, values = ", ".join(given), ", ".join(f":{name}" for name in given)
    async with sessions.begin() as session:
        await session.execute(text(f"INSERT INTO orders ({names}) VALUES ({values})"), given)


async def test_a_lost_sender_leaves_an_unknown_application(
    sessions: Sessions, due: DueApplications
) -> None:
    row = await applied(sessions, known=False)
    async with sessions.begin() as session:
        await session.execute(
            text(
                "UPDATE applications SET state = 'sending', answered_at = NULL, failure = NULL, "
                "lost_after = clock_timestamp() + interval '1 minute'"
            )
        )
    assert 0 == await due.run_batch()
    await age(sessions, timedelta(minutes=2))
    assert 1 == await due.run_batch()
    now = await stored(sessions, row)
    assert ("unknown", None) == (now.state, now.lost_after)
    assert now.failure
    assert 0 == await due.run_batch()


async def test_an_unknown_application_is_asked_about_once(
    sessions: Sessions, due: DueApplications
) -> None:
    row = await applied(sessions, known=False)
    assert 0 == await due.run_batch()
    await age(sessions, DUE)
    assert 1 == await due.run_batch()
    assert 0 == await due.run_batch()
    assert [("application_unknown", f"application_unknown {row.id}", True)] == await reviews(
        sessions
    )
    async with sessions() as session:
        (review,) = await session.scalars(select(ReviewRow))
    assert (str(row.id), 5400) == (review.details["application_id"], review.details["money"])
    assert "taro" not in str(review.details)


async def test_an_accepted_application_without_its_call_is_asked_about_once(
    sessions: Sessions, due: DueApplications
) -> None:
    row = await applied(sessions)
    assert 0 == await due.run_batch()
    await age(sessions, DUE)
    assert 1 == await due.run_batch()
    assert 0 == await due.run_batch()
    assert [("call_missing", f"call_missing {row.id}", True)] == await reviews(sessions)


async def test_a_call_that_came_unnoticed_is_linked_instead(
    sessions: Sessions, due: DueApplications
) -> None:
    row = await applied(sessions)
    await add_order(sessions)
    await age(sessions, DUE)
    assert 1 == await due.run_batch()
    assert [] == await reviews(sessions)
    assert (row.id, True) == await linked(sessions)
    assert (await stored(sessions, row)).called_at is not None
    assert 0 == await due.run_batch()


async def test_a_late_link_settles_the_review(sessions: Sessions, due: DueApplications) -> None:
    row = await applied(sessions)
    await age(sessions, DUE)
    await due.run_batch()
    await add_order(sessions)
    assert await link_order(sessions, row)
    assert [("call_missing", f"call_missing {row.id}", False)] == await reviews(sessions)


async def test_an_answer_finds_the_order_that_its_call_made_first(sessions: Sessions) -> None:
    await add_order(sessions)
    row = await applied(sessions)
    assert ("accepted", True) == (row.state, row.called_at is not None)
    assert (row.id, True) == await linked(sessions)


async def test_a_late_link_compares_and_tells_the_deadline(sessions: Sessions) -> None:
    """As the calls would have been judged that came before."""
    await add_order(sessions, money=100, pay_cvs="D002", clientip="2012000001")
    row = await applied(sessions)
    async with sessions() as session:
        order = (await session.scalars(select(OrderRow))).one()
        opened = {one.reason: one for one in await session.scalars(select(ReviewRow))}
        events = list(await session.scalars(select(EventRow).order_by(EventRow.sequence)))
    assert (row.id, SLIP["pay_limit"], 3) == (order.application_id, order.pay_limit, order.sequence)
    assert {"amount_differs", "values_differ"} == set(opened)
    assert {SLIP["order_no"]} == {one.order_no for one in opened.values()}
    details = {"applied": 5400, "called": 100, "application_id": str(row.id)}
    assert details == opened["amount_differs"].details
    assert ("D001", "D002") == (
        opened["values_differ"].details["values"]["pay_cvs"]["before"],
        opened["values_differ"].details["values"]["pay_cvs"]["now"],
    )
    assert [("review.required", 2), ("review.required", 3)] == [
        (event.type, event.sequence) for event in events
    ]
    assert {str(row.id)} == {event.data["application_id"] for event in events}
    assert await link_order(sessions, row)
    assert 2 == len(await reviews(sessions)), "only once"


async def linked(sessions: Sessions) -> tuple[UUID | None, bool]:
    async with sessions() as session:
        order = (await session.scalars(select(OrderRow))).one()
        return order.application_id, order.test


async def test_more_than_one_batch_is_handled_in_turn(
    sessions: Sessions, due: DueApplications
) -> None:
    row = await applied(sessions, known=False)
    columns = ", ".join(
        name
        for name in ApplicationRow.__table__.columns.keys()  # noqa: SIM118
        if name not in ("id", "key")
    )
    async with sessions.begin() as session:
        await session.execute(
            text(
                f"INSERT INTO applications (id, key, {columns}) "
                f"SELECT gen_random_uuid(), 'copy-' || n, {columns} "
                "FROM applications, generate_series(1, 150) AS n"
            )
        )
    await age(sessions, DUE)
    assert [100, 51, 0] == [await due.run_batch() for _ in range(3)]
    assert (await stored(sessions, row)).asked_at is not None
