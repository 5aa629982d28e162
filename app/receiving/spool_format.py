"""The bytes of a spool segment: how a notice becomes a record, and how whole records are found again among damaged ones."""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.receiving.notice import Notice

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
    """Everything in a segment in order: every whole record, and what lies between them.

    After damage the search goes on at the next marker, so that it costs no record behind it. The marker is random for each segment:
    nobody who can choose the bytes of a call can make a part of it look like a record.
    """
    position = damaged_from = 0
    while position < len(data):
        record = _record_at(data, position, marker)
        if record is None:
            position = data.find(marker, position + 1)
            position = len(data) if position < 0 else position
            continue
        if damaged_from < record.start:
            yield Damage(damaged_from, record.start)
        yield record
        position = damaged_from = record.end
    if damaged_from < len(data):
        yield Damage(damaged_from, len(data))


def encode_notice(notice: Notice) -> bytes:
    """A notice as a payload: a version byte, then each field with its name, so that fields may come and go between versions."""
    parts = [bytes([_VERSION])]
    for name, kind in _FIELDS.items():
        value = _ENCODERS[kind](getattr(notice, name))
        parts += (bytes([len(name)]), name.encode(), _LENGTH.pack(len(value)), value)
    return b"".join(parts)


def decode_notice(payload: bytes) -> Notice:
    """The notice of a payload. Unknown fields are passed over; raises Unreadable for another version or a missing field."""
    if payload[:1] != bytes([_VERSION]):
        raise Unreadable("unknown version")
    values = {}
    try:
        for name, value in _named_values(payload):
            if name in _FIELDS:
                values[name] = _DECODERS[_FIELDS[name]](value)
        return Notice(**values)
    except (struct.error, ValueError, TypeError, OverflowError) as error:
        raise Unreadable(type(error).__name__) from None  # the text of the error could quote the notice


def _checksum(payload: bytes, marker: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(marker + _LENGTH.pack(len(payload))))


def _record_at(data: bytes, position: int, marker: bytes) -> Record | None:
    if not data.startswith(marker, position) or position + HEADER_BYTES > len(data):
        return None
    length, checksum = _SIZES.unpack_from(data, position + MARKER_BYTES)
    end = position + HEADER_BYTES + length
    if length > PAYLOAD_LIMIT or end > len(data):
        return None
    payload = data[position + HEADER_BYTES : end]
    return Record(position, end, payload) if _checksum(payload, marker) == checksum else None


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
_FIELDS: dict[str, Any] = {field.name: field.type for field in fields(Notice)}
