"""Spool on real files: acknowledged records are on disk, and a failing disk loses none before or
after.
"""

import asyncio
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.recording.notice import Unstorable
from app.recording.spool.owner_lock import OwnerLock
from app.recording.spool.record_format import encode_notice
from app.recording.spool.segments import REFUSED, SPOOLED, SegmentWriter, SpoolFull, list_segments
from app.recording.spool.spool import Spool
from app.recording.spool.status import retry_refused, show_spool
from tests.recording.recording_setup import LIMIT, ids_in, make_notice, read_segment


async def test_calls_that_come_together_share_a_sync(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", limit=LIMIT)
    notices = [make_notice(number) for number in range(500)]
    await asyncio.gather(*(spool.append(notice) for notice in notices))
    assert [str(notice.id) for notice in notices] == ids_in(tmp_path / "spool")
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    await spool.close()


async def test_a_segment_that_is_large_enough_is_followed_by_another(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=LIMIT, segment_bytes=1_000)
    notices = [make_notice(number) for number in range(40)]
    for notice in notices:
        await spool.append(notice)
    await spool.close()
    segments = list_segments(tmp_path)
    assert 8 <= len(segments) <= 20
    assert [str(notice.id) for notice in notices] == ids_in(tmp_path)


async def test_a_caller_that_comes_back_does_not_queue_twice(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=LIMIT)
    notice = make_notice()
    await asyncio.gather(*(spool.append(notice) for _ in range(20)))
    await spool.close()
    assert ids_in(tmp_path) == [str(notice.id)]


async def test_a_caller_that_gives_up_leaves_its_notice_to_be_written(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=LIMIT)
    notice = make_notice()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(spool.append(notice), 0)
    spool.append_soon(notice)
    await spool.close()
    assert ids_in(tmp_path) == [str(notice.id)]


def test_the_size_limit_counts_everything_in_the_directory(tmp_path: Path) -> None:
    (tmp_path / "old.torn").write_bytes(bytes(5_000))
    writer = SegmentWriter(tmp_path, "0123456789ab", suffix=SPOOLED, limit=6_000)
    writer.write([bytes(900)])
    with pytest.raises(SpoolFull):
        writer.write([bytes(900)])


@contextmanager
def small_disk(directory: Path, size: str) -> Iterator[Path]:
    """Yield a file system that is soon full. Skips where none can be mounted."""
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small tmpfs needs the right to mount")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


async def test_a_full_disk_keeps_acknowledged_notices_and_recovers(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", "256k") as disk:
        (disk / "ballast").write_bytes(bytes(100_000))
        spool = Spool(disk / "spool", limit=LIMIT)
        acknowledged, refused = [], 0
        for number in range(400):
            notice = make_notice(number, body=bytes(1_000))
            try:
                await spool.append(notice)
                acknowledged.append(str(notice.id))
            except Unstorable:
                refused += 1
        assert acknowledged
        assert refused > 100
        assert spool.failing
        probing = asyncio.create_task(spool.run())
        (disk / "ballast").unlink()
        async with asyncio.timeout(5):
            while spool.failing:
                await asyncio.sleep(0.1)
        probing.cancel()
        last = make_notice()
        await spool.append(last)
        await spool.close()
        assert [*acknowledged, str(last.id)] == ids_in(disk / "spool")
        assert all(
            read_segment(segment)[1].damaged == [] for segment in list_segments(disk / "spool")
        )


def test_a_write_that_stops_half_way_is_cut_back(tmp_path: Path) -> None:
    """The process's file-size limit cuts a write, as a full disk or a quota does."""
    writer = SegmentWriter(tmp_path, "0123456789ab", suffix=SPOOLED, limit=LIMIT)
    payloads = [encode_notice(make_notice(number)) for number in range(3)]
    writer.write(payloads[:1])
    size = list_segments(tmp_path)[0].path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            writer.write([bytes(1_000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [segment.path.stat().st_size for segment in list_segments(tmp_path)] == [size]
    writer.write(payloads[1:])
    contents = [read_segment(segment) for segment in list_segments(tmp_path)]
    assert payloads == [encode_notice(notice) for notices, _ in contents for notice in notices]
    assert all(remains.damaged == [] for _, remains in contents)


def test_a_directory_that_vanished_is_made_again(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "spool", "0123456789ab", suffix=SPOOLED, limit=LIMIT)
    writer.write([b"first"])
    writer.seal()
    subprocess.run(["rm", "-r", str(tmp_path / "spool")], check=True)
    writer.write([encode_notice(make_notice())])
    assert len(ids_in(tmp_path / "spool")) == 1


def test_files_of_other_names_are_left_alone(tmp_path: Path) -> None:
    for name in (
        "notes.spool",
        "1-2-3-4.spool",
        "x-owner-1-9f3c51e07ad2b846.spool",
        "0-owner-1-9f3c51e07ad2b8.spool",
    ):
        (tmp_path / name).touch()
    assert list_segments(tmp_path) == []
    assert list_segments(tmp_path / "missing") == []


def test_a_lock_belongs_to_one_and_is_free_when_its_owner_is_gone(tmp_path: Path) -> None:
    owner, lock = OwnerLock.of_new_owner(tmp_path)
    assert OwnerLock.of_gone_owner(tmp_path, owner) is None
    lock.release(remove=False)
    second = OwnerLock.of_gone_owner(tmp_path, owner)
    assert second is not None
    assert OwnerLock.of_gone_owner(tmp_path, owner) is None
    second.release(remove=True)
    assert list(tmp_path.iterdir()) == []


async def test_refused_notices_can_be_retried_once_their_process_has_ended(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path, limit=LIMIT)
    notice = make_notice()
    await spool.refuse(notice)
    assert retry_refused(tmp_path) == 0
    await spool.close()
    assert show_spool(tmp_path).refused_records == 1
    assert retry_refused(tmp_path) == 1
    assert ids_in(tmp_path) == [str(notice.id)]
    assert list_segments(tmp_path, REFUSED) == []


def test_show_counts_what_is_there(tmp_path: Path) -> None:
    assert show_spool(tmp_path / "missing").records == 0
    writer = SegmentWriter(tmp_path, "0123456789ab", suffix=SPOOLED, limit=LIMIT, segment_bytes=1)
    for count in (3, 2):
        writer.write([b"payload"] * count)
    state = show_spool(tmp_path)
    assert (state.records, state.segments, state.refused_records, state.torn_files) == (5, 2, 0, 0)
    assert state.bytes == 5 * (16 + 7)
    assert state.oldest_seconds is not None
    assert state.oldest_seconds < 5
