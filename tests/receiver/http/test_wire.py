"""Spellings on the wire: each is recorded byte for byte and answered 200, on both event loops."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.db.lanes import lane_of
from app.receiver.http.body_reader import BODY_LIMIT
from app.receiver.http.head_reader import LINE_LIMIT
from app.zeus.wire import decode
from tests.raw_http import exchange, status_of
from tests.receiver.receiver_setup import (
    CALL,
    LOOPBACK,
    PATH,
    converse,
    fetch,
    get,
    post,
    receiver,
    stored,
)

SAMPLES: dict[str, dict[str, Any]] = {
    sample["name"]: sample
    for sample in json.loads(
        (Path(__file__).parents[2] / "zeus" / "wire_samples.json").read_text(encoding="utf-8")
    )["samples"]
}


@pytest.fixture
async def port(database_url: str) -> AsyncIterator[int]:
    """Return a receiver that allows this machine."""
    async with receiver(database_url) as port:
        yield port


async def test_every_sample_is_stored_byte_for_byte_with_its_values(
    database_url: str, port: int
) -> None:
    for sample in SAMPLES.values():
        request = base64.b64decode(sample["request"]).replace(b"{path}", PATH)
        assert status_of(await exchange("127.0.0.1", port, request)) == 200, sample["name"]
    notices = await stored(database_url)
    assert len(SAMPLES) == len(notices) == 17
    for sample, notice in zip(SAMPLES.values(), notices, strict=True):
        request = base64.b64decode(sample["request"]).replace(b"{path}", PATH)
        assert request.startswith(b"%b %b HTTP/" % (notice["method"].encode(), notice["target"])), (
            sample["name"]
        )
        assert request.endswith(b"\r\n\r\n" + notice["body"]), sample["name"]
        if sample["values"]:
            call = decode(notice["target"].partition(b"?")[2], notice["body"])
            assert sample["values"] == call.values, sample["name"]
            assert lane_of(sample["values"]["order_no"]) == notice["lane"]


def line(target: bytes, end: bytes) -> tuple[bytes, bytes]:
    """Return a request with `target` and what follows it, and the target."""
    return b"GET " + target + end, target


QUERY = b"?" + CALL
STRANGE = [
    line(PATH + QUERY + b"&username=\x83R \x83\x93\x7f#x", b" HTTP/1.0\r\n\r\n"),
    line(PATH + QUERY + b"&sendid=a HTTP/1.0 b", b" HTTP/1.0\r\n\r\n"),
    line(PATH + QUERY, b" HTTP/1.1\r\n\r\n"),
    line(PATH + QUERY, b" HTTP/1.0\n\n"),
    line(PATH + QUERY, b" HTTP/1.1\nHost: a\nX: y\n\n"),
    line(PATH + QUERY, b" HTTP/1.1\r\nHost: a\n\r\n"),
    line(PATH + QUERY, b" HTTP/1.0 \r\n\r\n"),
    line(PATH + QUERY, b"\r\n"),
    line(PATH + QUERY, b"\r\nHost: late\r\n\r\n"),
    line(b"http://relay.example" + PATH + QUERY, b" HTTP/1.1\r\n\r\n"),
    line(PATH[1:] + QUERY, b" HTTP/1.0\r\n\r\n"),
    line(b" " + PATH + QUERY, b" HTTP/1.0\r\n\r\n"),
    line(b"//zeus//notify/" + QUERY, b" HTTP/2.0\r\n\r\n"),
    line(b"/zeus/%6eotify" + QUERY, b" HTTP/1.0\r\n\r\n"),
    line(
        PATH + QUERY, b" HTTP/1.1\r\nno colon\r\n folded\r\n: no name\r\nBad\0Name : \xff\r\n\r\n"
    ),
    line(
        PATH + QUERY,
        b" HTTP/1.1\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ),
    (b"get " + PATH + QUERY + b" HTTP/1.0\r\n\r\n", PATH + QUERY),
    (b"\r\n\r\nGET " + PATH + QUERY + b" HTTP/1.0\r\n\r\n", PATH + QUERY),
]


async def test_strange_requests_are_recorded_as_they_came(database_url: str, port: int) -> None:
    for request, _ in STRANGE:
        assert status_of(await exchange("127.0.0.1", port, request)) == 200, request
    notices = await stored(database_url)
    assert [target for _, target in STRANGE] == [notice["target"] for notice in notices]
    assert not any(notice["cut"] for notice in notices)


async def dribble(port: int, request: bytes) -> None:
    """Send a request a byte at a time; its answer must be OK."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for byte in request:
        writer.write(bytes([byte]))
        await asyncio.sleep(0)
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\nOK"), 10)
    writer.close()


