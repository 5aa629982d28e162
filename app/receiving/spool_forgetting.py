"""Forgetting personal data on disk: in what was set aside in a spool directory, by order or by age. Blocks.

What waits to be drained is never touched: it is on its way to Postgres, where the rest of the forgetting happens.
"""

import os
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote_to_bytes

from app.logs import get_logger
from app.receiving.segment_reader import read_segment
from app.receiving.segments import REFUSED, SPOOLED, TORN, Segment, list_segments, sync_directory
from app.receiving.spool_format import Unreadable, decode_notice, encode_notice, frame
from app.receiving.spool_owner import OwnerLock
from app.zeus.wire import order_no_of

log = get_logger("spool")


def forget_order(directory: Path, order_no: str) -> tuple[int, int]:
    """Forget what was set aside about an order; return how many records and files went, and how many records about it are left.

    Left are those that wait to be drained, and those in files of a living process. A damaged or unreadable piece that holds the order's
    number anywhere goes whole.
    """
    forgotten = sum(_rewrite(segment, order_no) for segment in list_segments(directory, REFUSED))
    for path in directory.glob(f"*{TORN}"):
        if order_no.encode() in unquote_to_bytes(path.read_bytes()):
            path.unlink()
            forgotten += 1
    left = 0
    for segment in list_segments(directory, SPOOLED) + list_segments(directory, REFUSED):
        with suppress(FileNotFoundError):  # drained in this moment
            left += sum(_is_about(payload, order_no) for payload in _payloads(segment))
    return forgotten, left


def forget_older(directory: Path, age: timedelta) -> int:
    """Delete files of refused records and damaged bytes that were last written longer ago than `age`; return how many."""
    before = time.time() - age.total_seconds()
    forgotten = 0
    for suffix in (REFUSED, TORN):
        for path in directory.glob(f"*{suffix}"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
                forgotten += 1
    if forgotten:
        log.warning("set_aside_forgotten", files=forgotten)
    return forgotten


def _payloads(segment: Segment) -> list[bytes]:
    content = read_segment(segment)
    return [*map(encode_notice, content.notices), *content.unreadable]


def _is_about(payload: bytes, order_no: str) -> bool:
    try:
        notice = decode_notice(payload)
    except Unreadable:
        return order_no.encode() in unquote_to_bytes(payload)
    return order_no_of(notice.target.partition(b"?")[2], notice.body) == order_no


def _rewrite(segment: Segment, order_no: str) -> int:
    """Write a file of refused records anew without those about the order; return how many went. A living process's file is left to it."""
    lock = OwnerLock.of_gone_owner(segment.path.parent, segment.owner)
    if lock is None:
        return 0
    try:
        payloads = _payloads(segment)
        kept = [payload for payload in payloads if not _is_about(payload, order_no)]
        if len(kept) < len(payloads):
            _replace(segment.path, b"".join([frame(payload, segment.marker) for payload in kept]))
        return len(payloads) - len(kept)
    finally:
        lock.release(remove=False)


def _replace(path: Path, data: bytes) -> None:
    if not data:
        path.unlink()
    else:
        draft = path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        draft.rename(path)
    sync_directory(path.parent)
