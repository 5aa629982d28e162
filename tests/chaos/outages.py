"""The outages: each brings one about, lets it last, and ends it. The load goes on all the while."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import asyncpg

from app.db.connections import Connection, connect
from tests.chaos.caller import ROOT
from tests.chaos.flood import Flood
from tests.chaos.programs import with_clock
from tests.chaos.site import Site
from tests.chaos.stores import blocking

_IN_FLIGHT_S = 0.5
"""How long calls pile up before their receiver is killed: well within Postgres's share of the answer budget, so none is spooled."""
_HOG_S = 0.02
_STRANGERS = "127.9"
_FELT_BY = 300
"""Connections of a flood that are refused at least, or nobody felt it."""
_FLOOD_ENDS_S = 20.0
_STOP_S = 10.0
"""How long a process may take to stop when nobody reads its log."""
_END_OURS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'zeus-relay %'"


async def postgres_stopped(site: Site) -> None:
    """Stopped as for a restart of its machine."""
    await blocking(site.store.server.stop)
    await asyncio.sleep(site.effort.outage_s)
    await blocking(site.store.server.start)


async def postgres_killed(site: Site) -> None:
    """Killed, and started soon by whoever looks after it; it has to recover first."""
    await blocking(site.store.server.kill)
    await asyncio.sleep(site.effort.outage_s / 3)
    await blocking(site.store.server.start)


async def failover(site: Site) -> None:
    """The primary is gone for good; the standby is promoted once that has been noticed."""
    assert site.store.standby
    await blocking(site.store.server.kill)
    await asyncio.sleep(site.effort.outage_s / 2)
    await blocking(site.store.standby.promote)


async def black_hole(site: Site) -> None:
    """Packets to the server vanish. Nobody is refused, and nothing comes back."""
    assert site.store.network
    await blocking(site.store.network.drop, True)
    await asyncio.sleep(site.effort.outage_s)
    await blocking(site.store.network.drop, False)


async def no_connections(site: Site) -> None:
    """Others take every connection that the service loses, and all that are left."""
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
    """Somebody's migration holds the table of notices."""
    async with _locked_notices(site):
        await asyncio.sleep(site.effort.outage_s)


async def read_only(site: Site) -> None:
    """The server takes no writes, as after a failover that went wrong. Connections stay open."""
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
    """Every connection breaks at once, and for a moment there are none. Twice."""
    assert site.store.pooler
    for _ in range(2):
        await blocking(site.store.pooler.stop)
        await asyncio.sleep(1)
        await blocking(site.store.pooler.start)
        await asyncio.sleep(site.effort.outage_s / 3)


async def receivers_restarted(site: Site) -> None:
    """A deploy: each receiver in turn is asked to stop, and another is started in its place."""
    for number in range(len(site.receivers)):
        process = site.receivers[number].process
        process.terminate()
        await process.ended()
        await asyncio.sleep(site.effort.calm_s / 2)
        await site.start_receiver(number)
        await asyncio.sleep(site.effort.calm_s)


async def receiver_killed(site: Site) -> None:
    """Killed with calls in flight that it has read and not answered; started again later."""
    async with _locked_notices(site):
        await asyncio.sleep(_IN_FLIGHT_S)
        await blocking(site.receivers[0].process.kill)
    await asyncio.sleep(site.effort.outage_s)
    await site.start_receiver(0)


async def worker_killed(site: Site) -> None:
    """Each worker in turn, in the middle of its work."""
    for number, worker in enumerate(list(site.workers)):
        await blocking(worker.kill)
        await asyncio.sleep(site.effort.outage_s / 3)
        await site.start_worker(number)


async def clocks_wrong(site: Site) -> None:
    """Each worker gets a wrong clock: the first is 400 days ahead, the next 400 days behind."""
    for number, worker in enumerate(list(site.workers)):
        await blocking(worker.kill)
        await site.start_worker(number, with_clock(400 if number % 2 == 0 else -400))
    await asyncio.sleep(site.effort.outage_s)


async def everything(site: Site) -> None:
    """Postgres goes, a receiver is killed while the spool holds its calls, and it comes back before Postgres does."""
    await blocking(site.store.server.stop)
    await asyncio.sleep(site.effort.outage_s / 3)
    await blocking(site.receivers[0].process.kill)
    if len(site.receivers) > 1:  # else calls wait at the proxy, and a supervisor starts it at once
        await asyncio.sleep(site.effort.outage_s / 3)
    await site.start_receiver(0)
    await asyncio.sleep(site.effort.outage_s / 3)
    await blocking(site.store.server.start)


async def spool_full(site: Site) -> None:
    """Postgres is away for longer than the spool has room for, but not so long that calls held meanwhile take 10 s."""
    await blocking(site.store.server.stop)
    await asyncio.sleep(min(site.effort.outage_s, 6))
    await blocking(site.store.server.start)


async def flood(site: Site) -> None:
    """Strangers send what they like, as fast as they can."""
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
        refused, _ = await asyncio.wait_for(process.communicate(b""), _FLOOD_ENDS_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert int(refused) >= _FELT_BY, (
        f"nobody felt the flood: {int(refused)} connections were refused"
    )


async def log_reader_stuck(site: Site) -> None:
    """Nobody reads what the processes log; one worker has to stop and another to start meanwhile."""
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
    """Somebody removes the spool's directory while it holds calls, and again later, then moves it, then removes the locks in it."""
    harms = (shutil.rmtree, shutil.rmtree, _move_away, _remove_locks)
    await blocking(site.store.server.stop)
    for harm in harms:
        await asyncio.sleep(site.effort.outage_s / (len(harms) + 1))
        await blocking(harm, site.spool)
    await asyncio.sleep(site.effort.outage_s / (len(harms) + 1))
    await blocking(site.store.server.start)


async def spool_with_odd_entries(site: Site) -> None:
    """Things that are no files of the spool lie in it under the names of such."""
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
