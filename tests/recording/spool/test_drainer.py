"""Drainer on a real Postgres: every acknowledged record is stored once after any kill, and damage
is set aside.
"""

import asyncio
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from app.db.connections import connect
from app.metrics import spool_torn_bytes
from app.recording.spool.drainer import Drainer
from app.recording.spool.owner_lock import LOCK
from app.recording.spool.record_format import encode_notice, frame, scan
from app.recording.spool.segments import REFUSED, SPOOLED, TORN, SegmentWriter, list_segments
from app.recording.spool.spool import Spool
from app.recording.spool.status import drain_spool, retry_refused, show_spool
from tests.fair_clock import fair_seconds
from tests.recording.recording_setup import LIMIT, make_notice, running_chain, stored_ids, until

OWNER = "0123456789ab"


def spooled(directory: Path, count: int, segment_bytes: int = 1_500) -> list[UUID]:
    """Write segments of an ended process; return their ids, in order."""
    writer = SegmentWriter(
        directory, OWNER, suffix=SPOOLED, limit=LIMIT, segment_bytes=segment_bytes
    )
    notices = [make_notice(number) for number in range(count)]
    for start in range(0, count, 5):
        writer.write([encode_notice(notice) for notice in notices[start : start + 5]])
    writer.seal()
    return [notice.id for notice in notices]


async def in_order_of_arrival(url: str) -> list[UUID]:
    connection = await connect(url)
    try:
        return [row["id"] for row in await connection.fetch("SELECT id FROM notices ORDER BY ctid")]
    finally:
        await connection.close()


async def test_what_a_gone_process_left_is_drained_in_order_and_removed(
    database_url: str, tmp_path: Path
) -> None:
    ids = spooled(tmp_path, 50)
    drained = await drain_spool(database_url, tmp_path)
    assert drained.records == 50
    assert drained.segments == 5
    assert ids == await in_order_of_arrival(database_url)
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240


async def test_a_drain_that_was_cut_off_is_taken_up_without_doubles(
    database_url: str, tmp_path: Path
) -> None:
    ids = spooled(tmp_path / "spool", 30)
    shutil.copytree(tmp_path / "spool", tmp_path / "copy")
    await drain_spool(database_url, tmp_path / "spool")
    drained = await drain_spool(
        database_url, tmp_path / "copy"
    )  # as if no file had been removed after its commit
    assert drained.records == 30
    assert ids == await stored_ids(database_url)


async def test_a_living_process_drains_its_own_and_nobody_else_does(
    database_url: str, tmp_path: Path
) -> None:
    spool = Spool(tmp_path, limit=LIMIT)
    first, second = make_notice(1), make_notice(2)
    await spool.append(first)
    drained = await drain_spool(database_url, tmp_path)
    assert (drained.records, drained.held) == (0, 1)
    drained = await Drainer(database_url, tmp_path, spool=spool).drain_once()
    assert drained.records == 1
    await spool.append(second)
    await spool.close()
    drained = await drain_spool(database_url, tmp_path)
    assert drained.records == 1
    assert [first.id, second.id] == await stored_ids(database_url)
    assert list_segments(tmp_path) == []


async def test_notices_that_are_spooled_while_it_drains_are_drained_too(
    database_url: str, tmp_path: Path
) -> None:
    spool = Spool(tmp_path, limit=LIMIT, segment_bytes=5_000)
    drainer = asyncio.create_task(Drainer(database_url, tmp_path, spool=spool).run())
    notices = [make_notice(number) for number in range(3_000)]
    for start in range(0, 3_000, 10):
        await asyncio.gather(*(spool.append(notice) for notice in notices[start : start + 10]))
    await until(lambda: show_spool(tmp_path).segments == 0)
    drainer.cancel()
    await spool.close()
    assert [notice.id for notice in notices] == await stored_ids(database_url)
    assert [path.suffix for path in tmp_path.iterdir()] == [LOCK]  # noqa: ASYNC240


@pytest.mark.parametrize("where", ["front", "middle", "end"])
async def test_damage_is_kept_apart_and_costs_no_record(
    database_url: str, tmp_path: Path, where: str
) -> None:
    ids = spooled(tmp_path, 20, segment_bytes=LIMIT)
    [segment] = list_segments(tmp_path)
    data = segment.path.read_bytes()
    part = list(scan(data, segment.marker))[{"front": 0, "middle": 9, "end": 19}[where]]
    position = part.end if where == "end" else part.start
    junk = frame(encode_notice(make_notice()), segment.marker)[:-7]
    segment.path.write_bytes(data[:position] + junk + data[position:])
    before = spool_torn_bytes._value.get()
    drained = await drain_spool(database_url, tmp_path)
    assert drained.records == 20
    assert ids == await stored_ids(database_url)
    [torn] = list(tmp_path.glob(f"*{TORN}"))  # noqa: ASYNC240
    assert torn.read_bytes() == junk
    assert spool_torn_bytes._value.get() - before == len(junk)
    assert show_spool(tmp_path).torn_files == 1


