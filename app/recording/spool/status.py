"""Status and commands of the spool for operators: waiting records, draining, retry of refused
notices.
"""

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.metrics import spool_bytes, spool_oldest_seconds, spool_records
from app.recording.spool.drainer import Drained, Drainer
from app.recording.spool.regular_files import open_regular, read_chunks
from app.recording.spool.segment_claims import SegmentHeld, claim_gone, list_unusable
from app.recording.spool.segment_reader import SEGMENT_LIMIT
from app.recording.spool.segments import (
    REFUSED,
    SPOOLED,
    TORN,
    Segment,
    directory_bytes,
    list_segments,
)

_METER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class SpoolState:
    """State of a spool directory.

    `oldest_seconds` is the age of its oldest segment, None without one.

    `unusable_entries` have the name of a spool file and cannot be read; none counts as a segment.
    """

    records: int
    segments: int
    bytes: int
    oldest_seconds: float | None
    refused_records: int
    torn_files: int
    unusable_entries: int = 0


class SpoolMeter:
    """Measures a spool directory repeatedly, and reads only segments that have grown.

    Any number of processes may.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._counted: dict[Path, tuple[int, int]] = {}

    def measure(self) -> SpoolState:
        """Return the state of the directory. Blocks.

        Counts records by their markers, so a damaged one may count too.
        """
        counts: dict[Path, int] = {}
        unusable = set(list_unusable(self._directory))
        kinds: dict[str, list[Segment]] = {SPOOLED: [], REFUSED: []}
        for suffix, segments in kinds.items():
            for segment in list_segments(self._directory, suffix):
                if segment.path in unusable:
                    continue
                try:
                    counts[segment.path] = self._count(segment)
                except FileNotFoundError:  # drained meanwhile
                    continue
                except OSError:
                    unusable.add(segment.path)
                    continue
                segments.append(segment)
        self._counted = {path: counted for path, counted in self._counted.items() if path in counts}
        spooled, refused = kinds[SPOOLED], kinds[REFUSED]
        return SpoolState(
            records=sum(counts[segment.path] for segment in spooled),
            segments=len(spooled),
            bytes=directory_bytes(self._directory),
            oldest_seconds=max(time.time() - spooled[0].created_ms / 1000, 0) if spooled else None,
            refused_records=sum(counts[segment.path] for segment in refused),
            torn_files=sum(path not in unusable for path in self._directory.glob(f"*{TORN}")),
            unusable_entries=len(unusable),
        )

    async def run(self) -> None:
        """Update the spool's metrics until cancelled."""
        while True:
            with suppress(OSError):  # a write to an unreadable directory logs it
                state = await asyncio.to_thread(self.measure)
                spool_records.set(state.records)
                spool_bytes.set(state.bytes)
                spool_oldest_seconds.set(state.oldest_seconds or 0)
            await asyncio.sleep(_METER_SECONDS)

    def _count(self, segment: Segment) -> int:
        """Return the number of records in a segment. Raises OSError if it cannot be read."""
        descriptor = open_regular(segment.path)
        try:
            size = os.fstat(descriptor).st_size
            known_size, count = self._counted.get(segment.path, (-1, 0))
            if size != known_size:
                count = _count_markers(descriptor, segment.marker)
        finally:
            os.close(descriptor)
        self._counted[segment.path] = (size, count)
        return count


def _count_markers(descriptor: int, marker: bytes) -> int:
    count, tail = 0, b""
    for chunk in read_chunks(descriptor, 0, SEGMENT_LIMIT):
        data = tail + chunk
        count += data.count(marker)
        tail = data[1 - len(marker) :]  # too short to hold a marker that was counted
    return count


def show_spool(directory: Path) -> SpoolState:
    """Return the state of a spool directory, all zero without one."""
    return SpoolMeter(directory).measure()


async def drain_spool(url: str, directory: Path) -> Drained:
    """Drain every segment whose process has ended; `held` counts those of living ones.

    Raises OSError or asyncpg's errors if directory or database fails; another call continues there.
    """
    return await Drainer(url, directory).drain_once()


def retry_refused(directory: Path) -> int:
    """Return the files of refused notices to the segments, to be drained again.

    Return their number. Blocks.

    Use it after an update that can read them, or once the database takes them. Files of living
    processes stay.
    """
    renamed = 0
    for segment in list_segments(directory, REFUSED):
        with suppress(OSError, SegmentHeld), claim_gone(segment):
            segment.path.rename(segment.path.with_suffix(SPOOLED))
            renamed += 1
    return renamed
