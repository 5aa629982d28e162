"""Parts of a MIME message, found without copying it, with limits on depth, number and size."""

import base64
import binascii
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import Final

from app.mailbox.parsing.header_fields import Header, read_header

DEPTH_LIMIT: Final = 20
PARTS_LIMIT: Final = 1_000
TEXT_LIMIT: Final = 64 * 1024
"""Bytes of one text that are read. Zeus's mails have about 1,000."""
TEXTS_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of all texts that are read."""
ATTACHED_LIMIT: Final = 10 * 1024 * 1024
"""Bytes of attached messages that are copied out of one message."""


@dataclass(slots=True)
class Leaf:
    """One text of a message: what its header claims, and where it stands."""

    subtype: str
    charset: str
    encoding: str
    source: bytes = field(repr=False)
    start: int
    end: int

    @property
    def data(self) -> bytes:
        """Return a copy of its bytes as they stand there."""
        return self.source[self.start : self.end]


@dataclass(slots=True)
class MimeMessage:
    """A message, or one attached to it, with the texts that belong to it directly.

    `raw` is empty if the attached messages together exceed ATTACHED_LIMIT.
    """

    raw: bytes = field(repr=False)
    header: Header = field(repr=False)
    is_attached: bool
    leaves: list[Leaf] = field(default_factory=list)


@dataclass(slots=True)
class _Region:
    """Bytes that hold a part: `source[start:end]`, from its header on."""

    source: bytes
    start: int
    end: int
    depth: int
    owner: MimeMessage | None
    """Message that the part belongs to; None if it is a message itself."""


def messages_of(raw: bytes) -> list[MimeMessage]:
    """Return the message and those attached to it, in the order in which they stand there."""
    found: list[MimeMessage] = []
    waiting = deque([_Region(raw, 0, len(raw), 0, None)])
    parts = copied = read = 0
    while waiting and parts < PARTS_LIMIT and read < TEXTS_LIMIT:
        region = waiting.popleft()
        parts += 1
        header = read_header(region.source, region.start, region.end)
        owner = region.owner
        if owner is None:
            size = region.end - region.start if found else 0
            copied += size
            kept = region.source[region.start : region.end] if copied <= ATTACHED_LIMIT else b""
            owner = MimeMessage(raw if not found else kept, header, bool(found))
            found.append(owner)
        inside = _inside(region, header, owner, PARTS_LIMIT - parts)
        if isinstance(inside, Leaf):
            read += inside.end - inside.start
            owner.leaves.append(inside)
        else:
            waiting.extendleft(reversed(inside))
    return found


def _inside(region: _Region, header: Header, owner: MimeMessage, room: int) -> list[_Region] | Leaf:
    """Return the parts inside a part, or the text that it is."""
    kind = _content_type(header)
    main, sub = kind.get_content_maintype(), kind.get_content_subtype()
    encoding = header.value(b"content-transfer-encoding")[:64].strip().decode("latin-1").lower()
    start, end, depth = header.body_at, region.end, region.depth + 1
    if depth > DEPTH_LIMIT:
        return []
    if main == "multipart":
        boundary = str(kind.get_boundary("") or "").encode("latin-1", "replace")
        if boundary and len(boundary) <= 200:
            spans = _spans(region.source, start, end, boundary, room)
            if parts := [_Region(region.source, *span, depth, owner) for span in spans]:
                return parts
        sub = "plain"  # without the boundary that it names, it is a text
    elif main == "message" and sub in ("rfc822", "global"):
        source = region.source
        if encoding in ("base64", "quoted-printable") and end - start <= ATTACHED_LIMIT:
            source = transfer_decoded(source[start:end], encoding)
            start, end = 0, len(source)
        while source[start : start + 1] in (b"\r", b"\n") and start < end:
            start += 1
        return [_Region(source, start, end, depth, None)]
    elif main != "text":
        return []
    charset = str(kind.get_param("charset") or "")[:64].strip("\"' ").lower()
    return Leaf(sub, charset, encoding, region.source, start, min(end, start + TEXT_LIMIT))


def _content_type(header: Header) -> Message:
    """Return a message of the library with only this Content-Type. Too long a value is cut."""
    message = Message()
    value = re.sub(rb"[\r\n]+", b" ", header.value(b"content-type")[:2_000])
    message["Content-Type"] = value.decode("latin-1").strip() or "text/plain"
    return message


def _spans(
    source: bytes, start: int, end: int, boundary: bytes, room: int
) -> Iterator[tuple[int, int]]:
    """Yield the bounds of each part between lines `--boundary`, at most `room`."""
    opened: int | None = None
    for before, after, is_last in _delimiters(source, start, end, boundary):
        if opened is not None and room > 0:
            room -= 1
            yield opened, max(opened, before)
        opened = None if is_last else after
        if is_last or room <= 0:
            return
    if opened is not None and room > 0:
        yield opened, end  # cut short, or the last line is missing


def _delimiters(
    source: bytes, start: int, end: int, boundary: bytes
) -> Iterator[tuple[int, int, bool]]:
    """Yield the bounds of each line `--boundary`, with the line end before it; True for a last."""
    mark = b"--" + boundary
    at = source.find(mark, start, end)
    left = 2 * PARTS_LIMIT  # lines may begin like it without being it
    while at >= 0 and left:
        left -= 1
        tail = at + len(mark)
        newline = source.find(b"\n", tail, min(end, tail + 200))
        line_end = (end if end - tail < 200 else tail) if newline < 0 else newline
        rest = source[tail:line_end].strip(b" \t\r")
        if (at == start or source[at - 1 : at] == b"\n") and rest in (b"", b"--"):
            before = at - (source[at - 1 : at] == b"\n" and at > start)
            before -= source[before - 1 : before] == b"\r" and before > start
            yield before, min(end, line_end + 1), rest == b"--"
        at = source.find(mark, tail, end)


def transfer_decoded(data: bytes, encoding: str) -> bytes:
    """Return `data` without its transfer encoding. What is damaged or cut short is left out."""
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data)
    if encoding == "base64":
        return _from_base64(data)
    return data


def _from_base64(data: bytes) -> bytes:
    """Return the bytes of the lines in base64, up to the first that is not."""
    lines = []
    for line in data.splitlines():
        letters = line.strip(b" \t\0")
        if not re.fullmatch(rb"[A-Za-z0-9+/]*=*", letters):
            break
        lines.append(letters.rstrip(b"="))
        if letters.endswith(b"="):
            break
    text = b"".join(lines)
    text = text[: len(text) - (len(text) % 4 == 1)]
    return base64.b64decode(text + b"=" * (-len(text) % 4))
