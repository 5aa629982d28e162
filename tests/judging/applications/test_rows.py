"""Applications in Postgres: read under their locks, resolved by calls, by good plans."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import TextClause, text

from app.clock import uuid7
from app.crypto.vault import Vault
from app.db.connections import HELD_TO_INDEXES, connect
from app.db.driver.direct import Direct
from app.db.engine import Sessions
from app.judging.applications.rows import READ, review_keys
from app.judging.surroundings import read_surroundings
from app.operations.access.generated_keys import new_key
from app.order_life.applied import AppliedFor
from tests.judging.applied_setup import KEYS, application, judge_all, store
from tests.judging.judging_setup import append, fetch

CALL = {
    "order_no": "A-1",
    "clientip": "2012000001",
    "money": "5400",
    "sendid": "A-1001",
    "pay_cvs": "D001",
    "pay_no1": "123",
    "pay_limit": "20261231",
}


async def call(sessions: Sessions, status: str, applied: AppliedFor, **values: str) -> None:
    await append(sessions, {**CALL, "status": status, "sendpoint": applied.sendpoint, **values})


async def row_of(sessions: Sessions, applied: AppliedFor) -> dict[str, Any]:
    async with sessions() as session:
        found = await session.execute(
            text("SELECT * FROM applications WHERE id = :id"), {"id": applied.id}
        )
        return dict(found.mappings().one())


async def ask(sessions: Sessions, applied: AppliedFor) -> None:
    """Open the reviews that ask for the outcome and for the call of an application."""
    async with sessions.begin() as session:
        for key in review_keys(applied.id):
            reason = key.partition(" ")[0]
            await session.execute(
                text("INSERT INTO reviews (id, reason, key, details) VALUES (:id, :r, :key, '{}')"),
                {"id": uuid7(), "r": reason, "key": key},
            )


@pytest.mark.parametrize("state", ["sending", "unknown"])
async def test_the_first_call_resolves_an_application(sessions: Sessions, state: str) -> None:
    applied = application(state=state, test=True)
    await store(sessions, applied)
    await ask(sessions, applied)
    await call(sessions, "01", applied)
    await judge_all(sessions)
    row = await row_of(sessions, applied)
    assert ("accepted", "A-1", "123", None, "20261231", "call") == tuple(
        row[name]
        for name in ("state", "order_no", "pay_no1", "pay_no2", "pay_limit", "resolved_by")
    )
    assert row["called_at"] is not None
    assert row["called_at"] <= row["resolved_at"]
    assert [("dismiss", "zeus-relay"), ("dismiss", "zeus-relay")] == await fetch(
        sessions, "SELECT settlement, settled_by FROM reviews"
    )
    assert [(applied.id, True)] == await fetch(sessions, "SELECT application_id, test FROM orders")
    assert [(str(applied.id), "true", True)] == await fetch(
        sessions, "SELECT data->>'application_id', data->>'test', test FROM events"
    )


async def test_a_later_call_changes_no_time(sessions: Sessions) -> None:
    applied = application(state="accepted", order_no="A-1", pay_no1="123")
    await store(sessions, applied)
    await call(sessions, "01", applied)
    await judge_all(sessions)
    first = await row_of(sessions, applied)
    assert ("accepted", None, None) == (
        first["state"],
        first["resolved_at"],
        first["resolved_by"],
    )
    assert first["called_at"] is not None
    await call(sessions, "04", applied)
    await judge_all(sessions)
    assert first == await row_of(sessions, applied)


async def test_a_failed_call_ends_it_as_failed(sessions: Sessions) -> None:
    applied = application()
    await store(sessions, applied)
    await call(sessions, "02", applied, error_code="0013")
    await judge_all(sessions)
    row = await row_of(sessions, applied)
    assert ("failed", "0013", "call") == (row["state"], row["error_code"], row["resolved_by"])


async def test_the_number_of_an_accepted_application_links(sessions: Sessions) -> None:
    applied = application(state="accepted", order_no="A-1", sendpoint="ref-7")
    await store(sessions, applied)
    await call(sessions, "01", applied)
    await judge_all(sessions, applies=False)
    assert [None] == await fetch(sessions, "SELECT application_id FROM orders")
    await call(sessions, "04", applied, sendpoint="")
    await judge_all(sessions)
    assert [applied.id] == await fetch(sessions, "SELECT application_id FROM orders")
    assert (await row_of(sessions, applied))["called_at"] is not None


@pytest.mark.parametrize(
    ("state", "is_unwanted"),
    [("sending", True), ("accepted", True), ("unknown", True), ("failed", False)],
)
async def test_a_payment_of_a_replaced_application(
    sessions: Sessions, state: str, is_unwanted: bool
) -> None:
    applied = application()
    await store(sessions, applied)
    await store(sessions, application(state=state, order_no="A-2"), replaces=applied.id)
    await call(sessions, "04", applied)
    await judge_all(sessions)
    expected = ["unwanted_payment"] if is_unwanted else []
    assert expected == await fetch(sessions, "SELECT reason FROM reviews")


async def test_slips_of_one_application_are_related(sessions: Sessions) -> None:
    applied = application(sendid=None)
    await store(sessions, applied)
    for number in ("A-1", "A-2"):
        await call(sessions, "04", applied, order_no=number, sendid="")
        await judge_all(sessions)
    assert [("paid_twice", "A-2", "A-1")] == await fetch(
        sessions, "SELECT reason, order_no, related_order_no FROM reviews"
    )


async def test_a_forged_call_holds_a_known_order(sessions: Sessions) -> None:
    applied = application()
    await store(sessions, applied)
    forged = f"{applied.sendpoint[:-3]}abc"
    await call(sessions, "01", applied)
    await call(sessions, "05", applied, sendpoint=forged, money="1")
    await judge_all(sessions)
    await call(sessions, "05", applied)
    await judge_all(sessions)
    assert [("reference_forged", "A-1")] == await fetch(
        sessions, "SELECT reason, order_no FROM reviews"
    )
    types = await fetch(sessions, "SELECT type FROM events ORDER BY sequence")
    assert ["order.accepted", "review.required", "payment.confirmed"] == types


async def test_the_answer_and_the_first_call_wait_for_each_other(sessions: Sessions) -> None:
    """Whoever is first, both see each other, and the numbers of the answer stay."""
    for round_ in range(20):
        applied = application(state="sending", sendid=f"S-{round_}")
        await store(sessions, applied)
        values = {"order_no": f"A-{round_}", "sendid": f"S-{round_}", "pay_no1": "from call"}
        await call(sessions, "01", applied, **values)
        await asyncio.gather(judge_all(sessions), _answer(sessions, applied.id, f"A-{round_}"))
        row = await row_of(sessions, applied)
        assert ("accepted", f"A-{round_}") == (row["state"], row["order_no"])
        assert row["called_at"] is not None
        assert row["pay_no1"] in ("from answer", "from call")
        differs = await fetch(sessions, f"SELECT reason FROM reviews WHERE order_no = 'A-{round_}'")
        assert (["values_differ"] if row["pay_no1"] == "from answer" else []) == differs
        assert [applied.id] == await fetch(
            sessions, f"SELECT application_id FROM orders WHERE order_no = 'A-{round_}'"
        )


async def _answer(sessions: Sessions, application_id: UUID, order_no: str) -> None:
    """Record an answer as the sender does: under the row's lock, unless a call was first."""
    await asyncio.sleep(0)
    async with sessions.begin() as session:
        state = await session.scalar(
            text("SELECT state FROM applications WHERE id = :id FOR UPDATE"), {"id": application_id}
        )
        await asyncio.sleep(0.002)
        if state == "sending":
            await session.execute(
                text(
                    "UPDATE applications SET state = 'accepted', order_no = :order_no, "
                    "pay_no1 = 'from answer', answered_at = now() WHERE id = :id"
                ),
                {"id": application_id, "order_no": order_no},
            )


