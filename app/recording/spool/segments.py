"""Segment files of the spool: how they are named and listed, and the one writer that appends to them and syncs."""

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
    """What was written and synced cannot be reached by its name: somebody removed, moved or replaced the file or its directory."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment file. Its name says everything that must survive damage to its content: when it was begun, by whom, and the marker."""

    path: Path
    created_ms: int
    owner: str
    number: int
    marker: bytes

    @property
    def age(self) -> tuple[int, int]:
        """What segments are ordered by, oldest first."""
        return self.created_ms, self.number

    @classmethod
    def new(cls, directory: Path, owner: str, number: int, suffix: str) -> Self:
        """A segment that does not exist yet; its marker is random."""
        created_ms, marker = time.time_ns() // 1_000_000, secrets.token_bytes(MARKER_BYTES)
        path = directory / f"{created_ms:013}-{owner}-{number:06}-{marker.hex()}{suffix}"
        return cls(path, created_ms, owner, number, marker)

    @classmethod
    def parse(cls, path: Path) -> Self | None:
        """The segment of a file's name, None if it is not the name of one."""
        found = _STEM.fullmatch(path.stem)
        if found is None:
            return None
        created_ms, owner, number, marker = found.groups()
        return cls(path, int(created_ms), owner, int(number), bytes.fromhex(marker))


def list_segments(directory: Path, suffix: str = SPOOLED) -> list[Segment]:
    """The segments in a directory, oldest first; none if there is no such directory."""
    segments = [Segment.parse(path) for path in directory.glob(f"*{suffix}")]
    return sorted(
        (segment for segment in segments if segment is not None), key=lambda segment: segment.age
    )


def directory_bytes(directory: Path) -> int:
    """How many bytes the files of the spool take on the disk, those set aside included. Holes in a file take none."""
    total = 0
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # drained in this moment
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
    """A segment that its writer holds open and locked. `synced` is how many of its bytes are known to be durable.

    No other process drains it, whatever becomes of the owner's lock. As long as it is open its records can be read, whatever becomes
    of its name.
    """

    segment: Segment
    descriptor: int
    synced: int = 0
    drained: bool = False
    _closing: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def create(cls, segment: Segment, home: int) -> Self:
        """Make the file in the directory `home`, a descriptor, and lock it. Raise OSError."""
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
        """Return whether its name leads to it and nothing that was synced has been cut off."""
        return (
            leads_to(self.segment.path, self.descriptor)
            and os.fstat(self.descriptor).st_size >= self.synced
        )

    def duplicate(self) -> int:
        """Return a descriptor of one's own. Raise FileNotFoundError when the segment was closed."""
        with self._closing:
            if self.descriptor < 0:
                raise FileNotFoundError
            return os.dup(self.descriptor)

    def close(self) -> None:
        """Give up descriptor and lock."""
        with self._closing:
            descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):  # what it holds was synced before
                os.close(descriptor)


class SegmentWriter:
    """Appends records to segments and syncs them. Blocks; used by one thread at a time.

    `on_sealed` takes each segment that is ended and not empty, and has to close it.
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
        self._used = (
            0  # bytes of the whole directory, as measured at `_measured` and counted on from there
        )
        self._measured = float("-inf")

    def write(self, payloads: Sequence[bytes]) -> None:
        """Return once every payload is durable as a record that its name leads to.

        Raises SpoolFull or OSError; some of the records may be there all the same. After an error of the active segment a new one is
        tried: a failed sync says nothing about what a second one would.
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
            active, self._active = self._active, None
            self._on_sealed(active)
            self._leave_home()

    @property
    def is_writing(self) -> bool:
        """Return whether there is an active segment."""
        return self._active is not None

    def is_reachable(self) -> bool:
        """Return whether the names of the active segment and of its directory still lead to them; True without an active segment."""
        if self._active is None:
            return True
        try:
            at_home = os.path.samestat(self._directory.stat(), os.fstat(self._home))
        except OSError:
            return False
        return at_home and self._active.is_reachable()

    def _check_room(self, size: int) -> None:
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
            )  # these records are written again, and need not be rescued from here
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
        """Leave the active segment with what is durable in it. Where it cannot be cut back, a reader finds the records all the same."""
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
