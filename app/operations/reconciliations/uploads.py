"""Uploaded files: kept in a file without a name, up to a limit."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final

from app.operations.errors import FileNotKept, FileTooLarge

UPLOAD_LIMIT: Final = 256 * 1024 * 1024
"""Bytes of an uploaded file at most: several million orders."""


class Upload:
    """A file that arrives in pieces. It has no name, so it ends with this process."""

    def __init__(self, file: BinaryIO, limit: int = UPLOAD_LIMIT) -> None:
        """Write to `file`."""
        self.file = file
        self._limit = limit
        self._left = limit

    def write(self, piece: bytes) -> None:
        """Append a piece. Raise FileTooLarge or FileNotKept."""
        self._left -= len(piece)
        if self._left < 0:
            raise FileTooLarge(self._limit)
        with _kept():
            self.file.write(piece)

    def whole(self) -> BinaryIO:
        """Return the whole file, to be read from its start. Raise FileNotKept."""
        with _kept():
            self.file.seek(0)
        return self.file

    def check_length(self, stated: str | None) -> None:
        """Raise FileTooLarge for the length that a sender states before it sends."""
        if stated and stated.isdecimal() and int(stated[:20]) > self._limit:
            raise FileTooLarge(self._limit)


@asynccontextmanager
async def new_upload(directory: Path | None, limit: int = UPLOAD_LIMIT) -> AsyncIterator[Upload]:
    """Yield an empty upload in `directory` (None: the system's), removed in the end."""
    file = _open(directory)
    try:
        yield Upload(file, limit)
    finally:
        with suppress(OSError):  # a full disk does not take the last bytes either
            file.close()


def _open(directory: Path | None) -> BinaryIO:
    with _kept():
        if directory is not None:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return TemporaryFile(dir=directory)


@contextmanager
def _kept() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileNotKept(error) from None
