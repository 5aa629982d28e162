"""Head of an HTTP answer, kept byte by byte: its status counts even if the rest is malformed.

A parser rejects an answer as a whole: for two lengths or a forbidden body it raises an error
without the status. So the head is kept apart from what the parser makes of it.
"""

import re

from app.network.http.failures import EndlessHead

LONGEST_HEAD = 65_536
"""Most bytes of an answer's head, with informational answers before it.

A longer head ends the attempt.
"""
MOST_INFORMATIONAL = 32
"""Most informational answers (1xx) before the answer itself."""

# RFC 9112, section 4. The character after the code is needed: `20` may become `200`, and
# `200` may become `2000`.
_STATUS_LINE = re.compile(rb"HTTP/\d\.\d[ \t]+(\d{3})[ \t\r\n]")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_RETRY_AFTER = re.compile(rb"\nretry-after[ \t]*:([^\r\n]*)\r?\n", re.IGNORECASE)
_FRAMING = re.compile(rb"\n(?:content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)
_SWITCHING_PROTOCOLS = 101


class AnswerHead:
    """Head of an answer as far as it arrived. `status` is None until its status line is there."""

    def __init__(self) -> None:
        """Begin without bytes."""
        self.status: int | None = None
        self._complete = False
        self._bytes = bytearray()
        self._searched = 0
        self._dropped = 0
        self._informational = 0

    def feed(self, data: bytes) -> None:
        """Add the next bytes of the connection. Raise EndlessHead for a head that is too long."""
        if self._complete:
            return
        self._bytes += data if self._bytes else data.lstrip(b"\r\n")
        while self.status is None and (line := _STATUS_LINE.match(self._bytes)) is not None:
            status = int(line[1])
            if not 100 <= status < 200 or status == _SWITCHING_PROTOCOLS:
                self.status = status
            elif not self._drop_informational():
                break
        self._complete = self.status is not None and self._end() is not None
        if not self._complete and self._dropped + len(self._bytes) > LONGEST_HEAD:
            raise EndlessHead(f"more than {LONGEST_HEAD} bytes of headers")

    @property
    def is_empty(self) -> bool:
        """Whether no byte of the answer has arrived."""
        return not self._bytes and not self._dropped

    @property
    def is_complete(self) -> bool:
        """Whether all headers of the answer have arrived."""
        return self._complete

    @property
    def is_followed(self) -> bool:
        """Whether more bytes came with the end of the head."""
        end = _BLANK_LINE.search(self._bytes) if self._complete else None
        return end is not None and end.end() < len(self._bytes)

    @property
    def announces_length(self) -> bool:
        """Whether a header tells where the body ends. Without one the connection's end tells it."""
        return _FRAMING.search(self._bytes) is not None

    @property
    def retry_after(self) -> str:
        """The value of the first complete Retry-After, or an empty text."""
        end = _BLANK_LINE.search(self._bytes)
        found = _RETRY_AFTER.search(self._bytes, 0, end.end() if end else len(self._bytes))
        return found[1].decode("latin-1").strip() if found else ""

    def _drop_informational(self) -> bool:
        """Drop an informational answer. Return False if it is incomplete.

        Raise EndlessHead for one too many.
        """
        end = self._end()
        if end is None:
            return False
        self._informational += 1
        if self._informational > MOST_INFORMATIONAL:
            raise EndlessHead(f"more than {MOST_INFORMATIONAL} informational answers")
        self._dropped += end
        del self._bytes[:end]
        self._searched = 0
        return True

    def _end(self) -> int | None:
        """Return the end of the head, or None.

        Bytes may arrive one by one, so each is searched once.
        """
        end = _BLANK_LINE.search(self._bytes, self._searched)
        self._searched = max(len(self._bytes) - 2, 0)
        return end.end() if end else None
