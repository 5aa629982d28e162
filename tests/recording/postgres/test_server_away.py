"""Servers stopped, crashed, frozen or moved, and PgBouncer: each call is answered in time and
stored once.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from sqlalchemy import text

from app.db.connections import connect, is_pooled
from app.db.engine import make_engine
from app.db.migrations import migrate
from app.db.notify import NOTICES, NotifyListener, Waker
from app.recording.fallback import DATABASE_SHARE
from app.recording.notice import RawNotice
from app.recording.postgres.appender import DatabaseAway
from app.recording.spool.status import show_spool
from bench.ports import free_port
from tests.fair_clock import fair_seconds
from tests.recording.own_server import PGBOUNCER, OwnServer, own_server, pgbouncer
from tests.recording.recording_setup import (
    Running,
    gather_appends,
    make_notice,
    running_chain,
    stored_ids,
    until,
)


@pytest.fixture(scope="module")
def migrated_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    """Yield this module's server."""
    with own_server(tmp_path_factory.mktemp("server")) as server:
        asyncio.run(migrate(server.url))
        yield server


@pytest.fixture
async def server(migrated_server: OwnServer) -> OwnServer:
    """Yield the module's server, running and without notices."""
    connection = await connect(migrated_server.url)
    await connection.execute("TRUNCATE notices, answers")
    await connection.close()
    return migrated_server


