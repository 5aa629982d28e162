"""Fallback chain on a real Postgres that fails in every way: calls are recorded in time, once."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.db.connections import connect
from app.recording.notice import HoldExpired, Unstorable
from app.recording.spool.status import show_spool
from tests.recording.recording_setup import (
    gather_appends,
    make_notice,
    running_chain,
    stored_ids,
    until,
)

NOWHERE = "postgresql://relay@127.0.0.1:1/relay"


def admin_url(url: str) -> str:
    """Return the URL of the server's maintenance database."""
    return urlsplit(url)._replace(path="/postgres").geturl()


def files_in(directory: Path) -> list[Path]:
    return list(directory.iterdir())


async def run_sql(url: str, statement: str) -> None:
    connection = await connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_while_postgres_is_there_nothing_is_spooled(
    database_url: str, tmp_path: Path
) -> None:
    notices = [make_notice(number) for number in range(100)]
    async with running_chain(database_url, tmp_path) as running:
        await gather_appends(running.chain, notices)
        assert running.chain.is_ready()
    assert [notice.id for notice in notices] == await stored_ids(database_url)
    assert files_in(tmp_path) == []


async def test_a_postgres_that_was_never_there_costs_no_call_its_answer(tmp_path: Path) -> None:
    async with running_chain(NOWHERE, tmp_path) as running:
        async with asyncio.timeout(2):
            await gather_appends(running.chain, [make_notice(number) for number in range(100)])
        assert running.chain.is_ready()
    assert show_spool(tmp_path).records == 100
    assert [path.stat().st_mode & 0o777 for path in files_in(tmp_path)] == [
        0o600
    ] * 2  # a segment and a lock


async def test_a_table_lock_sends_calls_to_the_spool_and_its_end_brings_them_back(
    database_url: str, tmp_path: Path
) -> None:
    first, second = (
        [make_notice(number) for number in range(20)],
        [make_notice(number) for number in range(20, 40)],
    )
    locker = await connect(database_url)
    await locker.execute("BEGIN; LOCK TABLE notices IN EXCLUSIVE MODE")
    async with running_chain(database_url, tmp_path, budget=1.0) as running:
        async with asyncio.timeout(1.0):
            await gather_appends(running.chain, first)
        assert not running.appender.breaker.available
        async with asyncio.timeout(0.3):  # known to be away: no caller waits for it again
            await gather_appends(running.chain, second)
        assert show_spool(tmp_path).records == 40
        await locker.close()
        await until(lambda: show_spool(tmp_path).segments == 0)
        assert running.appender.breaker.available
    assert [notice.id for notice in first + second] == await stored_ids(database_url)


