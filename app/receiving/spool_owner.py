"""Who may drain which segments: each writing process holds a lock for its life, and only when it is gone do others take its segments."""

import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path

from app.receiving.segments import make_directory

LOCK = ".lock"


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
        """The lock of an owner that is gone, None while it lives or while somebody else drains for it."""
        return cls._take(directory / f"{owner}{LOCK}", os.O_RDWR | os.O_CREAT)

    @classmethod
    def _take(cls, path: Path, flags: int) -> "OwnerLock | None":
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_ino == path.stat().st_ino:  # else it was removed between our open and our lock
                return cls(path, descriptor)
        except (BlockingIOError, FileNotFoundError):
            pass
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def release(self, *, remove: bool) -> None:
        """Let go; with `remove` the file goes too, for an owner that left no segments."""
        if remove:
            with suppress(OSError):
                self._path.unlink()
        os.close(self._descriptor)
