"""Spool files removed, moved or replaced under their writer: no answered call is lost."""

import asyncio
import fcntl
import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.metrics import spool_files_lost
from app.recording.notice import Unstorable
from app.recording.spool.drainer import Drainer
from app.recording.spool.erasure import erase_order_in_spool
from app.recording.spool.held_segments import HeldSegments
from app.recording.spool.owner_lock import LOCK
from app.recording.spool.record_format import encode_notice
from app.recording.spool.segment_claims import SegmentHeld, claim_gone
from app.recording.spool.segments import REFUSED, SPOOLED, OpenSegment, SegmentWriter, list_segments
from app.recording.spool.spool import Spool
from app.recording.spool.status import drain_spool, retry_refused, show_spool
from tests.recording.recording_setup import LIMIT, ids_in, make_notice, stored_ids, until


def segment_of(directory: Path) -> Path:
    return list_segments(directory)[-1].path


def replace_by_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def replace_by_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_copy(path: Path) -> None:
    """A copy with the same bytes has the name. New writes would reach no name."""
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)


def replace_by_linked_directory(directory: Path) -> None:
    shutil.rmtree(directory)
    other = directory.with_name("other")
    other.mkdir()
    directory.symlink_to(other)


def replace_by_new_directory(directory: Path) -> None:
    directory.rename(directory.with_name("moved"))
    directory.mkdir()


def move_files_to_new_directory(directory: Path) -> None:
    """Every name leads to its file again, but the new directory is not synced."""
    moved = directory.with_name("moved")
    directory.rename(moved)
    directory.mkdir()
    for path in moved.iterdir():
        path.rename(directory / path.name)


def apply(change: Callable[[Path], None], paths: Iterable[Path]) -> None:
    for path in list(paths):
        change(path)


HURTS: dict[str, Callable[[Path], object]] = {
    "segment removed": lambda directory: segment_of(directory).unlink(),
    "segment moved": lambda directory: segment_of(directory).rename(directory.with_name("away")),
    "segment replaced by a link": lambda directory: replace_by_link(segment_of(directory)),
    "segment replaced by a copy": lambda directory: replace_by_copy(segment_of(directory)),
    "segment replaced by a directory": lambda directory: replace_by_directory(
        segment_of(directory)
    ),
    "lock removed": lambda directory: apply(Path.unlink, directory.glob(f"*{LOCK}")),
    "lock replaced by a link": lambda directory: apply(replace_by_link, directory.glob(f"*{LOCK}")),
    "every file removed": lambda directory: apply(Path.unlink, directory.iterdir()),
    "directory removed": shutil.rmtree,
    "directory moved": lambda directory: directory.rename(directory.with_name("moved")),
    "directory replaced": replace_by_new_directory,
    "directory replaced by a link": replace_by_linked_directory,
    "files moved to a new directory": move_files_to_new_directory,
}


def command(*words: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(word) for word in words], capture_output=True)


async def append(spool: Spool, numbers: range) -> list[str]:
    notices = [make_notice(number) for number in numbers]
    await asyncio.gather(*(spool.append(notice) for notice in notices))
    return [str(notice.id) for notice in notices]


@contextmanager
def looked_after(spool: Spool) -> Iterator[None]:
    running = asyncio.create_task(spool.run())
    try:
        yield
    finally:
        running.cancel()


@pytest.mark.parametrize("hurt", HURTS.values(), ids=HURTS)
async def test_calls_answered_after_the_damage_are_reached_by_name_at_once(
    tmp_path: Path, hurt: Callable[[Path], object]
) -> None:
    directory = tmp_path / "spool"
    spool = Spool(directory, limit=LIMIT)
    await append(spool, range(20))
    hurt(directory)
    after = await append(spool, range(20, 40))
    assert set(after) <= set(regular_ids(directory))
    [lock] = [path for path in directory.glob(f"{spool.owner}{LOCK}") if not path.is_symlink()]
    with lock.open("rb") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    await spool.close()


@pytest.mark.parametrize("hurt", HURTS.values(), ids=HURTS)
async def test_calls_answered_before_the_damage_are_written_again(
    tmp_path: Path, hurt: Callable[[Path], object]
) -> None:
    directory = tmp_path / "spool"
    spool = Spool(directory, limit=LIMIT, segment_bytes=1_500)
    with looked_after(spool):
        before = [
            one for start in range(0, 40, 4) for one in await append(spool, range(start, start + 4))
        ]
        assert len(list_segments(directory)) >= 4
        hurt(directory)
        await until(lambda: set(before) <= set(regular_ids(directory)))
    await spool.close()
    assert set(before) <= set(regular_ids(directory))


