"""Reader of sealed segments: notices in order, damaged and unreadable pieces, and removal after
draining. Blocks.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from app.clock import now
from app.logs import get_logger
from app.metrics import notices_refused, spool_torn_bytes
from app.recording.notice import RawNotice
from app.recording.spool.record_format import Damage, Record, Unreadable, decode_notice, scan_stream
from app.recording.spool.regular_files import (
    CHUNK_BYTES,
    leads_to,
    open_regular,
    read_chunks,
    write_all,
)
from app.recording.spool.segments import REFUSED, TORN, Segment, make_directory, sync_directory

SEGMENT_LIMIT = 256 * 1024 * 1024
"""Bytes read of a segment at most.

A writer ends one after 8 MiB and at most one batch more, about 100 MiB.
"""
TORN_LIMIT = 16 * 1024 * 1024
"""Damaged bytes copied out of a segment at most. A file with more is kept whole."""
_BATCH_BYTES = 4 * 1024 * 1024

log = get_logger("spool")

Range = tuple[int, int]
"""Offsets of a piece of a segment: of its first byte, and of the first byte after it."""


class Found(NamedTuple):
    """A notice in a segment and the place of its record."""

    place: Range
    notice: RawNotice


@dataclass(slots=True)
class Remains:
    """Pieces of a segment that do not go to Postgres: damage, unreadable records, records that
    Postgres refused.
    """

    damaged: list[Range] = field(default_factory=list)
    unreadable: list[Range] = field(default_factory=list)
    refused: list[Range] = field(default_factory=list)


def scan_segment(descriptor: int, marker: bytes) -> Iterator[Record | Damage]:
    """Yield everything in an open segment in order, up to SEGMENT_LIMIT bytes. Raises OSError.

    Memory holds one chunk and one record.
    """

    def read(position: int) -> bytes:
        return os.pread(descriptor, min(CHUNK_BYTES, max(SEGMENT_LIMIT - position, 0)), position)

    return scan_stream(read, marker)


def read_batches(
    descriptor: int, segment: Segment, remains: Remains, *, size: int
) -> Iterator[list[Found]]:
    """Yield the notices of an open segment in order, in lists of at most `size` notices and a few
    MiB.

    Everything else is added to `remains`. Raises OSError.
    """
    batch: list[Found] = []
    taken = 0
    for part in scan_segment(descriptor, segment.marker):
        if isinstance(part, Damage):
            remains.damaged.append((part.start, part.end))
            continue
        try:
            batch.append(Found((part.start, part.end), decode_notice(part.payload)))
        except Unreadable:
            remains.unreadable.append((part.start, part.end))
            continue
        taken += len(part.payload)
        if len(batch) >= size or taken >= _BATCH_BYTES:
            yield batch
            batch, taken = [], 0
    if batch:
        yield batch


def keep_remains(segment: Segment, descriptor: int, remains: Remains) -> None:
    """Keep undrained pieces in files of their own: damaged bytes as `.torn`, records as `.refused`.

    Raises OSError; the segment is then unchanged.
    """
    records = sorted(remains.unreadable + remains.refused)
    if records:
        _copy_pieces(segment, REFUSED, descriptor, records)
        notices_refused.inc(len(records))
        log.error(
            "records_set_aside",
            segment=segment.path.name,
            unreadable=len(remains.unreadable),
            refused=len(remains.refused),
        )
    if remains.damaged or os.fstat(descriptor).st_size > SEGMENT_LIMIT:
        _keep_damage(segment, descriptor, remains.damaged)


def remove_segment(segment: Segment, descriptor: int) -> None:
    """Remove a drained segment, but not a new file with its name. Raises OSError."""
    if leads_to(segment.path, descriptor):
        segment.path.unlink(missing_ok=True)
        sync_directory(segment.path.parent)


def _keep_damage(segment: Segment, descriptor: int, damaged: list[Range]) -> None:
    total = sum(end - start for start, end in damaged)
    if total > TORN_LIMIT or os.fstat(descriptor).st_size > SEGMENT_LIMIT:
        if leads_to(segment.path, descriptor):
            segment.path.rename(_free_place(segment, TORN))
            sync_directory(segment.path.parent)
    else:
        _copy_pieces(segment, TORN, descriptor, damaged)
    spool_torn_bytes.inc(total)
    log.error(
        "segment_torn",
        segment=segment.path.name,
        places=len(damaged),
        bytes=total,
        first=damaged[:10],
    )


def _copy_pieces(segment: Segment, suffix: str, descriptor: int, pieces: list[Range]) -> None:
    """Copy pieces of a segment to a file of their own, overwriting an earlier try."""
    make_directory(segment.path.parent)
    place = segment.path.with_suffix(suffix)
    try:
        target = open_regular(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    except OSError:  # another entry stands there: leave it alone
        target = open_regular(_free_place(segment, suffix), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        for start, end in pieces:
            for chunk in read_chunks(descriptor, start, end):
                write_all(target, chunk)
        os.fsync(target)
    finally:
        os.close(target)
    sync_directory(place.parent)


def _free_place(segment: Segment, suffix: str) -> Path:
    """Return an unused path with this suffix.

    It keeps the marker, which the records in the file carry.
    """
    place = segment.path.with_suffix(suffix)
    moment = int(now().timestamp() * 1000)
    while os.path.lexists(place):
        moment += 1
        stem = f"{moment:013}-{segment.owner}-{segment.number:06}-{segment.marker.hex()}"
        place = segment.path.with_name(stem + suffix)
    return place