async def test_strange_requests_may_come_a_byte_at_a_time(database_url: str, port: int) -> None:
    await asyncio.gather(*(dribble(port, request) for request, _ in STRANGE))
    assert sorted(target for _, target in STRANGE) == sorted(
        notice["target"] for notice in await stored(database_url)
    )


async def test_header_lines_are_stored_as_they_came(database_url: str, port: int) -> None:
    lines = b"X-Odd: \x83R\r\nnot a header\nhost:relay.example\r\n"
    await exchange(
        "127.0.0.1", port, b"GET /zeus/notify?" + CALL + b" HTTP/1.1\r\n" + lines + b"\r\n"
    )
    [notice] = await stored(database_url)
    assert lines == notice["headers"]


async def test_many_requests_on_one_connection_are_answered_in_order(
    database_url: str, port: int
) -> None:
    first = get(PATH + b"?order_no=1&status=01", b"Host: a", version=b"1.1")
    second = post(b"order_no=2&status=01")
    third = get(b"/nowhere", b"Host: a", version=b"1.1")
    last = get(
        PATH + b"?order_no=4&sendid=a#b\xff&status=01",
        b"Host: a",
        b"Connection: close",
        version=b"1.1",
    )
    answers = await converse(port, first + second + third + last)
    assert [200, 200, 404, 200] == [int(answer[:3]) for answer in answers.split(b"HTTP/1.1 ")[1:]]
    assert answers.count(b"connection: close") == 1
    assert [b"?order_no=1&status=01", b"", b"?order_no=4&sendid=a#b\xff&status=01"] == [
        notice["target"].removeprefix(PATH) for notice in await stored(database_url)
    ]


async def test_a_request_whose_end_others_may_see_elsewhere_is_the_last_of_its_connection(
    database_url: str, port: int
) -> None:
    body = b"5\r\nabcde\r\n0\r\n\r\n"
    ambiguous = (
        get(
            PATH,
            b"Content-Length: 3",
            b"Transfer-Encoding: chunked",
            version=b"1.1",
            method=b"POST",
        )
        + body
    )
    answer = await converse(port, ambiguous + get(PATH + b"?" + CALL, version=b"1.1"))
    assert answer.count(b"HTTP/1.1 200") == 1
    [notice] = await stored(database_url)
    assert notice["body"] == b"abcde"


async def test_a_chunked_body_is_put_together(database_url: str, port: int) -> None:
    head = get(PATH, b"Transfer-Encoding: chunked", version=b"1.1", method=b"POST")
    body = b"8\r\norder_no\r\n1b;x=y\r\n=1234-56789-01234&status=04\r\n0\r\nTrailer: x\r\n\r\n"
    assert status_of(await exchange("127.0.0.1", port, head + body)) == 200
    [notice] = await stored(database_url)
    assert notice["body"] == CALL


async def test_a_sender_that_waits_to_be_asked_for_its_body_is_asked(
    database_url: str, port: int
) -> None:
    request = post(CALL, b"Expect: 100-continue", b"Connection: close")
    answer = await converse(port, request[: -len(CALL)], request[-len(CALL) :], pause=0.1)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    assert len(await stored(database_url)) == 1


async def test_a_line_over_the_limit_is_kept_up_to_its_last_whole_parameter(
    database_url: str, port: int
) -> None:
    target = PATH + b"?" + CALL + b"&money=5400&sendid="
    for extra in (1, 5_000, 500_000):
        request = get(
            target + b"a" * (LINE_LIMIT + extra - len(target)), b"Host: a", version=b"1.1"
        )
        assert status_of(await exchange("127.0.0.1", port, request)) == 200
    for notice in await stored(database_url):
        assert (PATH + b"?" + CALL + b"&money=5400", True, b"Host: a\r\n") == (
            notice["target"],
            notice["cut"],
            notice["headers"],
        )


