"""Erasure on disk: an order's refused records go, records for Postgres stay, and old files go in
time.
"""

import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.recording.notice import RawNotice
from app.recording.spool.erasure import erase_old_files, erase_order_in_spool
from app.recording.spool.owner_lock import LOCK, OwnerLock
from app.recording.spool.record_format import encode_notice
from app.recording.spool.segments import REFUSED, SPOOLED, TORN, SegmentWriter, list_segments
from app.recording.spool.status import show_spool
from tests.recording.recording_setup import LIMIT, make_notice

OWNER = "0123456789ab"
ORDER = "1234-56789-00001"
ERASED = make_notice(1)
KEPT = make_notice(2)
TELEPHONE = b"0312345678"


def write(
    directory: Path, suffix: str, *notices: RawNotice, payloads: tuple[bytes, ...] = ()
) -> None:
    """Make a file of an ended process."""
    writer = SegmentWriter(directory, OWNER, suffix=suffix, limit=LIMIT)
    writer.write([*map(encode_notice, notices), *payloads])
    writer.seal()


def everything(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.iterdir())


def test_refused_records_of_the_order_are_erased_and_the_others_stay(tmp_path: Path) -> None:
    write(
        tmp_path,
        REFUSED,
        ERASED,
        KEPT,
        replace(ERASED, target=b"/zeus/notify", body=b"order_no=1234%2D56789-00001"),
    )
    assert erase_order_in_spool(tmp_path, ORDER) == (2, 0)
    assert show_spool(tmp_path).refused_records == 1
    assert ORDER.encode() not in everything(tmp_path)
    assert KEPT.target in everything(tmp_path)
    assert erase_order_in_spool(tmp_path, ORDER) == (0, 0)


def test_a_file_with_nothing_else_in_it_goes(tmp_path: Path) -> None:
    write(tmp_path, REFUSED, ERASED)
    assert erase_order_in_spool(tmp_path, ORDER) == (1, 0)
    assert list_segments(tmp_path, REFUSED) == []
    assert TELEPHONE not in everything(tmp_path)


@pytest.mark.parametrize("spelling", [ORDER.encode(), b"1234%2D56789%2d00001"])
def test_what_cannot_be_read_goes_whole_if_it_names_the_order(
    tmp_path: Path, spelling: bytes
) -> None:
    write(
        tmp_path, REFUSED, KEPT, payloads=(b"\xff from a later version: " + spelling + TELEPHONE,)
    )
    (tmp_path / f"x{TORN}").write_bytes(b"garbage " + spelling)
    (tmp_path / f"y{TORN}").write_bytes(b"other garbage")
    assert erase_order_in_spool(tmp_path, ORDER) == (2, 0)
    assert [f"y{TORN}"] == [path.name for path in tmp_path.glob(f"*{TORN}")]


def test_what_waits_for_postgres_is_counted_and_left(tmp_path: Path) -> None:
    write(tmp_path, SPOOLED, ERASED, KEPT)
    assert erase_order_in_spool(tmp_path, ORDER) == (0, 1)
    assert ERASED.target in everything(tmp_path)


def test_the_file_of_a_living_process_is_counted_and_left(tmp_path: Path) -> None:
    owner, lock = OwnerLock.of_new_owner(tmp_path)
    writer = SegmentWriter(tmp_path, owner, suffix=REFUSED, limit=LIMIT)
    writer.write([encode_notice(ERASED)])
    assert erase_order_in_spool(tmp_path, ORDER) == (0, 1)
    writer.seal()
    lock.release(remove=False)
    assert erase_order_in_spool(tmp_path, ORDER) == (1, 0)


def test_old_files_go_and_young_ones_and_waiting_ones_stay(tmp_path: Path) -> None:
    write(tmp_path, REFUSED, ERASED)
    write(tmp_path, SPOOLED, ERASED)
    (tmp_path / f"old{TORN}").write_bytes(b"old")
    (tmp_path / f"young{TORN}").write_bytes(b"young")
    long_ago = time.time() - 91 * 86_400
    for path in tmp_path.iterdir():
        if not path.name.startswith("young") and not path.name.endswith(LOCK):
            os.utime(path, (long_ago, long_ago))
    assert erase_old_files(tmp_path, timedelta(days=90)) == 2
    assert [f"young{TORN}"] == [path.name for path in tmp_path.glob(f"*{TORN}")]
    assert len(list_segments(tmp_path, SPOOLED)) == 1


def test_a_directory_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert erase_order_in_spool(tmp_path / "none", ORDER) == (0, 0)
    assert erase_old_files(tmp_path / "none", timedelta(days=90)) == 0
