"""Samples of calls: every spelling decodes to its values, and the encoder can write it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from app.zeus.wire import Style, decode, encode, order_no_of

SAMPLES: dict[str, dict[str, Any]] = {
    sample["name"]: sample
    for sample in json.loads(
        Path(__file__).with_name("wire_samples.json").read_text(encoding="utf-8")
    )["samples"]
}
FLAWED = {
    "hyphens": ("double_escaped:sendid",),
    "cut-character": ("truncated:username",),
    "unknown-store": ("unknown_key",),
}


def query_and_body(name: str) -> tuple[bytes, bytes]:
    """Return the query and the body of a sample.

    The target is everything between the first and the last space of the request line.
    """
    head, _, body = base64.b64decode(SAMPLES[name]["request"]).partition(b"\r\n\r\n")
    line = head.split(b"\r\n")[0]
    target = line[line.index(b" ") + 1 : line.rindex(b" ")]
    return target.partition(b"?")[2], body


STATED = [name for name, sample in SAMPLES.items() if sample["values"]]
OPEN = ["pollution", "no-order-no"]


def test_only_two_samples_leave_their_values_open() -> None:
    assert set(OPEN) == SAMPLES.keys() - STATED


@pytest.mark.parametrize("name", STATED)
def test_a_sample_decodes_to_exactly_its_values(name: str) -> None:
    expected = SAMPLES[name]["values"]
    assert list(expected.items()) == list(decode(*query_and_body(name)).values.items())


def test_a_sample_that_cannot_be_judged_keeps_what_was_sent() -> None:
    sent = SAMPLES["full-escape"]["values"]
    assert {**sent, "order_no": "1234-56789-01248"} == decode(*query_and_body("pollution")).values
    assert {key: value for key, value in sent.items() if key != "order_no"} == decode(
        *query_and_body("no-order-no")
    ).values


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_shows_exactly_its_flaws(name: str) -> None:
    call = decode(*query_and_body(name))
    assert FLAWED.get(name, ()) == call.flags
    assert (("repeated_key:money",) if name == "pollution" else ()) == call.problems
    assert ({"extra": "1"} if name == "unknown-store" else {}) == call.unknown


@pytest.mark.parametrize("name", STATED)
def test_order_no_of_finds_the_order_of_a_sample(name: str) -> None:
    expected = SAMPLES[name]["values"]["order_no"]
    assert expected == order_no_of(*query_and_body(name))


@pytest.mark.parametrize(
    ("expected", "name"), [("1234-56789-01248", "pollution"), ("", "no-order-no")]
)
def test_order_no_of_in_a_sample_that_cannot_be_judged(expected: str, name: str) -> None:
    assert expected == order_no_of(*query_and_body(name))


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("full-escape", Style.FULL),
        ("post", Style.FULL),
        ("half-escape", Style.HALF),
        ("half-escape-tilde", Style.HALF),
        ("lower-hex", Style.LOWER),
        ("raw-8bit", Style.RAW),
    ],
)
def test_the_encoder_writes_a_sample_byte_for_byte(name: str, style: Style) -> None:
    query, body = query_and_body(name)
    assert (query or body) == encode(SAMPLES[name]["values"], style=style)
