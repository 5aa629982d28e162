"""Erasure of personal data from the spool's refused records and damaged bytes, by order or by age.

Blocks.

Records that wait to be drained are never touched: the rest of the erasure finds them in Postgres.
"""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote_to_bytes

from app.logs import get_logger
from app.recording.spool.record_format import Record, Unreadable, decode_notice, frame
from app.recording.spool.regular_files import open_regular, read_chunks, write_all
from app.recording.spool.segment_claims import SegmentHeld, claim_gone, describe_problem
from app.recording.spool.segment_reader import scan_segment
from app.recording.spool.segments import (
    REFUSED,
    SPOOLED,
    TORN,
    Segment,
    list_segments,
    sync_directory,
)
from app.zeus.canonical import canonical
from app.zeus.wire import order_no_of

_DRAFT = ".new"

log = get_logger("spool")


def erase_order_in_spool(directory: Path, order_no: str) -> tuple[int, int]:
    """Erase the refused records of an order.

    Return the number of records and files erased, and of records left.

    Left are records that wait to be drained, and those in files of a living process. Damaged or
    unreadable pieces that contain the order's number are erased whole. Unreadable entries are
    logged and skipped.
    """
    erased = 0
    for segment in list_segments(directory, REFUSED):
        try:
            erased += _rewrite(segment, order_no)
        except SegmentHeld:
            continue
        except OSError as error:
            _log_skipped(segment.path, error)
    for path in directory.glob(f"*{TORN}"):
        try:
            erased += _remove_torn(path, order_no)
        except OSError as error:
            _log_skipped(path, error)
    left = 0
    for segment in list_segments(directory, SPOOLED) + list_segments(directory, REFUSED):
        try:
            left += _count_about(segment, order_no)
        except OSError as error:
            _log_skipped(segment.path, error)
    return erased, left


def erase_old_files(directory: Path, age: timedelta) -> int:
    """Delete files of refused records and damaged bytes last written before `age`.

    Return their number.

    Entries that are no files, or cannot be deleted, are logged and skipped.
    """
    before = time.time() - age.total_seconds()
    erased = 0
    for suffix in (REFUSED, TORN, _DRAFT):
        for path in directory.glob(f"*{suffix}"):
            try:
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and status.st_mtime < before:
                    path.unlink(missing_ok=True)
                    erased += 1
            except OSError as error:
                _log_skipped(path, error)
    if erased:
        log.warning("set_aside_forgotten", files=erased)
    return erased


def _log_skipped(path: Path, error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # drained meanwhile
        log.error("spool_entry_skipped", entry=path.name, reason=describe_problem(error))


def _payloads(descriptor: int, marker: bytes) -> Iterator[bytes]:
    return (part.payload for part in scan_segment(descriptor, marker) if isinstance(part, Record))


def _is_about(payload: bytes, order_no: str) -> bool:
    try:
        notice = decode_notice(payload)
    except Unreadable:
        return order_no.encode() in unquote_to_bytes(payload)
    return order_no_of(notice.target.partition(b"?")[2], notice.body) == canonical(
        "order_no", order_no
    )


def _count_about(segment: Segment, order_no: str) -> int:
    descriptor = open_regular(segment.path)
    try:
        return sum(
            _is_about(payload, order_no) for payload in _payloads(descriptor, segment.marker)
        )
    finally:
        os.close(descriptor)


def _remove_torn(path: Path, order_no: str) -> bool:
    """Remove a file of damaged bytes if it contains the order's number, escaped or not.

    Return True if it did.
    """
    wanted = order_no.encode()
    descriptor = open_regular(path)
    try:
        tail = b""
        for chunk in read_chunks(descriptor):
            if wanted in unquote_to_bytes(tail + chunk):
                path.unlink()
                return True
            tail = (tail + chunk)[-3 * len(wanted) :]  # percent-encoding takes three bytes for one
        return False
    finally:
        os.close(descriptor)


def _rewrite(segment: Segment, order_no: str) -> int:
    """Rewrite a file of refused records without those of the order; return the number erased.

    Raises SegmentHeld for the file of a living process, and OSError.
    """
    with claim_gone(segment) as descriptor:
        gone = sum(
            _is_about(payload, order_no) for payload in _payloads(descriptor, segment.marker)
        )
        if gone:
            _replace(segment, descriptor, order_no)
        return gone


def _replace(segment: Segment, descriptor: int, order_no: str) -> None:
    draft = segment.path.with_suffix(_DRAFT)
    target = open_regular(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with ExitStack() as opened:
        opened.callback(os.close, target)
        for payload in _payloads(descriptor, segment.marker):
            if not _is_about(payload, order_no):
                write_all(target, frame(payload, segment.marker))
        os.fsync(target)
        empty = not os.fstat(target).st_size
    if empty:
        segment.path.unlink()
        draft.unlink()
    else:
        draft.rename(segment.path)
    sync_directory(segment.path.parent)
