"""Advice on database errors, from errors of a real server."""

import pytest
from sqlalchemy import text

from app.db.connections import connect
from app.db.engine import make_engine, make_sessions
from app.db.error_advice import problem_of
from app.db.sqlstates import DatabaseProblem
from tests.conftest import with_database


async def _error_of(url: str, statement: str = "SELECT 1") -> Exception:
    engine = make_engine(url, pool_size=1)
    try:
        with pytest.raises(Exception) as raised:
            async with make_sessions(engine)() as session:
                await session.execute(text(statement))
    finally:
        await engine.dispose()
    return raised.value


async def test_a_missing_database_is_unreachable(database_url: str) -> None:
    for url in (
        "postgresql://relay@127.0.0.1:1/relay",
        "postgresql://relay@no-such-host.invalid/x",
        with_database(database_url, "none"),
    ):
        assert DatabaseProblem.UNREACHABLE is problem_of(await _error_of(url))


async def test_missing_tables_are_not_migrated(database_url: str) -> None:
    assert DatabaseProblem.NOT_MIGRATED is problem_of(
        await _error_of(database_url, "SELECT 1 FROM no_such_table")
    )
    assert DatabaseProblem.NOT_MIGRATED is problem_of(
        await _error_of(database_url, "SELECT no_such_column FROM notices")
    )


async def test_a_dropped_connection_is_unreachable(database_url: str) -> None:
    assert DatabaseProblem.UNREACHABLE is problem_of(
        await _error_of(database_url, "SELECT pg_terminate_backend(pg_backend_pid())")
    )
    engine = make_engine(database_url, pool_size=1)
    sessions = make_sessions(engine)
    async with sessions() as session:
        await _terminate(database_url, await session.scalar(text("SELECT pg_backend_pid()")))
        with pytest.raises(Exception) as raised:
            await session.execute(text("SELECT 1"))
    assert DatabaseProblem.UNREACHABLE is problem_of(raised.value)
    async with sessions() as session:
        assert 1 == await session.scalar(text("SELECT 1")), (
            "the next session gets a live connection"
        )
    await engine.dispose()


async def _terminate(database_url: str, pid: int | None) -> None:
    other = await connect(database_url)
    await other.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    await other.close()


async def test_a_statement_timeout_is_busy(database_url: str) -> None:
    slow = "SET statement_timeout = 1; SELECT pg_sleep(1)"
    connection = await connect(database_url)
    with pytest.raises(Exception) as raised:
        await connection.execute(slow)
    await connection.close()
    assert DatabaseProblem.BUSY is problem_of(raised.value)


async def test_a_defect_of_our_own_has_no_advice(database_url: str) -> None:
    assert None is problem_of(await _error_of(database_url, "SELECT 1/0"))
    assert None is problem_of(await _error_of(database_url, "SELEKT"))
    assert None is problem_of(KeyError("x"))
