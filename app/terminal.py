"""Standard output and standard error of commands.

They survive an encoding that lacks a character and a write that fails.
"""

import codecs
import io
import os
import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_ERRORS = "zeus-relay-escape"


class OutputLost(Exception):
    """A write to standard output failed: its reader is gone or its disk is full.

    The text is fit for a terminal.
    """


class _Descriptor(io.RawIOBase):
    """A descriptor of the process. A failed write raises OutputLost, or is ignored if `silent`."""

    def __init__(self, descriptor: int, *, silent: bool) -> None:
        self._descriptor = descriptor
        self._silent = silent

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer") -> int | None:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return None
        except OSError as error:
            if self._silent:
                return memoryview(data).nbytes
            _discard(self._descriptor)
            raise OutputLost(
                f"the output could not be written: {error.strerror}; what was done stays done"
            ) from None


def prepare_streams() -> None:
    """Replace the standard streams, so that no character and no failed write causes a traceback.

    Call this at the start of a process. Characters that the encoding lacks are written as JSON
    escapes. Closed descriptors are opened, so that no file or connection gets their numbers.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # takes the lowest free number; a write to it fails
    codecs.register_error(_ERRORS, _escape)
    sys.stdout = _stream(1, sys.stdout, silent=False)
    sys.stderr = _stream(2, sys.stderr, silent=True)  # no stream is left for its error


def print_json(text: str) -> None:
    """Print JSON: unchanged where the output is UTF-8, else in ASCII.

    Some encodings have other characters in the places of `\\` and `~`, and programs expect JSON in
    UTF-8.
    """
    utf_8 = (getattr(sys.stdout, "encoding", None) or "utf-8").replace("_", "-").lower() in (
        "utf-8",
        "utf8",
    )
    typer.echo(text if utf_8 else text.encode("ascii", _ERRORS).decode())


def _stream(descriptor: int, given: object, *, silent: bool) -> io.TextIOWrapper:
    raw = _Descriptor(descriptor, silent=silent)
    encoding = getattr(given, "encoding", None) or "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding, _ERRORS, line_buffering=raw.isatty() or silent
    )


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Return JSON escapes of characters; those beyond the basic plane become two."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    halves = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = (halves[index : index + 2].hex() for index in range(0, len(halves), 2))
    return "".join(f"\\u{pair}" for pair in pairs), error.end


def _discard(descriptor: int) -> None:
    """Send buffered output to the null device.

    Otherwise Python would report an error when the process ends.
    """
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)