async def test_what_cannot_be_read_or_stored_is_kept_for_later(
    database_url: str, tmp_path: Path
) -> None:
    good = [make_notice(number) for number in range(4)]
    bad, later = make_notice(method="GE\0T"), b"\x02of a later version"
    writer = SegmentWriter(tmp_path, OWNER, suffix=SPOOLED, limit=LIMIT)
    writer.write(
        [
            encode_notice(good[0]),
            encode_notice(bad),
            encode_notice(good[1]),
            later,
            encode_notice(good[2]),
        ]
    )
    writer.seal()
    drained = await drain_spool(database_url, tmp_path)
    assert (drained.records, drained.refused) == (3, 2)
    assert [notice.id for notice in good[:3]] == await stored_ids(database_url)
    [segment] = list_segments(tmp_path, REFUSED)
    assert segment.path.stat().st_mode & 0o777 == 0o600
    assert show_spool(tmp_path).refused_records == 2
    assert retry_refused(tmp_path) == 1
    assert (await drain_spool(database_url, tmp_path)).refused == 2
    assert show_spool(tmp_path).refused_records == 2


async def test_a_drain_waits_for_its_database_and_goes_on(
    database_url: str, tmp_path: Path
) -> None:
    ids = spooled(tmp_path, 10)
    with pytest.raises(OSError):
        await drain_spool("postgresql://relay@127.0.0.1:1/relay", tmp_path)
    assert show_spool(tmp_path).records == 10
    await drain_spool(database_url, tmp_path)
    assert ids == await stored_ids(database_url)


@contextmanager
def process(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Process under test. Killed at the end."""
    command = [sys.executable, "-m", "tests.recording.spool_process", *map(str, arguments)]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
    )
    try:
        yield running
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
        if running.stdout is not None:
            running.stdout.close()


def acknowledged_until_killed(directory: Path, seconds: float) -> list[UUID]:
    """Let a process spool for a while, kill it, and return the ids that it had acknowledged."""
    with process("write", directory) as writer:
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)
        lines = [first, *writer.stdout.readlines()]
    return [UUID(line.strip()) for line in lines if line.endswith("\n")]


async def test_a_writer_killed_again_and_again_keeps_every_promise(
    database_url: str, tmp_path: Path
) -> None:
    acknowledged: list[UUID] = []
    generator = random.Random(7)
    for _ in range(5):
        acknowledged += await asyncio.to_thread(
            acknowledged_until_killed, tmp_path, generator.uniform(0.02, 0.3)
        )
    drained = await drain_spool(database_url, tmp_path)
    stored = await stored_ids(database_url)
    assert len(acknowledged) > 100
    assert set(acknowledged) <= set(stored)
    assert len(stored) == drained.records  # nothing twice, neither in the files nor in the table
    assert (
        len(stored) - len(acknowledged) <= 5 * 8 * 2
    )  # written but not yet acknowledged: a batch or two of 8 callers
    assert list_segments(tmp_path) == []


async def test_a_drainer_killed_again_and_again_loses_nothing(
    database_url: str, tmp_path: Path
) -> None:
    ids = spooled(tmp_path, 3_000, segment_bytes=30_000)
    for _ in range(3):
        with process("drain", tmp_path, database_url):
            known = len(list_segments(tmp_path))
            await until(lambda known=known: len(list_segments(tmp_path)) < known, 20)
    await drain_spool(database_url, tmp_path)
    assert ids == await stored_ids(database_url)
    assert list_segments(tmp_path) == []


async def test_new_calls_are_answered_while_a_long_spool_drains(
    database_url: str, tmp_path: Path
) -> None:
    ids = spooled(tmp_path, 3_000, segment_bytes=LIMIT)
    slowest = 0.0
    async with running_chain(database_url, tmp_path) as running:
        new = []
        while show_spool(tmp_path).segments:
            notice = make_notice()
            started = fair_seconds()
            await running.chain.append(notice)
            slowest = max(slowest, fair_seconds() - started)
            new.append(notice.id)
            await asyncio.sleep(0.005)
    assert sorted(ids + new) == await stored_ids(database_url)
    assert slowest < 1.0
