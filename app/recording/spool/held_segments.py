"""Segments that their writer keeps open until they are drained.

Whoever removes, moves or replaces a segment under a living receiver takes only its name. The
drainer still reads its records through the descriptor, or they are written again under a new name.
"""

from collections.abc import Callable, Iterator

from app.logs import get_logger
from app.metrics import spool_files_lost
from app.recording.spool.record_format import Record
from app.recording.spool.segment_claims import Claim
from app.recording.spool.segment_reader import scan_segment
from app.recording.spool.segments import OpenSegment

HELD_LIMIT = 128
"""Open segments at most, one file descriptor each: 1 GiB, the spool's default limit."""
_BATCH_BYTES = 1024 * 1024

log = get_logger("spool")


class HeldSegments:
    """Sealed segments of one writing process. Use it in the writing thread only."""

    def __init__(self, limit: int = HELD_LIMIT) -> None:
        self._limit = limit
        self._segments: list[OpenSegment] = []
        self._lost: list[OpenSegment] = []

    def add(self, segment: OpenSegment) -> None:
        """Keep a segment open.

        Above the limit, close the oldest one that can be reached by its name.
        """
        self._segments.append(segment)
        if len(self._segments) > self._limit:
            oldest = next((each for each in self._segments if each.is_reachable()), None)
            if oldest is not None:
                self._segments.remove(oldest)
                oldest.close()

    def __bool__(self) -> bool:
        return bool(self._segments)

    def claims(self) -> list[Claim]:
        """Return a claim on each undrained segment, oldest first."""
        self._close_drained()
        return [Claim(each.segment, each) for each in self._segments]

    def rescue_one(self, write: Callable[[list[bytes]], None]) -> bool:
        """Write the records of one unreachable segment again; return True if there was one.

        Raises SpoolFull or OSError; the segment is kept for another try.
        """
        self._close_drained()
        lost = next((each for each in self._segments if not each.is_reachable()), None)
        if lost is None:
            return False
        if lost not in self._lost:  # logged and counted once, also when the rescue is retried
            self._lost.append(lost)
            spool_files_lost.inc()
            log.error("spool_file_lost", segment=lost.segment.path.name)
        records = 0
        for payloads in _batches(lost):
            write(payloads)
            records += len(payloads)
        log.warning("spool_records_rewritten", segment=lost.segment.path.name, records=records)
        self._segments.remove(lost)
        self._lost.remove(lost)
        lost.close()
        return True

    def close(self) -> None:
        """Close every segment."""
        for each in self._segments:
            each.close()
        self._segments = []

    def _close_drained(self) -> None:
        for each in [each for each in self._segments if each.drained]:
            each.close()
            self._segments.remove(each)


def _batches(segment: OpenSegment) -> Iterator[list[bytes]]:
    payloads: list[bytes] = []
    size = 0
    for part in scan_segment(segment.descriptor, segment.segment.marker):
        if not isinstance(part, Record):
            continue
        payloads.append(part.payload)
        size += len(part.payload)
        if size >= _BATCH_BYTES:
            yield payloads
            payloads, size = [], 0
    if payloads:
        yield payloads