async def test_a_chunked_body_over_the_limit_is_cut_and_answered_while_it_is_still_sent(
    database_url: str, port: int
) -> None:
    head = get(PATH, b"Transfer-Encoding: chunked", version=b"1.1", method=b"POST")
    pieces = [
        head + b"2400\r\n" + CALL.ljust(0x2400, b"&") + b"\r\n",
        *[b"10000\r\n" + b"b" * 0x10000 + b"\r\n"] * 20,
    ]
    assert status_of(await converse(port, *pieces, pause=0)) == 200
    [notice] = await stored(database_url)
    assert notice["cut"]
    assert notice["body"].rstrip(b"&") == CALL


async def test_a_long_body_is_taken_whole_up_to_the_limit(database_url: str, port: int) -> None:
    body = CALL + b"&sendid=" + b"a" * (BODY_LIMIT - len(CALL) - 8)
    assert status_of(await exchange("127.0.0.1", port, post(body))) == 200
    [notice] = await stored(database_url)
    assert (body, False) == (notice["body"], notice["cut"])


UNREADABLE = [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 400),
    (b"no-request\r\n\r\n", 400),
    (b"GET \r\n\r\n", 400),
    (get(PATH, b"Content-Length: 5", b"Content-Length: 6") + b"abcdef", 400),
    (get(PATH, b"Content-Length: -1"), 400),
    (get(PATH, b"Transfer-Encoding: gzip"), 400),
    (get(PATH, b"Transfer-Encoding: chunked", version=b"1.1") + b"x\r\n", 400),
    (get(PATH + b"?" + CALL, b"X: " + b"a" * 70_000), 431),
    (b"GET " + b"a" * 1_500_000, 414),
]


async def test_an_unreadable_request_is_rejected_without_harm(database_url: str, port: int) -> None:
    for request, status in UNREADABLE:
        assert status_of(await converse(port, request)) == status, request[:80]
    assert await stored(database_url) == []
    assert status_of(await exchange("127.0.0.1", port, get(PATH + b"?" + CALL))) == 200


async def test_a_stranger_is_rejected_for_any_request(database_url: str) -> None:
    async with receiver(database_url, allowed=()) as port:
        assert (
            status_of(await converse(port, get(PATH + b"?" + CALL + b"&sendid=" + b"a" * 70_000)))
            == 403
        )
        assert status_of(await converse(port, post(b"a" * 200_000))) == 403
    assert await stored(database_url) == []


async def test_the_raw_query_header_counts_from_a_trusted_proxy_only(database_url: str) -> None:
    request = get(
        PATH + b"?order_no=9",
        b"X-Raw-Query: " + CALL + b"&sendid=\xff#",
        b"X-Forwarded-For: 127.0.0.1",
    )
    async with receiver(database_url) as port:
        await exchange("127.0.0.1", port, request)
    async with receiver(database_url, trusted=LOOPBACK) as port:
        await exchange("127.0.0.1", port, request)
        await exchange("127.0.0.1", port, get(PATH + b"?order_no=9", b"X-Raw-Query:"))
    direct, proxied, empty = await stored(database_url)
    assert PATH + b"?order_no=9" == direct["target"] == empty["target"]
    assert PATH + b"?" + CALL + b"&sendid=\xff#" == proxied["target"]
    assert lane_of("1234-56789-01234") == proxied["lane"]


async def test_a_half_closed_connection_is_answered_but_not_logged_as_delivered(
    database_url: str, port: int
) -> None:
    assert (
        status_of(await converse(port, get(PATH + b"?order_no=1&status=04"), half_close=True))
        == 200
    )
    assert status_of(await converse(port, get(PATH + b"?order_no=2&status=04"))) == 200
    await asyncio.sleep(0.5)
    delivered = await fetch(
        database_url, "SELECT target FROM answers JOIN notices ON notices.id = notice_id"
    )
    assert len(await stored(database_url)) == 2
    assert [PATH + b"?order_no=2&status=04"] == [row["target"] for row in delivered]