class Caller:
    """Caller that calls steadily, as Zeus does, once for each notice."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self.slowest = 0.0
        self.notices: list[RawNotice] = []
        self._calls: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float, rate: int = 100) -> None:
        """Call for some seconds."""
        for _ in range(int(seconds * rate)):
            self._calls.add(asyncio.create_task(self._call()))
            await asyncio.sleep(1 / rate)

    async def finish(self) -> None:
        """Wait for every answer. Raises the error of a call."""
        await asyncio.gather(*self._calls)

    async def _call(self) -> None:
        notice = make_notice(len(self.notices))
        self.notices.append(notice)
        started = fair_seconds()
        await self._running.chain.append(notice)
        self.slowest = max(self.slowest, fair_seconds() - started)


async def check_arrived(server_url: str, directory: Path, caller: Caller) -> None:
    await caller.finish()
    await until(lambda: show_spool(directory).segments == 0, 20)
    assert sorted(notice.id for notice in caller.notices) == await stored_ids(server_url)


async def test_a_server_that_is_stopped_and_started_again(
    server: OwnServer, tmp_path: Path
) -> None:
    async with running_chain(server.url, tmp_path / "spool") as running:
        caller = Caller(running)
        await caller.run(0.3)
        await asyncio.gather(asyncio.to_thread(server.stop), caller.run(1.5))
        assert not running.appender.breaker.available
        await asyncio.gather(asyncio.to_thread(server.start), caller.run(1.0))
        await check_arrived(server.url, tmp_path / "spool", caller)
        await until(lambda: running.appender.breaker.available)
    assert caller.slowest < 2.0


async def test_a_server_that_crashes_and_comes_back(server: OwnServer, tmp_path: Path) -> None:
    async with running_chain(server.url, tmp_path / "spool") as running:
        caller = Caller(running)
        await caller.run(0.3)
        await asyncio.gather(asyncio.to_thread(server.stop, "immediate"), caller.run(0.8))
        await asyncio.gather(asyncio.to_thread(server.start), caller.run(0.8))
        await check_arrived(server.url, tmp_path / "spool", caller)
    assert caller.slowest < 2.0


async def test_a_server_that_answers_nothing_any_more(server: OwnServer, tmp_path: Path) -> None:
    """Drop all packets: connections stay open and none is refused."""
    async with running_chain(server.url, tmp_path / "spool", budget=1.5) as running:
        caller = Caller(running)
        await caller.run(0.3)
        server.freeze(True)
        await caller.run(2.5)
        assert not running.appender.breaker.available
        server.freeze(False)
        await caller.run(0.5)
        await check_arrived(server.url, tmp_path / "spool", caller)
    assert caller.slowest < 1.5


@pytest.mark.parametrize(
    ("connected", "stall"), [(True, 1.0), (True, 10.0), (False, 1.0), (False, 10.0)]
)
async def test_many_callers_behind_a_stalled_commit_wait_no_longer_than_their_share(
    server: OwnServer, tmp_path: Path, connected: bool, stall: float
) -> None:
    """More notices than one batch takes.

    The first batch may be late, or the connection may stall.
    """
    share = 1.5
    waits: list[float] = []
    async with running_chain(
        server.url, tmp_path / "spool", budget=share / DATABASE_SHARE, drains=False
    ) as running:

        async def call(number: int) -> UUID | None:
            notice, started = make_notice(number), fair_seconds()
            try:
                await running.appender.append(notice)
            except DatabaseAway:
                return None
            finally:
                waits.append(fair_seconds() - started)
            return notice.id

        if connected:
            assert await call(0)
        server.freeze(True)
        thaw = asyncio.get_running_loop().call_later(stall, server.freeze, False)
        calls = []
        for number in range(1, 601):
            calls.append(asyncio.create_task(call(number)))
            await asyncio.sleep(0.001)
        committed = {notice_id for notice_id in await asyncio.gather(*calls) if notice_id}
        thaw.cancel()
        server.freeze(False)
    assert max(waits) < share + 0.3
    assert committed <= set(await stored_ids(server.url))
    assert bool(committed) == (stall < share)


def two_hosts(first: str, second: str) -> str:
    """Return one URL with the hosts of both."""
    hosts = ",".join(urlsplit(url).netloc.partition("@")[2] for url in (first, second))
    return urlsplit(first)._replace(netloc=f"postgres@{hosts}").geturl()


async def server_port(url: str) -> int:
    connection = await connect(url)
    try:
        return int(await connection.fetchval("SHOW port"))
    finally:
        await connection.close()


async def test_of_several_hosts_the_one_that_takes_writes_is_found(
    server: OwnServer, tmp_path: Path
) -> None:
    nobody = f"postgresql://127.0.0.1:{free_port()}/postgres"
    assert await server_port(two_hosts(nobody, server.url)) == server.port
    with own_server(tmp_path / "second", "default_transaction_read_only=on") as read_only:
        both = two_hosts(read_only.url, server.url)
        assert await server_port(both) == server.port
        engine = make_engine(both)
        async with engine.connect() as connection:
            assert await connection.scalar(text("SHOW port")) == str(server.port)
        await engine.dispose()


async def test_a_host_that_swallows_packets_delays_the_next_by_two_seconds_and_only_once(
    server: OwnServer, tmp_path: Path
) -> None:
    with own_server(tmp_path / "second") as hole:
        hole.freeze(True)
        both = two_hosts(hole.url, server.url)
        started = fair_seconds()
        assert await server_port(both) == server.port
        assert fair_seconds() - started < 3
        started = fair_seconds()
        assert await server_port(both) == server.port
        assert fair_seconds() - started < 1


needs_pgbouncer = pytest.mark.skipif(not PGBOUNCER.exists(), reason="PgBouncer is not installed")


@needs_pgbouncer
@pytest.mark.parametrize(
    "settings", [(), ("ignore_startup_parameters = statement_timeout,lock_timeout,jit",)]
)
async def test_behind_pgbouncer_calls_are_recorded_and_drained(
    server: OwnServer, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    with pgbouncer(tmp_path / "bouncer", server.port, *settings) as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        assert not is_pooled(url)
        async with running_chain(url, tmp_path / "spool") as running:
            caller = Caller(running)
            await caller.run(0.5)
            assert is_pooled(url)
            await gather_appends(running.chain, [])
            assert show_spool(tmp_path / "spool").segments == 0
            await asyncio.gather(asyncio.to_thread(server.stop), caller.run(0.8))
            await asyncio.gather(asyncio.to_thread(server.start), caller.run(0.8))
            await check_arrived(server.url, tmp_path / "spool", caller)


@needs_pgbouncer
async def test_behind_pgbouncer_sessions_share_servers_without_mixing_statements(
    server: OwnServer, tmp_path: Path
) -> None:
    with pgbouncer(tmp_path / "bouncer", server.port) as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        engines = [make_engine(url) for _ in range(2)]

        async def ask(number: int) -> None:
            async with engines[number % 2].connect() as connection:
                for step in range(10):
                    statement = text(f"SELECT CAST(:value AS integer) + {(number + step) % 7}")
                    assert (
                        await connection.scalar(statement, {"value": number})
                        == number + (number + step) % 7
                    )
                    await connection.commit()

        await asyncio.gather(*(ask(number) for number in range(20)))
        for engine in engines:
            await engine.dispose()


@needs_pgbouncer
async def test_behind_pgbouncer_nobody_listens_and_waiting_polls(
    server: OwnServer, tmp_path: Path
) -> None:
    with pgbouncer(tmp_path / "bouncer", server.port) as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        listener, waker = NotifyListener(url, (NOTICES,)), Waker(url, NOTICES)
        tasks = [asyncio.create_task(listener.run()), asyncio.create_task(waker.run())]
        await until(lambda: is_pooled(url))
        waker.wake()
        started = fair_seconds()
        await listener.wait(NOTICES, 0.3)
        assert fair_seconds() - started < 1
        connection = await connect(server.url)
        listens = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        assert await connection.fetchval(listens) == 0
        await connection.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
