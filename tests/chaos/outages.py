"""Outages: each begins one, waits, and ends it, while the load goes on."""

import asyncio
import itertools
import json
import os
import random
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import asyncpg

from app.db.connections import Connection, connect
from app.recording.postgres.appender import SHARE_SECONDS
from tests.chaos.caller import ROOT
from tests.chaos.flood import Flood
from tests.chaos.programs import with_clock
from tests.chaos.site import Site
from tests.chaos.stores import blocking

_IN_FLIGHT_S = 0.5
"""How long calls wait before their receiver is killed.

It is well within Postgres's share of the answer budget, so no call is spooled.
"""
_HOG_S = 0.02
_STRANGERS = "127.9"
_FELT_BY = 300
"""Least number of rejected connections of a flood; with fewer it had no effect."""
_FLOOD_ENDS_S = 20.0
_STOP_S = 10.0
"""Longest stop of a process whose log nobody reads."""
_END_OURS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'zeus-relay %'
"""


async def postgres_stopped(site: Site) -> None:
    """Stop Postgres, as for a restart of its machine."""
    await blocking(site.store.server.stop)
    await asyncio.sleep(site.effort.outage_s)
    await blocking(site.store.server.start)


async def postgres_killed(site: Site) -> None:
    """Kill Postgres, and start it soon; it must recover first."""
    await blocking(site.store.server.kill)
    await asyncio.sleep(site.effort.outage_s / 3)
    await blocking(site.store.server.start)


async def failover(site: Site) -> None:
    """Lose the primary for good, and promote the standby after that was noticed."""
    assert site.store.standby
    await blocking(site.store.server.kill)
    await asyncio.sleep(site.effort.outage_s / 2)
    await blocking(site.store.standby.promote)


async def black_hole(site: Site) -> None:
    """Drop the packets to the server: connections get neither an error nor an answer."""
    assert site.store.network
    await blocking(site.store.network.drop, True)
    await asyncio.sleep(site.effort.outage_s)
    await blocking(site.store.network.drop, False)


async def no_connections(site: Site) -> None:
    """Take every connection that the service loses, and all free ones."""
    hogs: list[Connection] = []
    admin = await connect(site.store.admin_url)
    hogging = asyncio.create_task(_hog(site.store.url, hogs))
    try:
        for _ in range(10):
            await admin.execute(_END_OURS)
            await asyncio.sleep(0.1)
        await asyncio.sleep(site.effort.outage_s)
    finally:
        hogging.cancel()
        await asyncio.wait([hogging])
        for hog in hogs:
            await hog.close(timeout=5)
        await admin.close()


async def _hog(url: str, hogs: list[Connection]) -> None:
    while True:
        try:
            hogs.append(
                await asyncpg.connect(url, server_settings={"application_name": "another client"})
            )
        except asyncpg.TooManyConnectionsError:
            await asyncio.sleep(_HOG_S)


async def table_locked(site: Site) -> None:
    """Lock the table of notices, as a migration might, for longer than a call waits for it."""
    async with _locked_notices(site):
        await asyncio.sleep(max(site.effort.outage_s, SHARE_SECONDS + 1))


async def read_only(site: Site) -> None:
    """Make the server read-only, as after a failed failover. Connections stay open."""
    admin = await connect(site.store.admin_url)
    try:
        await admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await admin.execute("SELECT pg_reload_conf()")
        await asyncio.sleep(site.effort.outage_s)
        await admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await admin.execute("SELECT pg_reload_conf()")
    finally:
        await admin.close()


async def pooler_restarted(site: Site) -> None:
    """Break every connection and allow none for a moment. Twice."""
    assert site.store.pooler
    for _ in range(2):
        await blocking(site.store.pooler.stop)
        await asyncio.sleep(1)
        await blocking(site.store.pooler.start)
        await asyncio.sleep(site.effort.outage_s / 3)


async def receivers_restarted(site: Site) -> None:
    """Deploy: stop each receiver in turn, and start another in its place."""
    for number in range(len(site.receivers)):
        process = site.receivers[number].process
        process.terminate()
        await process.ended()
        await asyncio.sleep(site.effort.calm_s / 2)
        await site.start_receiver(number)
        await asyncio.sleep(site.effort.calm_s)


async def receiver_killed(site: Site) -> None:
    """Kill a receiver with calls in flight that it has read and not answered. Start it later."""
    async with _locked_notices(site):
        await asyncio.sleep(_IN_FLIGHT_S)
        await blocking(site.receivers[0].process.kill)
    await asyncio.sleep(site.effort.outage_s)
    await site.start_receiver(0)


async def worker_killed(site: Site) -> None:
    """Kill each worker in turn, during its work."""
    for number, worker in enumerate(list(site.workers)):
        await blocking(worker.kill)
        await asyncio.sleep(site.effort.outage_s / 3)
        await site.start_worker(number)


async def workers_killed_often(site: Site) -> None:
    """Kill the workers in turn, soon after each has begun to work."""
    ends = asyncio.get_running_loop().time() + site.effort.outage_s
    for number in itertools.cycle(range(len(site.workers))):
        await blocking(site.workers[number].kill)
        await site.start_worker(number)
        await asyncio.sleep(random.uniform(0, 1))
        if asyncio.get_running_loop().time() > ends:
            return


async def clocks_wrong(site: Site) -> None:
    """Give each worker a wrong clock: the first is 400 days ahead, the next 400 days behind."""
    for number, worker in enumerate(list(site.workers)):
        await blocking(worker.kill)
        await site.start_worker(number, with_clock(400 if number % 2 == 0 else -400))
    await asyncio.sleep(site.effort.outage_s)


async def everything(site: Site) -> None:
    """Stop Postgres, kill a receiver with calls in its spool, and start it before Postgres."""
    await blocking(site.store.server.stop)
    await asyncio.sleep(site.effort.outage_s / 3)
    await blocking(site.receivers[0].process.kill)
    if (
        len(site.receivers) > 1
    ):  # else calls wait at the proxy, and a supervisor starts it immediately
        await asyncio.sleep(site.effort.outage_s / 3)
    await site.start_receiver(0)
    await asyncio.sleep(site.effort.outage_s / 3)
    await blocking(site.store.server.start)


async def spool_full(site: Site) -> None:
    """Stop Postgres until the spool is full, but not for so long that held calls take 10 s."""
    await blocking(site.store.server.stop)
    await asyncio.sleep(min(site.effort.outage_s, 6))
    await blocking(site.store.server.start)


async def flood(site: Site) -> None:
    """Flood the receivers with malformed traffic."""
    job = Flood([receiver.port for receiver in site.receivers], _STRANGERS)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.chaos.flood",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdin
        process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
        await asyncio.sleep(site.effort.outage_s)
        rejected, _ = await asyncio.wait_for(process.communicate(b""), _FLOOD_ENDS_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert int(rejected) >= _FELT_BY, (
        f"nobody felt the flood: {int(rejected)} connections were rejected"
    )


async def log_reader_stuck(site: Site) -> None:
    """Stop reading the logs; meanwhile one worker must stop and another start."""
    stuck = [receiver.process for receiver in site.receivers] + site.workers
    for process in stuck:
        process.log_reader.stop_reading()
    await asyncio.sleep(site.effort.outage_s / 2)
    assert all(process.log_reader.is_full() for process in stuck), (
        "nobody felt the outage: a log was not full"
    )
    site.workers[0].terminate()
    await site.workers[0].ended(_STOP_S)
    await site.start_worker(0)
    await asyncio.sleep(site.effort.outage_s / 2)
    for process in stuck:
        process.log_reader.resume_reading()


async def spool_removed(site: Site) -> None:
    """Remove the spool's directory while it holds calls, twice; move it; remove its locks."""
    harms = (shutil.rmtree, shutil.rmtree, _move_away, _remove_locks)
    await blocking(site.store.server.stop)
    for harm in harms:
        await asyncio.sleep(site.effort.outage_s / (len(harms) + 1))
        await blocking(harm, site.spool)
    await asyncio.sleep(site.effort.outage_s / (len(harms) + 1))
    await blocking(site.store.server.start)


async def spool_with_odd_entries(site: Site) -> None:
    """Put other things than segments into the spool, under the names of segments."""
    await blocking(_add_odd_entries, site.spool)
    await blocking(site.store.server.stop)
    await asyncio.sleep(site.effort.outage_s)
    await blocking(site.store.server.start)


def _move_away(directory: Path) -> None:
    directory.rename(directory.with_name("moved-spool"))


def _remove_locks(directory: Path) -> None:
    for path in directory.glob("*.lock"):
        path.unlink()


def _add_odd_entries(directory: Path) -> None:
    owners = iter(f"{number:012x}" for number in range(100))
    for suffix in ("spool", "refused", "torn", "lock"):
        for make in (Path.mkdir, os.mkfifo, _link, _make_sparse):
            owner = next(owners)
            stem = owner if suffix == "lock" else f"0000000000001-{owner}-000001-0011223344556677"
            make(directory / f"{stem}.{suffix}")


def _link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def _make_sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 3_000_000_000)


@asynccontextmanager
async def _locked_notices(site: Site) -> AsyncIterator[None]:
    admin = await connect(site.store.admin_url)
    try:
        async with admin.transaction():
            await admin.execute("LOCK TABLE notices IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await admin.close()
