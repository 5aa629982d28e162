"""Segment files of the spool: how they are named and listed, and the one writer that appends to them and syncs."""

import os
import secrets
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from app.receiving.spool_format import MARKER_BYTES, frame

SPOOLED = ".spool"
REFUSED = ".refused"
TORN = ".torn"
SEGMENT_BYTES = 8 * 1024 * 1024
_MEASURE_SECONDS = 1.0
_PROBE_BYTES = 16 * 1024


class SpoolFull(Exception):
    """The spool has reached its size limit."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment file. Its name says everything that must survive damage to its content: when it was begun, by whom, and the marker."""

    path: Path
    created_ms: int
    owner: str
    number: int
    marker: bytes

    @classmethod
    def new(cls, directory: Path, owner: str, number: int, suffix: str) -> Self:
        """A segment that does not exist yet; its marker is random."""
        created_ms, marker = time.time_ns() // 1_000_000, secrets.token_bytes(MARKER_BYTES)
        path = directory / f"{created_ms:013}-{owner}-{number:06}-{marker.hex()}{suffix}"
        return cls(path, created_ms, owner, number, marker)

    @classmethod
    def parse(cls, path: Path) -> Self | None:
        """The segment of a file's name, None if it is not the name of one."""
        try:
            created_ms, owner, number, marker = path.stem.split("-")
            segment = cls(path, int(created_ms), owner, int(number), bytes.fromhex(marker))
        except ValueError:
            return None
        return segment if len(segment.marker) == MARKER_BYTES else None


def list_segments(directory: Path, suffix: str = SPOOLED) -> list[Segment]:
    """The segments in a directory, oldest first; none if there is no such directory."""
    segments = [Segment.parse(path) for path in directory.glob(f"*{suffix}")]
    return in_order(segment for segment in segments if segment is not None)


def in_order(segments: Iterable[Segment]) -> list[Segment]:
    """Segments, oldest first."""
    return sorted(segments, key=lambda segment: (segment.created_ms, segment.number))


def directory_bytes(directory: Path) -> int:
    """How many bytes the files of the spool take, those set aside included."""
    total = 0
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # drained in this moment
                total += entry.stat().st_size
    return total


def make_directory(directory: Path) -> None:
    """Make the spool's directory, readable by its owner only."""
    if not directory.is_dir():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_directory(directory.parent)


def sync_directory(directory: Path) -> None:
    """Make the creation and removal of files in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class SegmentWriter:
    """Appends records to segments and syncs them. Blocks; used by one thread at a time."""

    def __init__(self, directory: Path, owner: str, *, suffix: str, limit: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._directory = directory
        self._owner = owner
        self._suffix = suffix
        self._limit = limit
        self._segment_bytes = segment_bytes
        self._active: Segment | None = None
        self._descriptor = -1
        self._synced = 0  # bytes of the active segment that are known to be durable
        self._number = 0
        self._used = 0  # bytes of the whole directory, as measured at `_measured` and counted on from there
        self._measured = float("-inf")

    def write(self, payloads: Sequence[bytes]) -> None:
        """Return once every payload is durable as a record. Raises SpoolFull or OSError; some of the records may be there all the same.

        After an error of the active segment a new one is tried: a failed sync says nothing about what a second one would.
        """
        self._check_room(sum(map(len, payloads)))
        try:
            self._write(payloads)
        except OSError:
            self._abandon()
            try:
                self._write(payloads)
            except OSError:
                self._abandon()
                raise

    def probe(self) -> None:
        """Raise what a write would raise now. Nothing is left behind."""
        make_directory(self._directory)
        self._check_room(_PROBE_BYTES)
        descriptor, path = tempfile.mkstemp(suffix=".probe", dir=self._directory)
        try:
            if os.write(descriptor, bytes(_PROBE_BYTES)) < _PROBE_BYTES:
                raise SpoolFull
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
            Path(path).unlink()

    def seal(self) -> None:
        """End the active segment, so that it can be drained; the next write begins a new one."""
        if self._active is not None:
            self._active = None
            os.close(self._descriptor)

    def _check_room(self, size: int) -> None:
        if time.monotonic() - self._measured > _MEASURE_SECONDS:
            self._used = directory_bytes(self._directory)
            self._measured = time.monotonic()
        if self._used + size > self._limit:
            raise SpoolFull
        self._used += size

    def _write(self, payloads: Sequence[bytes]) -> None:
        if self._active is not None and self._synced >= self._segment_bytes:
            self.seal()
        active = self._active or self._begin()
        data = memoryview(b"".join([frame(payload, active.marker) for payload in payloads]))
        written = 0
        while written < len(data):
            written += os.write(self._descriptor, data[written:])
        os.fdatasync(self._descriptor)
        self._synced += len(data)

    def _begin(self) -> Segment:
        make_directory(self._directory)
        self._number += 1
        segment = Segment.new(self._directory, self._owner, self._number, self._suffix)
        self._descriptor = os.open(segment.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._active, self._synced = segment, 0
        sync_directory(self._directory)
        return segment

    def _abandon(self) -> None:
        """Leave the active segment with what is durable in it. Where it cannot be cut back, a reader finds the records all the same."""
        if self._active is None:
            return
        path, synced = self._active.path, self._synced
        with suppress(OSError):
            os.ftruncate(self._descriptor, synced)
            os.fdatasync(self._descriptor)
        with suppress(OSError):
            self.seal()
        if not synced:
            with suppress(OSError):
                path.unlink()