def regular_ids(directory: Path) -> list[str]:
    """Return the ids in the segments that are files.

    A test may have replaced one with something else.
    """
    odd = [
        segment.path
        for segment in list_segments(directory)
        if segment.path.is_symlink() or segment.path.is_dir()
    ]
    for path in odd:
        path.rename(path.with_suffix(".odd"))
    return ids_in(directory)


@pytest.mark.parametrize("hurt", HURTS.values(), ids=HURTS)
async def test_the_writer_drains_what_lost_its_name(
    database_url: str, tmp_path: Path, hurt: Callable[[Path], object]
) -> None:
    directory = tmp_path / "spool"
    spool = Spool(directory, limit=LIMIT, segment_bytes=1_500)
    ids = [one for start in range(0, 40, 4) for one in await append(spool, range(start, start + 4))]
    hurt(directory)
    await Drainer(database_url, directory, spool=spool).drain_once()
    assert ids == [str(one) for one in await stored_ids(database_url)]
    await spool.close()
    left = [
        segment.path
        for segment in list_segments(directory)
        if segment.path.is_file() and not segment.path.is_symlink()
    ]
    assert len(left) <= 1, "only a copy that somebody else made may be left"


async def test_a_process_that_ends_leaves_its_records_under_their_names(
    database_url: str, tmp_path: Path
) -> None:
    directory = tmp_path / "spool"
    spool = Spool(directory, limit=LIMIT)
    ids = await append(spool, range(20))
    shutil.rmtree(directory)
    await spool.close()
    assert (await drain_spool(database_url, directory)).records == 20
    assert ids == [str(one) for one in await stored_ids(database_url)]


async def test_a_lost_file_is_counted(tmp_path: Path) -> None:
    before = spool_files_lost._value.get()
    spool = Spool(tmp_path, limit=LIMIT)
    with looked_after(spool):
        await append(spool, range(5))
        segment_of(tmp_path).unlink()
        await until(lambda: len(ids_in(tmp_path)) == 5)
    assert spool_files_lost._value.get() - before == 1
    await spool.close()


async def test_a_missing_lock_does_not_prove_that_its_owner_is_dead(
    database_url: str, tmp_path: Path
) -> None:
    spool = Spool(tmp_path, limit=LIMIT, segment_bytes=1_500)
    ids = [one for start in range(0, 20, 4) for one in await append(spool, range(start, start + 4))]
    segments = len(list_segments(tmp_path))
    assert segments > 1
    for path in tmp_path.glob(f"*{LOCK}"):  # noqa: ASYNC240
        path.unlink()
    drained = await drain_spool(database_url, tmp_path)
    assert (drained.records, drained.segments, drained.held) == (0, 0, segments)
    assert ids == ids_in(tmp_path)
    await spool.close()
    assert (await drain_spool(database_url, tmp_path)).records == 20


async def test_a_refused_notice_survives_its_file_while_its_process_lives(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path, limit=LIMIT)
    notice = make_notice(1)
    with looked_after(spool):
        await spool.refuse(notice)
        [refused] = list_segments(tmp_path, REFUSED)
        refused.path.unlink()
        await until(lambda: show_spool(tmp_path).refused_records == 1)
    for path in tmp_path.glob(f"*{LOCK}"):  # noqa: ASYNC240
        path.unlink()
    assert retry_refused(tmp_path) == 0
    assert erase_order_in_spool(tmp_path, "1234-56789-00001") == (0, 1)
    await spool.close()
    assert retry_refused(tmp_path) == 1
    assert ids_in(tmp_path) == [str(notice.id)]


