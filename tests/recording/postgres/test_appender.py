"""Appender: no caller waits longer than its share, or for an appender that ended."""

import asyncio
from pathlib import Path

import pytest

from app.db.connections import connect
from app.recording.fallback import FallbackChain
from app.recording.postgres.appender import Appender, DatabaseAway
from app.recording.spool.spool import Spool
from app.recording.spool.status import show_spool
from tests.recording.recording_setup import (
    LIMIT,
    gather_appends,
    make_notice,
    running_chain,
    stored_ids,
    until,
)


async def test_those_who_wait_when_the_breaker_trips_by_itself_are_sent_elsewhere(
    database_url: str, tmp_path: Path
) -> None:
    """Its first probe may fail during a commit. It succeeds in the end."""
    under_way, waiting = make_notice(1), [make_notice(number) for number in range(2, 600)]
    locker = await connect(database_url)
    async with running_chain(database_url, tmp_path, budget=10.0, drains=False) as running:
        await running.chain.append(make_notice(0))
        await locker.execute("BEGIN; LOCK TABLE notices IN EXCLUSIVE MODE")
        first = asyncio.create_task(running.chain.append(under_way))
        await asyncio.sleep(0.2)
        others = asyncio.create_task(gather_appends(running.chain, waiting))
        await asyncio.sleep(0.2)
        running.appender.breaker.trip("the test")
        await locker.close()
        async with asyncio.timeout(0.8):  # the next probe comes after a second
            await first
            await others
    assert under_way.id in await stored_ids(database_url)
    assert show_spool(tmp_path).records == len(waiting)


async def test_what_comes_while_the_appender_is_cancelled_and_after_goes_to_the_spool(
    database_url: str, tmp_path: Path
) -> None:
    locker = await connect(database_url)
    await locker.execute("BEGIN; LOCK TABLE notices IN EXCLUSIVE MODE")
    appender, spool = Appender(database_url, on_commit=lambda: None), Spool(tmp_path, limit=LIMIT)
    chain = FallbackChain(appender, spool)
    running = asyncio.create_task(appender.run())
    calls = [asyncio.create_task(chain.append(make_notice(0)))]
    await until(lambda: _waits_for_a_lock(database_url))
    calls += [asyncio.create_task(chain.append(make_notice(number))) for number in range(1, 400)]
    await asyncio.sleep(0)
    running.cancel()
    for number in range(400, 405):
        calls.append(asyncio.create_task(chain.append(make_notice(number))))
        await asyncio.sleep(0)
    async with asyncio.timeout(2):
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.gather(*calls, chain.append(make_notice(405)))
    await spool.close()
    await locker.close()
    assert show_spool(tmp_path).records == 406


async def _waits_for_a_lock(url: str) -> bool:
    connection = await connect(url)
    try:
        waits = """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
        """
        return bool(await connection.fetchval(waits))
    finally:
        await connection.close()


async def test_an_appender_that_ended_before_it_began_keeps_nobody_waiting(
    database_url: str,
) -> None:
    appender = Appender(database_url, on_commit=lambda: None)
    running = asyncio.create_task(appender.run())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with pytest.raises(DatabaseAway):
        await asyncio.wait_for(appender.append(make_notice()), 1)


async def test_a_cancelled_appender_leaves_no_connection_behind(database_url: str) -> None:
    locker = await connect(database_url)
    await locker.execute("BEGIN; LOCK TABLE notices IN EXCLUSIVE MODE")
    appender = Appender(database_url, on_commit=lambda: None)
    running = asyncio.create_task(appender.run())
    call = asyncio.create_task(appender.append(make_notice()))
    await until(lambda: _waits_for_a_lock(database_url))
    running.cancel()
    await asyncio.gather(running, call, return_exceptions=True)
    await locker.close()
    await until(lambda: _has_no_appender(database_url))
    assert call.cancelled() or isinstance(call.exception(), DatabaseAway)


async def _has_no_appender(url: str) -> bool:
    connection = await connect(url)
    try:
        theirs = """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'zeus-relay appender'
        """
        return not await connection.fetchval(theirs)
    finally:
        await connection.close()
