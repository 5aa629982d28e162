"""The bytes of a spool segment: how a notice becomes a record, and how whole records are found again among damaged ones."""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.recording.notice import RawNotice

MARKER_BYTES = 8
HEADER_BYTES = MARKER_BYTES + 8
PAYLOAD_LIMIT = 4 * 1024 * 1024
"""No record is longer; a length above it is damage. A notice has at most some 200 KB."""

_VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SIZES = struct.Struct(">II")  # length of the payload, CRC-32 of marker, length and payload
_LENGTH = struct.Struct(">I")


class Unreadable(Exception):
    """A record is whole, but this version cannot make a notice of it."""


@dataclass(frozen=True, slots=True)
class Record:
    """A whole record of a segment; `start` and `end` are byte offsets."""

    start: int
    end: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment, from offset `start` to `end`, that belong to no whole record."""

    start: int
    end: int


def frame(payload: bytes, marker: bytes) -> bytes:
    """A record: the segment's marker, the length and checksum of the payload, the payload."""
    return b"".join((marker, _SIZES.pack(len(payload), _checksum(payload, marker)), payload))


def scan(data: bytes, marker: bytes) -> Iterator[Record | Damage]:
    """Everything in a segment in order, as `scan_stream` finds it in the bytes at hand."""
    return scan_stream(lambda position: data[position:], marker)


def scan_stream(read: Callable[[int], bytes], marker: bytes) -> Iterator[Record | Damage]:
    """Everything in a segment in order: every whole record, and what lies between them.

    `read` returns some of the bytes from an offset on, none at the end. Of the segment no more is kept in memory than its longest record
    takes, and twice what `read` returns.

    After damage the search goes on at the next marker, so that it costs no record behind it. The marker is random for each segment:
    nobody who can choose the bytes of a call can make a part of it look like a record.
    """
    window = _Window(read)
    position = damaged_from = 0
    while window.has(position, 1):
        record = _record_at(window, position, marker)
        if record is None:
            position = window.find(marker, position + 1)
            continue
        if damaged_from < record.start:
            yield Damage(damaged_from, record.start)
        yield record
        position = damaged_from = record.end
    if damaged_from < position:
        yield Damage(damaged_from, position)


def encode_notice(notice: RawNotice) -> bytes:
    """A notice as a payload: a version byte, then each field with its name, so that fields may come and go between versions."""
    parts = [bytes([_VERSION])]
    for name, kind in _FIELDS.items():
        value = _ENCODERS[kind](getattr(notice, name))
        parts += (bytes([len(name)]), name.encode(), _LENGTH.pack(len(value)), value)
    return b"".join(parts)


def decode_notice(payload: bytes) -> RawNotice:
    """The notice of a payload. Unknown fields are passed over; raises Unreadable for another version or a missing field."""
    if payload[:1] != bytes([_VERSION]):
        raise Unreadable("unknown version")
    values = {}
    try:
        for name, value in _named_values(payload):
            if name in _FIELDS:
                values[name] = _DECODERS[_FIELDS[name]](value)
        return RawNotice(**values)
    except (struct.error, ValueError, TypeError, OverflowError) as error:
        raise Unreadable(
            type(error).__name__
        ) from None  # the text of the error could quote the notice


def _checksum(payload: bytes, marker: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(marker + _LENGTH.pack(len(payload))))


class _Window:
    """The part of a segment that is in memory: bytes from one offset to another, which both only grow."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._start = 0
        self._data = b""

    def has(self, position: int, size: int) -> bool:
        """Whether the segment has `size` bytes from `position` on. What lies before `position` is let go when more has to be read."""
        wanted = position + size - self._start
        if wanted <= len(self._data):
            return True
        parts = [self._data[position - self._start :]]
        length = len(parts[0])
        while length < size and (part := self._read(position + length)):
            parts.append(part)
            length += len(part)
        self._start, self._data = position, b"".join(parts)
        return length >= size

    def slice(self, position: int, size: int) -> bytes:
        """Bytes for which `has` was true."""
        return self._data[position - self._start : position - self._start + size]

    def find(self, marker: bytes, position: int) -> int:
        """Where the marker stands next, or the end of the segment."""
        while self.has(position, len(marker)):
            found = self._data.find(marker, position - self._start)
            if found >= 0:
                return self._start + found
            position = self._start + len(self._data) - len(marker) + 1
        return max(position, self._start + len(self._data))


def _record_at(window: _Window, position: int, marker: bytes) -> Record | None:
    if not window.has(position, HEADER_BYTES) or window.slice(position, MARKER_BYTES) != marker:
        return None
    length, checksum = _SIZES.unpack(window.slice(position + MARKER_BYTES, _SIZES.size))
    if length > PAYLOAD_LIMIT or not window.has(position, HEADER_BYTES + length):
        return None
    payload = window.slice(position + HEADER_BYTES, length)
    return (
        Record(position, position + HEADER_BYTES + length, payload)
        if _checksum(payload, marker) == checksum
        else None
    )


def _named_values(payload: bytes) -> Iterator[tuple[str, bytes]]:
    position = 1
    while position < len(payload):
        name_end = position + 1 + payload[position]
        (length,) = _LENGTH.unpack_from(payload, name_end)
        start = name_end + _LENGTH.size
        yield payload[position + 1 : name_end].decode(), payload[start : start + length]
        position = start + length


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


# Keyed by the annotation's type, so that a new field of Notice of one of these types needs no change here.
_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    UUID: lambda value: value.bytes,
    bool: lambda value: bytes([value]),
    int: lambda value: value.to_bytes(8, "big", signed=True),
    str: lambda value: value.encode("utf-8", "surrogatepass"),
    bytes: lambda value: value,
    datetime: lambda value: _microseconds(value).to_bytes(8, "big", signed=True),
}
_DECODERS: dict[type, Callable[[bytes], Any]] = {
    UUID: lambda value: UUID(bytes=value),
    bool: lambda value: value != b"\0",
    int: lambda value: int.from_bytes(value, "big", signed=True),
    str: lambda value: value.decode("utf-8", "surrogatepass"),
    bytes: lambda value: value,
    datetime: lambda value: _EPOCH + int.from_bytes(value, "big", signed=True) * _MICROSECOND,
}
_FIELDS: dict[str, Any] = {field.name: field.type for field in fields(RawNotice)}
