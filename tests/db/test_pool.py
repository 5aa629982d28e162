"""Pool of connections: which one is used next, and which one no more."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.db.connections import connect
from app.db.engine import make_engine


async def pid_of(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())


async def two(engine: AsyncEngine) -> tuple[int, int]:
    """Return the server processes of two connections, in the order of their return."""
    first, second = await engine.connect(), await engine.connect()
    pids = (await pid_of(first), await pid_of(second))
    await first.close()
    await second.close()
    return pids


async def next_pid(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return await pid_of(connection)


async def test_the_connection_that_was_returned_last_is_used_next(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=2)
    _, last = await two(engine)
    assert [last] * 5 == [await next_pid(engine) for _ in range(5)]
    await engine.dispose()


async def test_a_connection_that_was_idle_for_too_long_is_replaced(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=2, idle_s=0.2)
    idle = await two(engine)
    await asyncio.sleep(0.3)
    fresh = await next_pid(engine)
    assert fresh not in idle
    assert fresh == await next_pid(engine)
    await engine.dispose()


async def test_a_connection_that_the_server_has_closed_is_replaced(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1)
    ended = await next_pid(engine)
    admin = await connect(database_url)
    await admin.execute("SELECT pg_terminate_backend($1)", ended)
    await asyncio.sleep(0.2)
    assert ended != await next_pid(engine)
    await admin.close()
    await engine.dispose()
