"""Safe opening of files in a directory that others can write to: regular files only, no links, no
blocking.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

CHUNK_BYTES = 1024 * 1024
_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotRegular(OSError):
    """The name leads to a link, a directory, a FIFO, a socket or a device."""


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """Return a descriptor of a regular file; a new file gets mode 0600.

    Raises NotRegular for anything else, and OSError as `os.open` does.
    """
    _must_be_regular(path)  # before opening: some devices act on an open
    descriptor = os.open(path, flags | _SAFE, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegular("not a regular file")
    return descriptor


def leads_to(path: Path, descriptor: int) -> bool:
    """Return True if the name leads to the open file. Links are not followed."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except OSError:
        return False


def read_chunks(descriptor: int, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield the bytes from offset `start` to `end`, or to the end of the file, in chunks."""
    while end is None or start < end:
        size = CHUNK_BYTES if end is None else min(CHUNK_BYTES, end - start)
        chunk = os.pread(descriptor, size, start)
        if not chunk:
            return
        yield chunk
        start += len(chunk)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes, in several calls if needed. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _must_be_regular(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise NotRegular("not a regular file")
