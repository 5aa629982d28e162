"""Parser for multipart forms with one file (RFC 7578), as the form arrives, in little memory."""

from collections.abc import Callable
from email.message import Message
from typing import Final

from app.console.http.forms import MAX_BYTES, FormTooLarge

_MAX_HEAD: Final = 8 * 1024
_MAX_PARTS: Final = 50


class BadForm(Exception):
    """The body is not a multipart form, or it ends in the middle."""


class MultipartParser:
    """Fields of a form, and the bytes of its file, which go to `write` as they arrive."""

    def __init__(self, content_type: str, write: Callable[[bytes], None]) -> None:
        """Take the boundary from the content type. Raises BadForm."""
        boundary = _parameter(content_type, "boundary")
        if not content_type.lower().startswith("multipart/form-data") or not boundary:
            raise BadForm
        self._delimiter = b"\r\n--" + boundary.encode("latin-1")
        self._buffer = bytearray(b"\r\n")  # the first delimiter has no line before it
        self._step = self._skip
        self._write = write
        self._name = ""
        self._left = MAX_BYTES
        self._parts = 0
        self.fields: dict[str, list[bytes]] = {}
        self.ended = False

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the body.

        Raises BadForm, FormTooLarge, and what `write` raises.
        """
        self._buffer += piece
        while not self.ended and self._step():
            pass
        if self.ended:
            self._buffer.clear()

    def _skip(self) -> bool:
        """Pass over what comes before the first delimiter."""
        return self._content(lambda content: None)

    def _in_file(self) -> bool:
        return self._content(self._write)

    def _in_field(self) -> bool:
        return self._content(self._keep)

    def _keep(self, content: bytes) -> None:
        self._left -= len(content)
        if self._left < 0:
            raise FormTooLarge
        self.fields[self._name][-1] += content

    def _content(self, take: Callable[[bytes], None]) -> bool:
        """Hand over what is certainly content. Return True if the delimiter was found."""
        found = self._buffer.find(self._delimiter)
        # The beginning of a delimiter may be at the end.
        end = max(len(self._buffer) - len(self._delimiter) + 1, 0) if found < 0 else found
        if end:
            take(bytes(self._buffer[:end]))
            del self._buffer[:end]
        if found < 0:
            return False
        del self._buffer[: len(self._delimiter)]
        self._step = self._after_delimiter
        return True

    def _after_delimiter(self) -> bool:
        if len(self._buffer) < len(b"--"):
            return False
        if self._buffer.startswith(b"--"):
            self.ended = True
        elif not self._buffer.startswith(b"\r\n"):
            raise BadForm
        self._step = self._in_head
        return True

    def _in_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 and len(self._buffer) > _MAX_HEAD:
            raise FormTooLarge
        if end < 0:
            return False
        head = bytes(self._buffer[:end]).decode("utf-8", "replace")
        del self._buffer[: end + 4]
        self._begin_part(head)
        return True

    def _begin_part(self, head: str) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise FormTooLarge
        disposition = next(
            (
                line.partition(":")[2]
                for line in head.splitlines()
                if line.lower().startswith("content-disposition:")
            ),
            "",
        )
        self._name = _parameter(disposition, "name")
        if not self._name:
            raise BadForm
        if "filename" in disposition.lower():
            self._step = self._in_file
        else:
            self.fields.setdefault(self._name, []).append(b"")
            self._step = self._in_field


def _parameter(header: str, name: str) -> str:
    message = Message()
    message["content-type"] = header.strip().replace("\r", "").replace("\n", "")
    found = message.get_param(name, "")
    return found if isinstance(found, str) else ""
