"""Indexes of the operator's side: built without blocking calls, and built again if interrupted."""

import asyncio
import importlib.util

from app.db.connections import Connection, connect
from app.db.migrations import SCRIPTS, head, migrate

BEFORE = "0003"
_INSERT = (
    "INSERT INTO notices (id, lane, received_at, source, method, target, headers, body) "
    "VALUES (gen_random_uuid(), 1, now(), '192.0.2.1', 'GET', '', '', '')"
)


def _names() -> set[str]:
    specification = importlib.util.spec_from_file_location(
        "operator_indexes", SCRIPTS / "versions" / "2026_11_23_operator_indexes.py"
    )
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    later = {"notices_telno_tail_idx", "orders_sendid_idx"}  # later migrations drop these
    return set(module.INDEXES) - later


async def _valid(connection: Connection) -> dict[str, bool]:
    rows = await connection.fetch(
        "SELECT relname, indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
    )
    return {row["relname"]: row["indisvalid"] for row in rows if row["relname"] in _names()}


async def test_calls_are_recorded_while_a_long_transaction_delays_the_build(
    empty_database_url: str,
) -> None:
    assert BEFORE == await migrate(empty_database_url, BEFORE)
    holder, caller = await connect(empty_database_url), await connect(empty_database_url)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute(_INSERT)  # like a receiver before its commit
    building = asyncio.create_task(migrate(empty_database_url))
    for _ in range(50):  # five seconds: longer than one attempt
        await asyncio.wait_for(caller.execute(_INSERT), 2)
        await asyncio.sleep(0.1)
    assert not building.done()
    await transaction.rollback()
    assert head() == await building
    assert dict.fromkeys(_names(), True) == await _valid(caller)
    assert await caller.fetchval("SELECT count(*) FROM notices") == 50
    await holder.close()
    await caller.close()


async def test_an_invalid_index_is_built_again(empty_database_url: str) -> None:
    await migrate(empty_database_url, BEFORE)
    connection = await connect(empty_database_url)
    await connection.execute(
        "CREATE INDEX orders_created_idx ON orders (order_no)"
    )  # another definition, and marked as interrupted
    await connection.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_created_idx'::regclass"
    )
    assert head() == await migrate(empty_database_url)
    assert dict.fromkeys(_names(), True) == await _valid(connection)
    definition = await connection.fetchval("SELECT pg_get_indexdef('orders_created_idx'::regclass)")
    assert definition.endswith("(created_at, order_no)")
    await connection.close()


async def test_existing_orders_get_the_last_digits_of_their_telephone_numbers(
    empty_database_url: str,
) -> None:
    await migrate(empty_database_url, "0010")
    connection = await connect(empty_database_url)
    calls = (
        ("a", "0312345678"),
        ("a", ""),
        ("b", ""),
        ("c", None),
        ("d", "0311112222"),
        ("d", "0311113333"),
    )
    for number, (order_no, telno) in enumerate(calls):
        await connection.execute(
            "INSERT INTO notices (id, lane, received_at, source, method, target, headers, body, "
            "verdict, order_no, parameters) "
            "VALUES (lpad($1::int::text, 32, '0')::uuid, 1, now(), '192.0.2.1', 'GET', '', '', '', "
            "'accepted', $2, "
            "  jsonb_strip_nulls(jsonb_build_object('telno', $3::text)))",
            number,
            order_no,
            telno,
        )
    await connection.execute(
        "INSERT INTO orders (order_no, status, state, cycle, sequence) "
        "SELECT DISTINCT order_no, '01', 'awaiting_payment', 1, 1 FROM notices"
    )
    assert head() == await migrate(empty_database_url)
    tails = {
        row["order_no"]: row["telno_tail"]
        for row in await connection.fetch("SELECT order_no, telno_tail FROM orders")
    }
    assert {"a": "5678", "b": None, "c": None, "d": "3333"} == tails
    await connection.close()