async def test_a_server_that_became_read_only_counts_as_away(
    database_url: str, tmp_path: Path
) -> None:
    name = urlsplit(database_url).path[1:]
    notices = [make_notice(number) for number in range(3)]
    async with running_chain(database_url, tmp_path) as running:
        await running.chain.append(notices[0])
        await run_sql(database_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await end_backends(database_url)
        await running.chain.append(notices[1])
        assert show_spool(tmp_path).records == 1
        await run_sql(
            admin_url(database_url), f"ALTER DATABASE {name} RESET default_transaction_read_only"
        )
        await until(lambda: show_spool(tmp_path).segments == 0)
        await running.chain.append(notices[2])
    assert [notice.id for notice in notices] == await stored_ids(database_url)


async def end_backends(url: str) -> None:
    """End every connection to the database except ours."""
    await run_sql(
        admin_url(url),
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        f"WHERE datname = '{urlsplit(url).path[1:]}'",
    )


async def test_ended_connections_alone_send_nothing_to_the_spool(
    database_url: str, tmp_path: Path
) -> None:
    notices = [make_notice(number) for number in range(40)]
    async with running_chain(database_url, tmp_path, drains=False) as running:
        for start in range(0, 40, 10):
            await gather_appends(running.chain, notices[start : start + 10])
            await end_backends(database_url)
        assert running.appender.breaker.available
    assert show_spool(tmp_path).records == 0
    assert [notice.id for notice in notices] == await stored_ids(database_url)


async def test_backends_ended_under_load_lose_nothing_and_double_nothing(
    database_url: str, tmp_path: Path
) -> None:
    notices = [make_notice(number) for number in range(600)]
    async with running_chain(database_url, tmp_path) as running:
        for start in range(0, 600, 60):
            appending = asyncio.create_task(
                gather_appends(running.chain, notices[start : start + 60])
            )
            await asyncio.sleep(0.005)
            await end_backends(database_url)
            await appending
        await until(lambda: show_spool(tmp_path).segments == 0)
    assert sorted(notice.id for notice in notices) == await stored_ids(database_url)


async def test_a_database_without_free_connections_counts_as_away(
    database_url: str, tmp_path: Path
) -> None:
    name = urlsplit(database_url).path[1:]
    role = f"relay_{name[-8:]}"
    await run_sql(
        database_url,
        f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 0; "
        f"GRANT INSERT, SELECT ON notices, answers TO {role}",
    )
    url = urlsplit(database_url)._replace(netloc=f"{role}@").geturl()
    notice = make_notice()
    try:
        async with running_chain(url, tmp_path) as running:
            await running.chain.append(notice)
            assert show_spool(tmp_path).records == 1
            await run_sql(database_url, f"ALTER ROLE {role} CONNECTION LIMIT -1")
            await until(lambda: show_spool(tmp_path).segments == 0)
    finally:
        await run_sql(database_url, f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert [notice.id] == await stored_ids(database_url)


async def test_a_notice_that_postgres_refuses_is_kept_and_answered(
    database_url: str, tmp_path: Path
) -> None:
    good, bad = [make_notice(number) for number in range(30)], make_notice(99, method="GE\0T")
    async with running_chain(database_url, tmp_path) as running:
        await gather_appends(running.chain, [*good[:15], bad, *good[15:]])
        assert running.appender.breaker.available
    assert [notice.id for notice in good] == await stored_ids(database_url)
    assert show_spool(tmp_path).refused_records == 1
    assert show_spool(tmp_path).records == 0


async def test_a_caller_that_goes_away_while_postgres_has_its_call_leaves_it_recorded(
    database_url: str, tmp_path: Path
) -> None:
    notice = make_notice()
    locker = await connect(database_url)
    await locker.execute("BEGIN; LOCK TABLE notices IN EXCLUSIVE MODE")
    async with running_chain(database_url, tmp_path, budget=2.0) as running:
        caller = asyncio.create_task(running.chain.append(notice))
        await asyncio.sleep(0.1)
        caller.cancel()
        await until(lambda: show_spool(tmp_path).records == 1)
        await locker.close()
        await until(lambda: show_spool(tmp_path).segments == 0)
    assert [notice.id] == await stored_ids(database_url)


def unusable(tmp_path: Path) -> Path:
    """A spool directory that cannot exist: its parent is a file."""
    (tmp_path / "file").touch()
    return tmp_path / "file" / "spool"


async def test_a_held_call_is_answered_as_soon_as_postgres_is_back(
    database_url: str, tmp_path: Path
) -> None:
    notices = [make_notice(number) for number in range(50)]
    locker = await connect(database_url)
    await locker.execute("BEGIN; LOCK TABLE notices IN EXCLUSIVE MODE")
    async with running_chain(database_url, unusable(tmp_path), budget=0.5, drains=False) as running:
        calls = asyncio.create_task(gather_appends(running.chain, notices))
        await asyncio.sleep(1.5)
        assert not calls.done()
        assert not running.chain.is_ready()
        await locker.close()
        await calls
        assert running.chain.is_ready()
    assert [notice.id for notice in notices] == await stored_ids(database_url)


async def test_a_held_call_is_answered_as_soon_as_the_spool_can_be_written(tmp_path: Path) -> None:
    directory = unusable(tmp_path)
    async with running_chain(NOWHERE, directory, budget=0.5) as running:
        call = asyncio.create_task(running.chain.append(make_notice()))
        await asyncio.sleep(0.5)
        assert not call.done()
        (tmp_path / "file").unlink()
        async with asyncio.timeout(3):
            await call
    assert show_spool(directory).records == 1


async def test_a_hold_ends_without_an_answer_and_only_so_many_are_held(tmp_path: Path) -> None:
    async with running_chain(
        NOWHERE, unusable(tmp_path), budget=0.5, hold_limit=3, hold_seconds=2.5
    ) as running:
        outcomes = await asyncio.gather(
            *(running.chain.append(make_notice(number)) for number in range(10)),
            return_exceptions=True,
        )
    assert [type(outcome) for outcome in outcomes].count(HoldExpired) == 3
    assert [type(outcome) for outcome in outcomes].count(Unstorable) == 7


async def test_configured_to_answer_with_an_error_it_holds_no_call(tmp_path: Path) -> None:
    async with running_chain(
        NOWHERE, unusable(tmp_path), budget=0.5, when_unstorable="error"
    ) as running:
        with pytest.raises(Unstorable):
            await asyncio.wait_for(running.chain.append(make_notice()), 1.0)


async def test_a_full_spool_is_no_place_for_a_call(tmp_path: Path) -> None:
    async with running_chain(NOWHERE, tmp_path, limit=20_000, when_unstorable="error") as running:
        outcomes: list[BaseException | None] = []
        for number in range(100):
            outcomes += await asyncio.gather(
                running.chain.append(make_notice(number)), return_exceptions=True
            )
    recorded = outcomes.count(None)
    assert 10 < recorded < 100
    assert all(isinstance(outcome, Unstorable) for outcome in outcomes[recorded:])
    assert show_spool(tmp_path).records == recorded
    assert show_spool(tmp_path).bytes <= 21_000