async def test_a_judge_waits_for_an_answer_that_is_being_recorded(sessions: Sessions) -> None:
    applied = application(state="sending")
    await store(sessions, applied)
    await call(sessions, "01", applied)
    async with sessions.begin() as session:
        await session.execute(
            text("SELECT 1 FROM applications WHERE id = :id FOR UPDATE"), {"id": applied.id}
        )
        judging = asyncio.create_task(judge_all(sessions))
        await asyncio.sleep(0.3)
        assert not judging.done()
        await session.execute(
            text("UPDATE applications SET state = 'accepted', order_no = 'A-1', pay_no1 = '9'")
        )
    await judging
    [details] = await fetch(sessions, "SELECT details FROM reviews WHERE reason = 'values_differ'")
    assert ["pay_no1"] == details["differing"]


async def test_batches_without_a_reference_ask_for_no_application(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []

    async def execute(direct: Direct, statement: TextClause, *args: Any) -> Any:
        statements.append(str(statement))
        return await real(direct, statement, *args)

    real = Direct.execute
    monkeypatch.setattr(Direct, "execute", execute)
    await append(sessions, {**CALL, "status": "04", "sendpoint": "ref-7"})
    await judge_all(sessions, applies=False)
    plain = len(statements)
    assert statements
    assert not any("FROM applications" in one for one in statements)
    await append(sessions, {**CALL, "order_no": "A-2", "status": "04", "sendid": ""})
    await judge_all(sessions)
    assert 1 == sum("FROM applications AS found" in one for one in statements[plain:])


async def test_plans_of_applications(database_url: str, sessions: Sessions) -> None:
    connection = await connect(database_url, planner=HELD_TO_INDEXES)
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    sql = READ.text.replace(":ids", "$1").replace(":order_nos", "$2")
    await connection.execute(f"PREPARE found AS {sql}")
    await connection.execute("""
INSERT INTO applications (id, key, request_hash, created_by, state, clientip, money, pay_cvs,
  sendpoint, form, order_no)
SELECT gen_random_uuid(), 'key-' || n, '', 'shop', 'accepted', '2012000001', 5400, 'D001', '', '',
  'N-' || n FROM generate_series(1, 20000) AS n""")
    await connection.execute("ANALYZE applications")
    some = await connection.fetchval("SELECT id FROM applications LIMIT 1")
    answer = await connection.fetchval(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE found ('{{{some}}}', '{{N-5}}')"
    )
    await connection.close()
    plan = json.loads(answer)[0]["Plan"]
    assert "Seq Scan" not in answer
    assert 2 == plan["Actual Rows"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 60


async def test_many_orders_beside_an_application_are_not_read(sessions: Sessions) -> None:
    applied = application(sendid=None)
    await store(sessions, applied)
    await call(sessions, "01", applied, sendid="")
    await append(sessions, *({**CALL, "order_no": f"B-{n}", "status": "01"} for n in range(5)))
    await judge_all(sessions)
    async with sessions() as session:
        around = await read_surroundings(session, (), (), (), [applied.id])
    assert {applied.id: {"A-1"}} == {
        key: set(found) for key, found in around.purchases.of_applications.items()
    }


async def test_the_keys_are_read_once_more_before_a_call_counts_as_forged(
    sessions: Sessions,
) -> None:
    from app.applications.reference_keys import StoredReferenceKeys

    old, new = new_key(), new_key()
    theirs = await StoredReferenceKeys.load(sessions, Vault([new, old]), [new])
    ours = StoredReferenceKeys(Vault([old, new]), [old])
    applied = application(theirs)
    await store(sessions, applied)
    await call(sessions, "01", applied)
    await call(sessions, "04", applied, sendpoint=application(KEYS).sendpoint)
    await judge_all(sessions, ours)
    assert ["accepted", "quarantined"] == await fetch(
        sessions, "SELECT verdict FROM notices ORDER BY id"
    )
