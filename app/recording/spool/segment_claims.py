"""Claims on segments: the exclusive right to read and remove one. Blocks."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from app.recording.spool.owner_lock import OwnerLock, list_locks
from app.recording.spool.regular_files import NotRegular, leads_to, open_regular
from app.recording.spool.segments import REFUSED, SPOOLED, TORN, OpenSegment, Segment, list_segments


class SegmentHeld(Exception):
    """A living process writes to the segment, or another one drains it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A segment that may be drained. `held` is set if this process has kept it open."""

    segment: Segment
    held: OpenSegment | None = None

    @contextmanager
    def open(self) -> Iterator[int]:
        """Open and lock the segment; yield its descriptor.

        Raises SegmentHeld, FileNotFoundError if it was drained meanwhile, NotRegular or OSError if
        it cannot be read.
        """
        descriptor = self.held.duplicate() if self.held else _open_locked(self.segment.path)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def drained(self) -> None:
        """Mark the segment as drained, so that its writer closes it."""
        if self.held is not None:
            self.held.drained = True


@dataclass(slots=True)
class Claimed:
    """Segments that can be drained, the number held by living processes, and unusable entries with
    their reasons.
    """

    claims: list[Claim] = field(default_factory=list)
    held: int = 0
    unusable: dict[Path, str] = field(default_factory=dict)


def _open_locked(path: Path) -> int:
    descriptor = open_regular(path, os.O_RDWR)  # some file systems lock only writable files
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not leads_to(path, descriptor):
            raise FileNotFoundError(path)
    except BlockingIOError:
        os.close(descriptor)
        raise SegmentHeld from None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def claim_segments(directory: Path, locks: ExitStack, own: str | None, known: set[Path]) -> Claimed:
    """Claim the segments of ended owners, and those of `own` that are not `known`.

    Holds the owners' locks until `locks` closes. An unusable lock decides nothing: each segment has
    a lock too.
    """
    claimed, living = Claimed(), set[str]()
    segments = [segment for segment in list_segments(directory) if segment.path not in known]
    owners = {path.stem for path in list_locks(directory)} | {segment.owner for segment in segments}
    for owner in sorted(owners - {own}):
        try:
            lock = OwnerLock.of_gone_owner(directory, owner)
        except OSError as error:
            claimed.unusable[directory / f"{owner}.lock"] = describe_problem(error)
            continue
        if lock is None:
            living.add(owner)
        else:
            locks.callback(_release, directory, owner, lock)
    claimed.held = sum(segment.owner in living for segment in segments)
    claimed.claims = [Claim(segment) for segment in segments if segment.owner not in living]
    return claimed


@contextmanager
def claim_gone(segment: Segment) -> Iterator[int]:
    """Open and lock a segment of an ended owner; yield its descriptor.

    Raises SegmentHeld while another process has it, and OSError.
    """
    with ExitStack() as opened:
        with suppress(NotRegular, PermissionError):  # decides nothing then, as above
            lock = OwnerLock.of_gone_owner(segment.path.parent, segment.owner)
            if lock is None:
                raise SegmentHeld
            opened.callback(lock.release, remove=False)
        yield opened.enter_context(Claim(segment).open())


def list_unusable(directory: Path) -> dict[Path, str]:
    """Return entries with the name of a segment, a lock or a refused file that cannot be read, with
    their reasons.
    """
    found = {}
    segments = [
        segment.path
        for suffix in (SPOOLED, REFUSED)
        for segment in list_segments(directory, suffix)
    ]
    for path in [*segments, *list_locks(directory), *directory.glob(f"*{TORN}")]:
        try:
            os.close(open_regular(path))
        except FileNotFoundError:
            continue
        except OSError as error:
            found[path] = describe_problem(error)
    return found


def describe_problem(error: OSError) -> str:
    """Return the reason of an error, without the path, which may be long."""
    return error.strerror or str(error) or type(error).__name__


def _release(directory: Path, owner: str, lock: OwnerLock) -> None:
    lock.release(remove=not any(segment.owner == owner for segment in list_segments(directory)))
