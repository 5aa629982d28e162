"""Notification endpoint over real sockets: admission, stored bytes and answers."""

import asyncio
import ipaddress

import pytest

from app.db.connections import connect
from app.db.lanes import lane_of
from app.receiver.http.body_reader import BODY_LIMIT
from tests.raw_http import exchange, status_of
from tests.receiver.receiver_setup import CALL, LOOPBACK, get, receiver, stored


async def test_a_call_is_stored_verbatim_and_answered_ok(database_url: str) -> None:
    async with receiver(database_url) as port:
        answer = await exchange("127.0.0.1", port, get(b"/zeus/notify?" + CALL, b"X-Odd: a\xe9"))
    assert status_of(answer) == 200
    assert answer.endswith(b"\r\n\r\nOK")
    assert b"content-type: text/plain" in answer
    [notice] = await stored(database_url)
    assert notice["target"] == b"/zeus/notify?" + CALL
    assert notice["method"] == "GET"
    assert notice["body"] == b""
    assert notice["headers"] == b"X-Odd: a\xe9\r\n"
    assert notice["address"] == "127.0.0.1"
    assert notice["lane"] == lane_of("1234-56789-01234")
    assert notice["verdict"] is None


async def test_a_post_body_is_stored_verbatim(database_url: str) -> None:
    request = (
        get(
            b"/zeus/notify",
            b"Host: relay.example",
            b"Content-Length: %d" % len(CALL),
            version=b"1.1",
            method=b"POST",
        )
        + CALL
    )
    async with receiver(database_url) as port:
        assert status_of(await exchange("127.0.0.1", port, request)) == 200
    [notice] = await stored(database_url)
    assert notice["method"] == "POST"
    assert notice["body"] == CALL
    assert notice["lane"] == lane_of("1234-56789-01234")


async def test_a_delivered_answer_is_recorded_shortly_after(
    database_url: str,
) -> None:
    async with receiver(database_url) as port:
        await exchange("127.0.0.1", port, get(b"/zeus/notify?" + CALL))
    connection = await connect(database_url)
    assert (
        await connection.fetchval(
            "SELECT count(*) FROM answers JOIN notices ON notices.id = answers.notice_id"
        )
        == 1
    )
    await connection.close()


@pytest.mark.parametrize("target", [b"/zeus/notify/?", b"//zeus//notify?", b"/zeus/notify//?"])
async def test_slashes_too_many_are_no_reason_to_redirect(database_url: str, target: bytes) -> None:
    async with receiver(database_url) as port:
        assert status_of(await exchange("127.0.0.1", port, get(target + CALL))) == 200
    assert len(await stored(database_url)) == 1


@pytest.mark.parametrize(
    ("method", "status"),
    [(b"HEAD", 200), (b"OPTIONS", 405), (b"PUT", 405), (b"DELETE", 405), (b"PATCH", 405)],
)
async def test_other_methods_create_nothing(database_url: str, method: bytes, status: int) -> None:
    async with receiver(database_url) as port:
        assert (
            status_of(
                await exchange("127.0.0.1", port, get(b"/zeus/notify?" + CALL, method=method))
            )
            == status
        )
    assert await stored(database_url) == []


async def test_another_path_is_not_found(database_url: str) -> None:
    async with receiver(database_url) as port:
        assert status_of(await exchange("127.0.0.1", port, get(b"/zeus?" + CALL))) == 404
        assert status_of(await exchange("127.0.0.1", port, get(b"/?" + CALL))) == 404
        assert status_of(await exchange("127.0.0.1", port, get(b"/docs"))) == 404
        assert status_of(await exchange("127.0.0.1", port, get(b"/openapi.json"))) == 404
    assert await stored(database_url) == []


async def test_health_is_answered_to_anybody(database_url: str) -> None:
    async with receiver(database_url, allowed=[]) as port:
        assert status_of(await exchange("127.0.0.1", port, get(b"/healthz"))) == 200
        assert status_of(await exchange("127.0.0.1", port, get(b"/readyz"))) == 200


