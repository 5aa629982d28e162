"""Masking of confidential values in every spelling; all other values stay readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.operations.masking import (
    MASK,
    escaped,
    mask_form,
    mask_headers,
    mask_parameters,
    mask_target,
    mask_values,
)
from app.zeus.parameters import PARAMETERS, PERSONAL
from app.zeus.wire import Style, decode, encode
from tests.operations.operations_setup import CALL_VALUES


@pytest.mark.parametrize("style", list(Style))
def test_a_masked_query_hides_only_personal_values(style: Style) -> None:
    masked = decode(mask_form(encode(CALL_VALUES, style=style)))
    assert {
        name: MASK if name in PERSONAL else value for name, value in CALL_VALUES.items()
    } == masked.values


@pytest.mark.parametrize(
    ("form", "masked"),
    [
        (b"", b""),
        (b"status=04", b"status=04"),
        (b"telno=", b"telno="),
        (b"%74elno=0312345678", b"%74elno=***"),
        (b"Telno=0312345678", b"Telno=***"),
        (b"telno=0312345678&telno=0312345678", b"telno=***&telno=***"),
        (b"username=a=b", b"username=***"),
        (b"other=taro%40example.com", b"other=***"),
        (b"0312345678", b"***"),
        (b"status", b"status"),
        (b"status=04&&money=1", b"status=04&&money=1"),
    ],
)
def test_each_spelling_of_a_pair(form: bytes, masked: bytes) -> None:
    assert masked == mask_form(form)


@given(
    st.dictionaries(
        st.sampled_from([parameter.name for parameter in PARAMETERS]), st.binary(max_size=12)
    )
)
def test_no_value_of_a_personal_parameter_survives(values: dict[str, bytes]) -> None:
    read = decode(mask_form(encode(values))).values
    assert {name for name in read if name in PERSONAL and read[name] not in ("", MASK)} == set()


def test_a_masked_target_shows_no_path_because_its_end_may_be_the_token() -> None:
    assert b"***?status=04" == mask_target(b"/zeus/notify/k3VQ8mZ1xWb7Tn5cRj9uYd2L?status=04")
    assert b"***" == mask_target(b"/zeus/notify/k3VQ8mZ1xWb7Tn5cRj9uYd2L")


def test_masked_headers_keep_their_names() -> None:
    lines = b"X-Forwarded-For: 192.0.2.10\r\nUser-Agent: somebody\r\nContent-Type: text/plain\r\n"
    assert (
        b"X-Forwarded-For: ***\r\nUser-Agent: ***\r\nContent-Type: text/plain\r\n"
        == mask_headers(lines)
    )


def test_empty_values_stay_visible_as_empty() -> None:
    assert {"name": MASK, "telno": None, "email": ""} == mask_values(
        {"name": "コンビニ", "telno": None, "email": ""}
    )
    assert {"telno": "", "money": "5400", "username": MASK} == mask_parameters(
        {"telno": "", "money": "5400", "username": "コ"}
    )


@given(st.binary(max_size=40))
def test_escaped_bytes_can_be_read_back(raw: bytes) -> None:
    text = escaped(raw)
    assert text.isascii()
    assert text.isprintable()
    assert raw == text.encode().decode("unicode_escape").encode("latin-1")


@pytest.mark.parametrize(
    "line",
    [
        b" folded 0312345678\r\n",
        b"\tfolded: 192.0.2.9\n",
        b"no colon 0312345678\r\n",
        b" accept: 0312345678\n",
    ],
)
def test_a_continuation_line_is_masked_completely(line: bytes) -> None:
    end = b"\r\n" if line.endswith(b"\r\n") else b"\n"
    assert b"Accept: */*\r\n***" + end == mask_headers(b"Accept: */*\r\n" + line)
