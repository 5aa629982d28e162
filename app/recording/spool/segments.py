"""Segment files of the spool: names, listing, and the only writer that appends and syncs."""

import fcntl
import os
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from app.recording.spool.record_format import MARKER_BYTES, frame
from app.recording.spool.regular_files import leads_to, write_all

SPOOLED = ".spool"
REFUSED = ".refused"
TORN = ".torn"
SEGMENT_BYTES = 8 * 1024 * 1024
_MEASURE_SECONDS = 1.0
_PROBE_BYTES = 16 * 1024
_STEM = re.compile(
    rf"([0-9]{{1,20}})-([0-9A-Za-z]{{1,64}})-([0-9]{{1,12}})-([0-9a-f]{{{2 * MARKER_BYTES}}})"
)


class SpoolFull(Exception):
    """The spool has reached its size limit."""


class SegmentLost(OSError):
    """Synced bytes cannot be reached by their name: the file or its directory was removed, moved or
    replaced.
    """


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment file.

    Its name holds what must survive damage to its content: its time, its owner and its marker.
    """

    path: Path
    created_ms: int
    owner: str
    number: int
    marker: bytes

    @property
    def age(self) -> tuple[int, int]:
        """Return the key that sorts segments, oldest first."""
        return self.created_ms, self.number

    @classmethod
    def new(cls, directory: Path, owner: str, number: int, suffix: str) -> Self:
        """Return a segment that does not exist yet, with a random marker."""
        created_ms, marker = time.time_ns() // 1_000_000, secrets.token_bytes(MARKER_BYTES)
        path = directory / f"{created_ms:013}-{owner}-{number:06}-{marker.hex()}{suffix}"
        return cls(path, created_ms, owner, number, marker)

    @classmethod
    def parse(cls, path: Path) -> Self | None:
        """Return the segment of a file's name, or None for another name."""
        found = _STEM.fullmatch(path.stem)
        if found is None:
            return None
        created_ms, owner, number, marker = found.groups()
        return cls(path, int(created_ms), owner, int(number), bytes.fromhex(marker))


def list_segments(directory: Path, suffix: str = SPOOLED) -> list[Segment]:
    """Return the segments in a directory, oldest first; none without such a directory."""
    segments = [Segment.parse(path) for path in directory.glob(f"*{suffix}")]
    return sorted(
        (segment for segment in segments if segment is not None), key=lambda segment: segment.age
    )


def directory_bytes(directory: Path) -> int:
    """Return the bytes that the spool's files take on disk, refused ones included.

    Holes in a file take none.
    """
    total = 0
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # drained meanwhile
                status = entry.stat(follow_symlinks=False)
                total += min(status.st_size, status.st_blocks * 512)
    return total


def make_directory(directory: Path) -> None:
    """Make the spool's directory, readable by its owner only."""
    missing: list[Path] = []
    for each in (directory, *directory.parents):
        if each.is_dir():
            break
        missing.append(each)
    if missing:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in missing:
            sync_directory(each.parent)


def sync_directory(directory: Path) -> None:
    """Make the creation and removal of files in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(slots=True, eq=False)
class OpenSegment:
    """A segment that its writer holds open and locked. `synced` counts its durable bytes.

    No other process drains it, even without the owner's lock. While it is open its records can be
    read, even without its name.
    """

    segment: Segment
    descriptor: int
    synced: int = 0
    drained: bool = False
    _closing: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def create(cls, segment: Segment, home: int) -> Self:
        """Make and lock the file in the directory `home`, a descriptor. Raises OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(segment.path.name, flags, 0o600, dir_fd=home)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            with suppress(OSError):
                os.unlink(segment.path.name, dir_fd=home)
            raise
        return cls(segment, descriptor)

    def is_reachable(self) -> bool:
        """Return True if its name leads to it and no synced byte was cut off."""
        return (
            leads_to(self.segment.path, self.descriptor)
            and os.fstat(self.descriptor).st_size >= self.synced
        )

    def duplicate(self) -> int:
        """Return a descriptor of one's own. Raises FileNotFoundError if the segment was closed."""
        with self._closing:
            if self.descriptor < 0:
                raise FileNotFoundError
            return os.dup(self.descriptor)

    def close(self) -> None:
        """Close the descriptor and release the lock."""
        with self._closing:
            descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):  # its content was synced before
                os.close(descriptor)