async def test_a_source_that_is_not_allowed_gets_403_and_stores_nothing(database_url: str) -> None:
    async with receiver(database_url, allowed=[ipaddress.ip_network("192.0.2.0/24")]) as port:
        assert status_of(await exchange("127.0.0.1", port, get(b"/zeus/notify?" + CALL))) == 403
        # A header makes nobody an allowed source.
        assert (
            status_of(
                await exchange(
                    "127.0.0.1", port, get(b"/zeus/notify?" + CALL, b"X-Forwarded-For: 192.0.2.1")
                )
            )
            == 403
        )
    assert await stored(database_url) == []


async def test_an_empty_list_of_sources_allows_nobody(database_url: str) -> None:
    async with receiver(database_url, allowed=[]) as port:
        assert status_of(await exchange("127.0.0.1", port, get(b"/zeus/notify?" + CALL))) == 403


async def test_behind_a_trusted_proxy_the_address_it_vouches_for_counts(database_url: str) -> None:
    allowed = [ipaddress.ip_network("192.0.2.0/24")]
    async with receiver(database_url, allowed=allowed, trusted=LOOPBACK) as port:
        good = get(b"/zeus/notify?" + CALL, b"X-Forwarded-For: 203.0.113.9, 192.0.2.7")
        forged = get(b"/zeus/notify?" + CALL, b"X-Forwarded-For: 192.0.2.7, 203.0.113.9")
        assert status_of(await exchange("127.0.0.1", port, good)) == 200
        assert status_of(await exchange("127.0.0.1", port, forged)) == 403
    assert [notice["address"] for notice in await stored(database_url)] == ["192.0.2.7"]


async def test_with_a_token_only_the_path_with_the_token_is_the_endpoint(database_url: str) -> None:
    async with receiver(database_url, token="0123456789abcdef") as port:
        assert (
            status_of(
                await exchange("127.0.0.1", port, get(b"/zeus/notify/0123456789abcdef?" + CALL))
            )
            == 200
        )
        assert (
            status_of(
                await exchange("127.0.0.1", port, get(b"/zeus/notify/0123456789abcdef/?" + CALL))
            )
            == 200
        )
        assert status_of(await exchange("127.0.0.1", port, get(b"/zeus/notify?" + CALL))) == 404
        assert (
            status_of(
                await exchange("127.0.0.1", port, get(b"/zeus/notify/0123456789abcdeX?" + CALL))
            )
            == 404
        )
        assert status_of(
            await exchange("127.0.0.1", port, get("/zeus/notify/鍵?".encode() + CALL))
        ) in (400, 404)
    assert len(await stored(database_url)) == 2


async def test_a_body_over_the_limit_is_kept_up_to_its_last_whole_parameter(
    database_url: str,
) -> None:
    big = CALL + b"&money=5400&sendid=" + b"a" * BODY_LIMIT
    request = (
        get(
            b"/zeus/notify",
            b"Host: a",
            b"Content-Length: %d" % len(big),
            version=b"1.1",
            method=b"POST",
        )
        + big
    )
    async with receiver(database_url) as port:
        assert status_of(await exchange("127.0.0.1", port, request)) == 200
    [notice] = await stored(database_url)
    assert notice["body"] == CALL + b"&money=5400"
    assert notice["cut"]


async def test_a_sender_that_leaves_inside_its_body_made_no_call(database_url: str) -> None:
    async with receiver(database_url) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            get(b"/zeus/notify", b"Content-Length: 100", method=b"POST") + b"order_no=1234-5"
        )
        await writer.drain()
        writer.close()
        await asyncio.sleep(0.1)
        assert status_of(await exchange("127.0.0.1", port, get(b"/zeus/notify?" + CALL))) == 200
    assert len(await stored(database_url)) == 1


async def test_calls_that_come_together_are_all_stored_once(database_url: str) -> None:
    calls = [get(b"/zeus/notify?order_no=%d&status=04" % number) for number in range(300)]
    async with receiver(database_url) as port:
        answers = await asyncio.gather(*(exchange("127.0.0.1", port, call) for call in calls))
    assert {status_of(answer) for answer in answers} == {200}
    notices = await stored(database_url)
    assert len(notices) == 300
    assert len({notice["target"] for notice in notices}) == 300
