"""Journey of a call from the proxy's port to Postgres and the merchant's system."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from app.simulator.player.orders import build_run
from app.simulator.player.play import play
from app.simulator.player.scenarios import SCENARIOS
from app.simulator.player.target import Method
from tests.container.installation import Installation
from tests.processes import ADMIN_TOKEN
from tests.raw_http import exchange, status_of

pytestmark = [pytest.mark.container, pytest.mark.timeout(600)]


async def shop_has(
    installation: Installation, order_numbers: set[str], count: int
) -> list[dict[str, Any]]:
    """Return the events about these orders, once there are `count` of them."""
    for _ in range(60):
        got = await asyncio.to_thread(installation.shop)
        assert got["unverified"] == []
        events = dict(got["received"])
        mine = [event for event in events.values() if event["data"]["order_no"] in order_numbers]
        if len(mine) >= count:
            return mine
        await asyncio.sleep(0.5)
    raise AssertionError(f"{len(mine)} of {count} events arrived")


async def test_calls_reach_postgres_and_the_shop(installation: Installation) -> None:
    orders = build_run((SCENARIOS["usual"], SCENARIOS["reversal"]), 5, seed=101)
    report = await play(installation.target(), orders)
    assert report.mails == 0
    assert {
        (order.order_no, call.status) for order in orders for call in order.calls
    } <= installation.calls_in_postgres()
    expected = sum(len(order.scenario.events) for order in orders)
    events = await shop_has(installation, {order.order_no for order in orders}, expected)
    assert expected == len(events)
    assert {kind for order in orders for kind in order.scenario.events} == {
        event["type"] for event in events
    }


async def test_the_operators_side_answers_on_its_own_port(installation: Installation) -> None:
    (order,) = build_run((SCENARIOS["usual"],), 1, seed=102)
    await play(installation.target(Method.POST), [order])
    await shop_has(installation, {order.order_no}, len(order.scenario.events))
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}) as client:
        url = f"http://127.0.0.1:{installation.operator_port}/v1/orders/{order.order_no}"
        async with client.get(url) as answer:
            assert order.scenario.state == (await answer.json())["order"]["state"]


async def test_the_public_side_knows_nothing_of_the_operators(installation: Installation) -> None:
    for path in (b"/v1/orders/x", b"/metrics", b"/docs", b"/openapi.json"):
        answer = await exchange(
            "127.0.0.1",
            installation.proxy_port,
            b"GET " + path + b" HTTP/1.1\r\nHost: pay.example.com\r\n\r\n",
        )
        assert status_of(answer) == 404


QUERY = (
    b"clientip=2012000001&money=5400&username=%83R%83%93&telno=0312345678"
    b"&email=taro%40example.com&status=01&order_no="
)


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("http-1.0", b"GET /zeus/notify?%b HTTP/1.0\r\n\r\n"),
        ("http-1.1", b"GET /zeus/notify?%b HTTP/1.1\r\nHost: pay.example.com\r\n\r\n"),
        ("lf-only", b"GET /zeus/notify?%b HTTP/1.0\n\n"),
        ("slash", b"GET /zeus/notify/?%b HTTP/1.0\r\n\r\n"),
        ("two-slashes", b"GET //zeus//notify?%b HTTP/1.0\r\n\r\n"),
        ("raw-8-bit", b"GET /zeus/notify?sendpoint=\x83\x52\xff&%b HTTP/1.0\r\n\r\n"),
        ("raw-hash", b"GET /zeus/notify?sendid=a#b&%b HTTP/1.0\r\n\r\n"),
        (
            "absolute",
            b"GET http://pay.example.com/zeus/notify?%b HTTP/1.1\r\nHost: pay.example.com\r\n\r\n",
        ),
    ],
)
async def test_every_spelling_is_answered_200_and_kept(
    installation: Installation, name: str, request_: bytes
) -> None:
    answer = await exchange(
        "127.0.0.1", installation.proxy_port, request_ % (QUERY + b"spelling-" + name.encode())
    )
    assert status_of(answer) == 200
    assert (f"spelling-{name}", "01") in installation.calls_in_postgres()


async def test_an_address_that_the_caller_claims_is_not_believed(
    installation: Installation,
) -> None:
    claims = (
        b"X-Forwarded-For: 192.0.2.10\r\nForwarded: for=192.0.2.10\r\nX-Real-IP: 192.0.2.10\r\n"
    )
    request = b"GET /zeus/notify?%bclaimed HTTP/1.1\r\nHost: pay.example.com\r\n%b\r\n" % (
        QUERY,
        claims,
    )
    assert status_of(await exchange("127.0.0.1", installation.proxy_port, request)) == 200
    installation.calls_in_postgres()
    assert [[installation.caller]] == installation.sql(
        "SELECT host(source) FROM notices WHERE order_no = 'claimed'"
    )


@pytest.mark.parametrize("source_check", ["proxy:8080", "receiver-1:8000"])
def test_a_stranger_who_claims_an_allowed_address_is_rejected(
    installation: Installation, source_check: str
) -> None:
    number = f"forged-{source_check.partition(':')[0]}"
    program = f"""if True:
        import urllib.request, urllib.error
        claims = {{"X-Forwarded-For": "192.0.2.10", "Forwarded": "for=192.0.2.10"}}
        try:
            url = "http://{source_check}/zeus/notify?{QUERY.decode()}{number}"
            request = urllib.request.Request(url, headers=claims)
            print(urllib.request.urlopen(request, timeout=10).status)
        except urllib.error.HTTPError as error:
            print(error.code)
    """
    assert installation.from_inside("front", program) == "403"
    assert installation.sql(
        f"SELECT count(*) FROM notices WHERE position('{number}'::bytea IN target) > 0"
    ) == [["0"]]


async def test_the_proxys_address_is_not_one_that_another_container_can_be_given(
    installation: Installation,
) -> None:
    own = installation.from_inside(
        "front", "import socket; print(socket.gethostbyname(socket.gethostname()))"
    )
    assert own.startswith(f"{installation.network}.")
    assert int(own.rpartition(".")[2]) >= 128


PERSONAL = (
    "0312345678",
    "taro@example.com",
    "taro%40example.com",
    "%83R%83%93",
    "username=",
    "192.0.2.10",
)


async def no_log_tells(installation: Installation, marker: str) -> None:
    logs = await installation.do("logs", "--no-color")
    assert "http.log.access" in logs
    for text in (*PERSONAL, "order_no=", marker):
        assert [line for line in logs.splitlines() if text in line] == [], text


def call_of(order_no: str) -> bytes:
    headers = b"Referer: http://taro@example.com/\r\nX-Forwarded-For: 192.0.2.10\r\n"
    return b"GET /zeus/notify?%b%b HTTP/1.0\r\n%b\r\n" % (QUERY, order_no.encode(), headers)


async def test_no_log_holds_anything_of_a_call(installation: Installation) -> None:
    assert (
        status_of(await exchange("127.0.0.1", installation.proxy_port, call_of("logged-well")))
        == 200
    )
    await no_log_tells(installation, "logged-well")


async def test_the_proxy_holds_a_call_until_zeus_has_given_up_and_then_logs_nothing_of_it(
    installation: Installation,
) -> None:
    await installation.do("stop", "receiver-1", "receiver-2")
    started = time.monotonic()
    answer = await exchange(
        "127.0.0.1", installation.proxy_port, call_of("logged-badly"), patience=60
    )
    held_s = time.monotonic() - started
    await installation.do("start", "receiver-1", "receiver-2")
    await asyncio.to_thread(installation.wait_until_healthy)
    assert status_of(answer) >= 500
    assert held_s > 40
    assert "http.log.error" in await installation.do("logs", "--no-color", "proxy")
    await no_log_tells(installation, "logged-badly")
