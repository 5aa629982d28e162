"""Statements straight on the driver's connection: rows, transactions, errors, cancellation."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import text

from app.db.connections import connect
from app.db.driver.direct import Direct, direct_statement, direct_transaction
from app.db.engine import Sessions

PUT = text("INSERT INTO housekeeping_marks (name, position) VALUES (:name, :position)")
NAMES = text("SELECT name FROM housekeeping_marks WHERE name LIKE 'direct-%' ORDER BY name")
SUM = text("SELECT CAST(:first AS int) + CAST(:second AS int) AS sum").bindparams(second=2)
WHO = text("SELECT pg_backend_pid() AS pid")


async def names(sessions: Sessions) -> list[str]:
    async with direct_statement(sessions) as statements:
        return (await statements.execute(NAMES)).scalars()


async def put(statements: Direct, name: str) -> None:
    await statements.execute(PUT, {"name": name, "position": ""})


async def test_rows_have_their_columns_by_name_and_by_place(sessions: Sessions) -> None:
    async with direct_statement(sessions) as statements:
        row = (await statements.execute(SUM, {"first": 1})).one()
        assert (3, 3, 3) == (row.sum, row["sum"], row[0])
        assert {"sum": 3} == dict(row)
        with pytest.raises(AttributeError):
            row.other  # noqa: B018 - the access itself is tested
        assert [3] == (await statements.execute(SUM, {"first": 2, "second": 1})).scalars()


async def test_a_transaction_commits_at_its_end(sessions: Sessions) -> None:
    async with direct_transaction(sessions) as statements:
        await put(statements, "direct-1")
        assert [] == await names(sessions)
    assert ["direct-1"] == await names(sessions)


@pytest.mark.parametrize("error", [ZeroDivisionError, asyncpg.DataError])
async def test_an_error_rolls_back_and_keeps_the_connection(
    sessions: Sessions, error: type[Exception]
) -> None:
    pids: list[int] = []

    async def fail() -> None:
        async with direct_transaction(sessions) as statements:
            pids.extend((await statements.execute(WHO)).scalars())
            await put(statements, "direct-1")
            if error is ZeroDivisionError:
                raise ZeroDivisionError
            await statements.execute(text("SELECT 1 / 0"))

    with pytest.raises(error):
        await fail()
    assert [] == await names(sessions)
    async with direct_transaction(sessions) as statements:
        assert pids == (await statements.execute(WHO)).scalars()


async def test_a_cancellation_rolls_back_and_ends_the_connection(sessions: Sessions) -> None:
    pids: list[int] = []
    began = asyncio.Event()

    async def wait() -> None:
        async with direct_transaction(sessions) as statements:
            pids.extend((await statements.execute(WHO)).scalars())
            await put(statements, "direct-1")
            began.set()
            await statements.execute(text("SELECT pg_sleep(60)"))

    waiting = asyncio.create_task(wait())
    await began.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert [] == await names(sessions)
    async with direct_transaction(sessions) as statements:
        assert pids != (await statements.execute(WHO)).scalars()


async def test_a_connection_that_the_server_ended_is_replaced(
    sessions: Sessions, database_url: str
) -> None:
    async with direct_statement(sessions) as statements:
        [pid] = (await statements.execute(WHO)).scalars()
    other = await connect(database_url)
    assert await other.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
    await other.close()
    await asyncio.sleep(0.1)  # the driver learns of it when its loop runs
    async with direct_statement(sessions) as statements:
        assert [pid] != (await statements.execute(WHO)).scalars()