async def test_a_segment_that_is_cut_off_under_its_writer_takes_no_more_calls(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path, limit=LIMIT)
    await append(spool, range(20))
    path = segment_of(tmp_path)
    os.truncate(path, path.stat().st_size // 2)
    after = await append(spool, range(20, 40))
    assert set(after) <= set(ids_in(tmp_path))
    assert len(list_segments(tmp_path)) == 2
    await spool.close()


async def test_a_directory_that_cannot_be_made_again_answers_nothing_and_loses_nothing(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "spool"
    spool = Spool(directory, limit=LIMIT)
    before = await append(spool, range(10))
    shutil.rmtree(directory)
    directory.write_text("in the way")
    with pytest.raises(Unstorable):
        await spool.append(make_notice(10))
    with looked_after(spool):
        directory.unlink()
        await until(lambda: set(before) <= set(ids_in(directory)))
    assert not spool.failing
    await spool.close()


async def test_a_disk_mounted_over_the_directory_takes_over_what_was_written(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "spool"
    spool = Spool(directory, limit=LIMIT)
    with looked_after(spool):
        before = await append(spool, range(20))
        mounted = await asyncio.to_thread(
            command, "mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", directory
        )
        if mounted.returncode:
            pytest.skip("a disk of its own needs the right to mount")
        try:
            after = await append(spool, range(20, 40))
            assert set(after) <= set(ids_in(directory))
            await until(lambda: set(before) <= set(ids_in(directory)))
        finally:
            (await asyncio.to_thread(command, "umount", "-l", directory)).check_returncode()
        await until(
            lambda: set(before + after) <= set(ids_in(directory))
        )  # the disk is gone with all names on it
    await spool.close()


@pytest.mark.parametrize("what", ["files", "directory", "locks"])
async def test_no_acknowledged_record_is_lost_while_files_vanish_all_the_time(
    database_url: str, tmp_path: Path, what: str
) -> None:
    """Files are removed at any moment, also between a sync and its check."""
    directory = tmp_path / "spool"
    spool, ended = Spool(directory, limit=LIMIT, segment_bytes=20_000), threading.Event()
    removals, generator = 0, random.Random(7)

    def remove() -> None:
        nonlocal removals
        while not ended.is_set():
            time.sleep(generator.uniform(0, 0.02))
            removals += 1
            if what == "directory":
                shutil.rmtree(directory, ignore_errors=True)
            for path in list(directory.glob("*" if what == "files" else f"*{LOCK}")):
                path.unlink(missing_ok=True)

    acknowledged: list[str] = []

    async def call(numbers: range) -> None:
        for number in numbers:
            notice = make_notice(number)
            try:
                await spool.append(notice)
            except Unstorable:  # not answered
                continue
            acknowledged.append(str(notice.id))

    with looked_after(spool):
        removing = asyncio.create_task(asyncio.to_thread(remove))
        await asyncio.gather(*(call(range(first, 1_600, 8)) for first in range(8)))
        number = 1_600
        while removals <= 20:  # a busy machine removes less often
            await call(range(number, number + 8))
            number += 8
        ended.set()
        await removing
    await spool.close()
    await drain_spool(database_url, directory)
    stored = [str(one) for one in await stored_ids(database_url)]
    assert len(acknowledged) > 100
    assert set(acknowledged) <= set(stored)
    assert len(stored) == len(set(stored))


async def test_a_drainer_of_an_older_version_loses_nothing(
    database_url: str, tmp_path: Path
) -> None:
    """An owner without a lock seems to be gone: another process drains and removes its open
    segment.
    """
    spool = Spool(tmp_path, limit=LIMIT)
    with looked_after(spool):
        ids = await append(spool, range(20))
        for path in tmp_path.glob(f"*{LOCK}"):  # noqa: ASYNC240
            path.unlink()
        old = segment_of(tmp_path)
        read_by_the_old_one = set(ids_in(tmp_path))
        ids += await append(spool, range(20, 40))
        old.unlink(missing_ok=True)
        await until(lambda: set(ids) - read_by_the_old_one <= set(ids_in(tmp_path)))
    await spool.close()
    await drain_spool(database_url, tmp_path)
    assert set(ids) == {str(one) for one in await stored_ids(database_url)}


def test_a_segment_is_locked_from_its_first_record_to_its_end(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, "0123456789ab", suffix=SPOOLED, limit=LIMIT)
    writer.write([encode_notice(make_notice())])
    [segment] = list_segments(tmp_path)
    with pytest.raises(SegmentHeld), claim_gone(segment):
        pass
    writer.seal()
    with claim_gone(segment) as descriptor:
        assert descriptor > 0


def test_no_more_segments_are_kept_open_than_the_limit(tmp_path: Path) -> None:
    held = HeldSegments(limit=3)
    kept: list[OpenSegment] = []

    def seal(segment: OpenSegment) -> None:
        kept.append(segment)
        held.add(segment)

    writer = SegmentWriter(
        tmp_path, "0123456789ab", suffix=SPOOLED, limit=LIMIT, segment_bytes=1, on_sealed=seal
    )
    for number in range(6):
        writer.write([encode_notice(make_notice(number))])
    writer.seal()
    assert [segment.descriptor >= 0 for segment in kept] == [False, False, False, True, True, True]
    assert len(held.claims()) == 3
    assert len(ids_in(tmp_path)) == 6
    held.close()


def test_every_directory_that_was_made_on_the_way_is_there_and_private(tmp_path: Path) -> None:
    writer = SegmentWriter(
        tmp_path / "a" / "b" / "spool", "0123456789ab", suffix=SPOOLED, limit=LIMIT
    )
    writer.write([encode_notice(make_notice())])
    assert len(ids_in(tmp_path / "a" / "b" / "spool")) == 1
    assert (tmp_path / "a" / "b" / "spool").stat().st_mode & 0o777 == 0o700
    writer.seal()
