"""Record format: every whole record is found around damage, and nothing else is taken for one."""

import dataclasses
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.recording.notice import RawNotice
from app.recording.spool.record_format import (
    HEADER_BYTES,
    Damage,
    Record,
    Unreadable,
    decode_notice,
    encode_notice,
    frame,
    scan,
    scan_stream,
)
from tests.recording.recording_setup import make_notice

MARKER = bytes.fromhex("9f3c51e07ad2b846")

notices = st.builds(
    RawNotice,
    id=st.uuids(),
    lane=st.integers(0, 15),
    received_at=st.integers(0, 2**53).map(
        lambda micros: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    ),
    source=st.text(),
    method=st.text(st.characters(exclude_categories=())),
    target=st.binary(),
    headers=st.binary(),
    body=st.binary(),
    cut=st.booleans(),
)


def payloads_of(data: bytes) -> list[bytes]:
    return [part.payload for part in scan(data, MARKER) if isinstance(part, Record)]


@given(notices)
def test_a_notice_comes_back_as_it_was(notice: RawNotice) -> None:
    assert notice == decode_notice(encode_notice(notice))


def test_every_field_of_a_notice_is_kept() -> None:
    other = RawNotice(
        UUID(int=5),
        3,
        datetime(2026, 11, 23, 3, 51, 0, 123456, UTC),
        "2001:db8::1",
        "POST",
        b"/a",
        b"b: c\r\n",
        b"d",
        True,
    )
    for field in dataclasses.fields(RawNotice):
        changed = dataclasses.replace(make_notice(), **{field.name: getattr(other, field.name)})
        assert getattr(decode_notice(encode_notice(changed)), field.name) == getattr(
            other, field.name
        )


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x02", b"\x01", b"\x01\x05ab", b"\x01\x02id\0\0\0\x10short", b"\x01\xff" + bytes(9)],
)
def test_what_cannot_be_read_says_so_and_quotes_nothing(payload: bytes) -> None:
    with pytest.raises(Unreadable) as raised:
        decode_notice(payload)
    assert "short" not in str(raised.value)


def test_a_field_of_a_later_version_is_passed_over() -> None:
    notice = make_notice()
    assert notice == decode_notice(encode_notice(notice) + b"\x05later\x00\x00\x00\x02xy")


def test_a_segment_cut_at_every_byte_of_its_last_two_records_gives_back_the_whole_ones() -> None:
    records = [frame(encode_notice(make_notice(number)), MARKER) for number in range(5)]
    data = b"".join(records)
    ends = [sum(map(len, records[:count])) for count in range(6)]
    for cut in range(ends[3], ends[5] + 1):
        parts = list(scan(data[:cut], MARKER))
        whole = [part for part in parts if isinstance(part, Record)]
        assert [data[part.start : part.end] for part in whole] == [
            record for record, end in zip(records, ends[1:], strict=True) if end <= cut
        ]
        torn = [part for part in parts if isinstance(part, Damage)]
        assert torn == (
            [] if cut in ends else [Damage(max(end for end in ends if end <= cut), cut)]
        )


garbage = st.one_of(
    st.binary(max_size=60),
    st.builds(
        lambda tail: MARKER + tail, st.binary(max_size=30)
    ),  # a header that promises bytes that do not follow
    st.builds(lambda cut: frame(b"a torn record", MARKER)[:cut], st.integers(0, 28)),
    st.builds(
        lambda length: MARKER + length.to_bytes(4, "big") + bytes(4), st.integers(0, 2**32 - 1)
    ),
)


@given(st.lists(st.tuples(garbage, st.binary(max_size=200)), max_size=8), garbage)
def test_no_whole_record_is_lost_among_garbage(
    parts: list[tuple[bytes, bytes]], end: bytes
) -> None:
    data = b"".join(junk + frame(payload, MARKER) for junk, payload in parts) + end
    assert [payload for _, payload in parts] == payloads_of(data)


@given(st.lists(st.binary(max_size=100), min_size=1, max_size=5), st.data())
def test_a_changed_byte_costs_its_own_record_only(
    payloads: list[bytes], data: st.DataObject
) -> None:
    records = [frame(payload, MARKER) for payload in payloads]
    hit = data.draw(st.integers(0, len(records) - 1))
    offset = data.draw(st.integers(0, len(records[hit]) - 1))
    flipped = bytearray(records[hit])
    flipped[offset] ^= data.draw(st.integers(1, 255))
    content = b"".join([*records[:hit], bytes(flipped), *records[hit + 1 :]])
    assert payloads[:hit] + payloads[hit + 1 :] == payloads_of(content)


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=80), st.builds(lambda p: frame(p, MARKER), st.binary(max_size=40))
        ),
        max_size=6,
    )
)
def test_records_and_damage_together_are_the_whole_segment(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    position = 0
    for part in scan(data, MARKER):
        assert part.start == position
        position = part.end
    assert position == len(data)


def whole_segment_scan(data: bytes) -> list[Record | Damage]:
    """Scan all bytes together. A scan in pieces must find the same."""
    found: list[Record | Damage] = []
    position = damaged_from = 0
    while position < len(data):
        length = int.from_bytes(data[position + 8 : position + 12], "big")
        end = position + HEADER_BYTES + length
        payload = data[position + HEADER_BYTES : end]
        if data[position:end] != frame(payload, MARKER) or length != len(payload):
            position = data.find(MARKER, position + 1) % (len(data) + 1)
            continue
        found += [Damage(damaged_from, position)] * (damaged_from < position) + [
            Record(position, end, payload)
        ]
        position = damaged_from = end
    return found + [Damage(damaged_from, len(data))] * (damaged_from < len(data))


pieces = st.one_of(
    garbage,
    st.binary(max_size=80),
    st.builds(lambda payload: frame(payload, MARKER), st.binary(max_size=200)),
)


@given(st.lists(pieces, max_size=12), st.integers(1, 64))
def test_a_segment_read_in_pieces_of_any_size_gives_what_is_in_it(
    parts: list[bytes], size: int
) -> None:
    data = b"".join(parts)
    assert whole_segment_scan(data) == list(
        scan_stream(lambda position: data[position : position + size], MARKER)
    )


@given(st.lists(st.binary(max_size=200), max_size=12), st.integers(1, 64))
def test_nothing_is_read_far_ahead_of_the_record_that_is_given_out(
    payloads: list[bytes], size: int
) -> None:
    data = b"".join([frame(payload, MARKER) for payload in payloads])
    reached = 0

    def read(position: int) -> bytes:
        nonlocal reached
        reached = max(reached, position + size)
        return data[position : position + size]

    for part in scan_stream(read, MARKER):
        assert reached < part.end + size


def test_a_length_that_no_record_has_takes_no_memory() -> None:
    asked: list[int] = []

    def read(position: int) -> bytes:
        asked.append(position)
        return (MARKER + b"\xff" * 8 + bytes(1_000))[position : position + 100]

    assert [Damage(0, 1_016)] == list(scan_stream(read, MARKER))
    assert len(asked) < 15


def test_a_record_inside_a_call_is_no_record_without_the_markers_secret() -> None:
    forged = frame(b"forged", bytes(8))
    torn = frame(encode_notice(make_notice(body=forged)), MARKER)[:-1]
    assert payloads_of(torn) == []