class SegmentWriter:
    """Appends records to segments and syncs them. Blocks; use it in one thread at a time.

    `on_sealed` gets each ended segment that is not empty, and must close it.
    """

    def __init__(
        self,
        directory: Path,
        owner: str,
        *,
        suffix: str,
        limit: int,
        segment_bytes: int = SEGMENT_BYTES,
        on_sealed: Callable[[OpenSegment], None] = OpenSegment.close,
    ) -> None:
        self.owner = owner
        self._directory = directory
        self._suffix = suffix
        self._limit = limit
        self._segment_bytes = segment_bytes
        self._on_sealed = on_sealed
        self._active: OpenSegment | None = None
        self._home = -1  # the directory of the active segment
        self._number = 0
        self._used = 0  # of the whole directory, measured at `_measured` and counted from there
        self._measured = float("-inf")

    def write(self, payloads: Sequence[bytes]) -> None:
        """Return once every payload is durable as a record that its segment's name leads to.

        Raises SpoolFull or OSError; some records may then be durable. After an error a new segment
        is tried, since a failed sync says nothing about the next one.
        """
        self._check_space(sum(map(len, payloads)))
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
        """Raise the error of a write now. Leaves nothing behind."""
        make_directory(self._directory)
        self._check_space(_PROBE_BYTES)
        descriptor, path = tempfile.mkstemp(suffix=".probe", dir=self._directory)
        try:
            if os.write(descriptor, bytes(_PROBE_BYTES)) < _PROBE_BYTES:
                raise SpoolFull
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
            Path(path).unlink()

    def seal(self) -> None:
        """End the active segment, so that it can be drained. The next write begins a new one."""
        if self._active is not None:
            active, self._active = self._active, None
            self._on_sealed(active)
            self._leave_home()

    @property
    def is_writing(self) -> bool:
        """Return True if there is an active segment."""
        return self._active is not None

    def is_reachable(self) -> bool:
        """Return True if active segment and directory can be reached by their names, or none is
        active.
        """
        if self._active is None:
            return True
        try:
            at_home = os.path.samestat(self._directory.stat(), os.fstat(self._home))
        except OSError:
            return False
        return at_home and self._active.is_reachable()

    def _check_space(self, size: int) -> None:
        if time.monotonic() - self._measured > _MEASURE_SECONDS:
            self._used = directory_bytes(self._directory)
            self._measured = time.monotonic()
        if self._used + size > self._limit:
            raise SpoolFull
        self._used += size

    def _write(self, payloads: Sequence[bytes]) -> None:
        if self._active is not None and self._active.synced >= self._segment_bytes:
            self.seal()
        active = self._active or self._begin()
        data = b"".join([frame(payload, active.segment.marker) for payload in payloads])
        write_all(active.descriptor, data)
        os.fdatasync(active.descriptor)
        active.synced += len(data)
        if not self.is_reachable():
            active.synced -= len(
                data
            )  # these records are written again and need no rescue from here
            raise SegmentLost(f"{active.segment.path.name} was removed, moved or replaced")

    def _begin(self) -> OpenSegment:
        make_directory(self._directory)
        self._number += 1
        segment = Segment.new(self._directory, self.owner, self._number, self._suffix)
        home = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            active = OpenSegment.create(segment, home)
        except OSError:
            os.close(home)
            raise
        self._active, self._home = active, home
        os.fsync(home)
        with suppress(PermissionError):  # a parent that we may not read was not made by us
            sync_directory(self._directory.parent)
        return active

    def _abandon(self) -> None:
        """End the active segment after its durable bytes.

        A reader finds the records even if it cannot be cut back.
        """
        active = self._active
        if active is None:
            return
        with suppress(OSError):
            if os.fstat(active.descriptor).st_size > active.synced:
                os.ftruncate(active.descriptor, active.synced)
                os.fdatasync(active.descriptor)
        if active.synced:
            self.seal()
            return
        with suppress(OSError):
            if leads_to(active.segment.path, active.descriptor):
                active.segment.path.unlink()
        self._active = None
        active.close()
        self._leave_home()

    def _leave_home(self) -> None:
        home, self._home = self._home, -1
        with suppress(OSError):
            os.close(home)
