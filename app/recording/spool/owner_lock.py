"""Who may drain which segments: each writing process holds a lock for its life, and only when it is gone do others take its segments.

A lock file can be removed under its owner. So the owner also locks each of its segments, and a free owner's lock alone proves nothing.
"""

import fcntl
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from app.recording.spool.regular_files import leads_to, open_regular
from app.recording.spool.segments import make_directory

LOCK = ".lock"
_OWNER = re.compile("[0-9A-Za-z]{1,64}")


def list_locks(directory: Path) -> list[Path]:
    """Return everything in a directory that is named like an owner's lock."""
    return [path for path in directory.glob(f"*{LOCK}") if _OWNER.fullmatch(path.stem)]


class OwnerLock:
    """A lock that ends with the process that holds it, however that ends. The file must be on a file system with working flock."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def of_new_owner(cls, directory: Path) -> tuple[str, "OwnerLock"]:
        """A name that no process ever had, and its lock. Raises OSError when the directory cannot be written to."""
        make_directory(directory)
        while True:
            owner = secrets.token_hex(6)
            lock = cls._take(directory / f"{owner}{LOCK}", os.O_RDWR | os.O_CREAT | os.O_EXCL)
            if lock is not None:
                return owner, lock

    @classmethod
    def of_gone_owner(cls, directory: Path, owner: str) -> "OwnerLock | None":
        """The lock of an owner that is gone, None while it lives or while somebody else drains for it.

        Raises OSError when the lock cannot be used, because it is not a regular file or not ours to open.
        """
        return cls._take(directory / f"{owner}{LOCK}", os.O_RDWR | os.O_CREAT)

    @classmethod
    def _take(cls, path: Path, flags: int) -> "OwnerLock | None":
        descriptor = open_regular(path, flags)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if leads_to(path, descriptor):  # else it was removed between our open and our lock
                return cls(path, descriptor)
        except BlockingIOError:
            pass
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def is_reachable(self) -> bool:
        """Return whether its name still leads to it, so that others can see that its owner lives."""
        return leads_to(self._path, self._descriptor)

    def release(self, *, remove: bool) -> None:
        """Let go; with `remove` the file goes too, for an owner that left no segments."""
        if remove:
            with suppress(OSError):
                self._path.unlink()
        os.close(self._descriptor)
