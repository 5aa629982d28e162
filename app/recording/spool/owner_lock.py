"""Owner locks of the spool.

A process locks a file for its lifetime, and others drain its segments only after its end.

A lock file can be removed under its owner. The owner therefore locks each of its segments too, and
a free owner's lock alone proves nothing.
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
    """Return every entry of a directory with the name of an owner's lock."""
    return [path for path in directory.glob(f"*{LOCK}") if _OWNER.fullmatch(path.stem)]


class OwnerLock:
    """A lock that ends with its process, after a crash too.

    Needs a file system with working flock.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def of_new_owner(cls, directory: Path) -> tuple[str, "OwnerLock"]:
        """Return a new owner's unique name and its lock. Raises OSError without write access."""
        make_directory(directory)
        while True:
            owner = secrets.token_hex(6)
            lock = cls._take(directory / f"{owner}{LOCK}", os.O_RDWR | os.O_CREAT | os.O_EXCL)
            if lock is not None:
                return owner, lock

    @classmethod
    def of_gone_owner(cls, directory: Path, owner: str) -> "OwnerLock | None":
        """Return the lock of an ended owner; None while it lives or another process drains for it.

        Raises OSError if the lock is not a regular file or cannot be opened.
        """
        return cls._take(directory / f"{owner}{LOCK}", os.O_RDWR | os.O_CREAT)

    @classmethod
    def _take(cls, path: Path, flags: int) -> "OwnerLock | None":
        descriptor = open_regular(path, flags)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if leads_to(path, descriptor):  # else it was removed between open and lock
                return cls(path, descriptor)
        except BlockingIOError:
            pass
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def is_reachable(self) -> bool:
        """Return True if the lock's name still leads to it, so that others see a living owner."""
        return leads_to(self._path, self._descriptor)

    def release(self, *, remove: bool) -> None:
        """Release the lock. With `remove`, delete its file: the owner left no segments."""
        if remove:
            with suppress(OSError):
                self._path.unlink()
        os.close(self._descriptor)
