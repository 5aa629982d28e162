"""Reading files that settings name: regular files of a limited size, no waiting for a writer."""

import errno
import os
import stat
from pathlib import Path

LIMIT_BYTES = 4 * 1024 * 1024
"""A bundle of all public authorities has a quarter of a MiB."""


def read_configured(path: Path) -> bytes:
    """Return what is in the file. Links are followed, as mounted secrets are links.

    Raise OSError as `os.open` does, for what is no regular file (EINVAL) and for more than
    LIMIT_BYTES (EFBIG).
    """
    _must_be_regular(path.stat().st_mode)  # before it is opened: some devices act on that
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        _must_be_regular(os.fstat(descriptor).st_mode)
        content = file.read(LIMIT_BYTES + 1)
    if len(content) > LIMIT_BYTES:
        raise OSError(errno.EFBIG, f"larger than {LIMIT_BYTES // 1024**2} MiB")
    return content


def read_configured_text(path: Path) -> str:
    """Return the text in the file. Raise OSError as `read_configured`, UnicodeDecodeError."""
    return read_configured(path).decode("utf-8")


def _must_be_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file")
