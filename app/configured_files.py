"""Reader of files that settings name: only regular files, of a limited size."""

import errno
import os
import stat
from pathlib import Path

LIMIT_BYTES = 4 * 1024 * 1024
"""Far more than a bundle of all public certificate authorities, which has a quarter of a MiB."""


def read_configured(path: Path) -> bytes:
    """Return the content of a file. Links are followed, since mounted secrets are links.

    Raises OSError like `os.open`, for anything but a regular file (EINVAL) and for more than
    LIMIT_BYTES (EFBIG).
    """
    _must_be_regular(path.stat().st_mode)  # checked first, since opening acts on some devices
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        _must_be_regular(os.fstat(descriptor).st_mode)
        content = file.read(LIMIT_BYTES + 1)
    if len(content) > LIMIT_BYTES:
        raise OSError(errno.EFBIG, f"larger than {LIMIT_BYTES // 1024**2} MiB")
    return content


def read_configured_text(path: Path) -> str:
    """Return the text of a file; raises OSError like `read_configured`, or UnicodeDecodeError."""
    return read_configured(path).decode("utf-8")


def _must_be_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file")
