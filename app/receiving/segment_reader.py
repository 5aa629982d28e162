"""Reading sealed segments: their notices in order, what is damaged or unreadable in them, and taking a drained one away. Blocks."""

import os
from dataclasses import dataclass
from pathlib import Path

from app.logs import get_logger
from app.metrics import notices_refused, spool_torn_bytes
from app.receiving.notice import Notice
from app.receiving.segments import REFUSED, TORN, Segment, sync_directory
from app.receiving.spool_format import Damage, Record, Unreadable, decode_notice, frame, scan

log = get_logger("spool")


@dataclass(frozen=True, slots=True)
class Content:
    """What a segment holds: notices; payloads that this version cannot read; bytes that belong to no record, and where they were."""

    notices: list[Notice]
    unreadable: list[bytes]
    damages: list[Damage]
    damaged: bytes


def read_segment(segment: Segment) -> Content:
    """Read a whole segment, some 8 MiB. Raises FileNotFoundError when somebody else drained it, OSError when it cannot be read."""
    data = segment.path.read_bytes()
    parts = list(scan(data, segment.marker))
    damages = [part for part in parts if isinstance(part, Damage)]
    content = Content([], [], damages, b"".join([data[damage.start : damage.end] for damage in damages]))
    for part in parts:
        if isinstance(part, Record):
            _decode(part, content)
    return content


def _decode(record: Record, content: Content) -> None:
    try:
        content.notices.append(decode_notice(record.payload))
    except Unreadable:
        content.unreadable.append(record.payload)


def remove_segment(segment: Segment, content: Content, refused: list[bytes]) -> None:
    """Take a drained segment away. What could not be drained is set aside first: damaged bytes as `.torn`, payloads as `.refused`."""
    payloads = content.unreadable + refused
    if payloads:
        _set_aside(segment.path.with_suffix(REFUSED), b"".join([frame(payload, segment.marker) for payload in payloads]))
        notices_refused.inc(len(payloads))
        log.error("records_set_aside", segment=segment.path.name, unreadable=len(content.unreadable), refused=len(refused))
    if content.damages:
        _set_aside(segment.path.with_suffix(TORN), content.damaged)
        spool_torn_bytes.inc(len(content.damaged))
        places = [(damage.start, damage.end) for damage in content.damages[:10]]
        log.error("segment_torn", segment=segment.path.name, places=len(content.damages), bytes=len(content.damaged), first=places)
    segment.path.unlink(missing_ok=True)
    sync_directory(segment.path.parent)


def _set_aside(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    sync_directory(path.parent)
