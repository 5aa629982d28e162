"""Record format of a spool segment: bytes of a notice, search for whole records after damage."""

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
"""Bytes of a record at most; a larger length is damage. A notice has about 200 KB at most."""

_VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SIZES = struct.Struct(">II")  # length of the payload, CRC-32 of marker, length and payload
_LENGTH = struct.Struct(">I")


class Unreadable(Exception):
    """A whole record that this version cannot read."""


@dataclass(frozen=True, slots=True)
class Record:
    """A whole record of a segment, from byte offset `start` to `end`."""

    start: int
    end: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment that belong to no whole record, from offset `start` to `end`."""

    start: int
    end: int


def frame(payload: bytes, marker: bytes) -> bytes:
    """Return a record: the segment's marker, the payload's length and checksum, the payload."""
    return b"".join((marker, _SIZES.pack(len(payload), _checksum(payload, marker)), payload))


def scan(data: bytes, marker: bytes) -> Iterator[Record | Damage]:
    """Yield everything in a segment's bytes in order, as `scan_stream` does."""
    return scan_stream(lambda position: data[position:], marker)


def scan_stream(read: Callable[[int], bytes], marker: bytes) -> Iterator[Record | Damage]:
    """Yield everything in a segment in order: whole records, and the damage between them.

    `read` returns some bytes from an offset on, none at the end. Memory holds at most one record
    and twice what `read` returns.

    After damage the search continues at the next marker, so no later record is lost. A segment's
    marker is random: whoever chooses the bytes of a call cannot imitate a record.
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
    """Return a notice as a payload: a version byte, then each field with its name.

    Later versions may add and drop fields.
    """
    pieces = [bytes([_VERSION])]
    for name, kind in _FIELDS.items():
        value = _ENCODERS[kind](getattr(notice, name))
        pieces += (bytes([len(name)]), name.encode(), _LENGTH.pack(len(value)), value)
    return b"".join(pieces)


def decode_notice(payload: bytes) -> RawNotice:
    """Return the notice of a payload; unknown fields are skipped.

    Raises Unreadable for another version or a missing field.
    """
    if payload[:1] != bytes([_VERSION]):
        raise Unreadable("unknown version")
    values = {}
    try:
        for name, value in _named_values(payload):
            if name in _FIELDS:
                values[name] = _DECODERS[_FIELDS[name]](value)
        return RawNotice(**values)
    except (struct.error, ValueError, TypeError, OverflowError) as error:
        raise Unreadable(type(error).__name__) from None  # the error's text could quote the notice


def _checksum(payload: bytes, marker: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(marker + _LENGTH.pack(len(payload))))


class _Window:
    """Window of a segment in memory. Both of its offsets only grow."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._start = 0
        self._data = b""

    def has(self, position: int, size: int) -> bool:
        """Return True if the segment has `size` bytes from `position` on.

        Drops what lies before.
        """
        wanted = position + size - self._start
        if wanted <= len(self._data):
            return True
        pieces = [self._data[position - self._start :]]
        length = len(pieces[0])
        while length < size and (piece := self._read(position + length)):
            pieces.append(piece)
            length += len(piece)
        self._start, self._data = position, b"".join(pieces)
        return length >= size

    def slice(self, position: int, size: int) -> bytes:
        """Return bytes for which `has` was true."""
        return self._data[position - self._start : position - self._start + size]

    def find(self, marker: bytes, position: int) -> int:
        """Return the next position of the marker, or the segment's end."""
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


# Keyed by the annotation's type: a new field of RawNotice with one of these types needs no change
# here.
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
