"""The simulator's API: what it shows, what it refuses, and whom it answers."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from tests.simulator.simulator_process import Simulator


async def test_an_action_that_zeus_would_not_allow_says_what_is_allowed(zeus: Simulator) -> None:
    order_no = await zeus.order_no()
    refused = await zeus.ask("POST", f"/orders/{order_no}/confirm")

    assert refused.status == 409
    assert (refused.json["state"], refused.json["action"]) == ("unpaid", "confirm")
    assert refused.json["allowed"] == ["pay", "expire", "reissue", "stop"]
    assert (await zeus.order(order_no))["allowed"] == refused.json["allowed"]
    assert (await zeus.order(order_no))["state"] == "unpaid"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/orders/SIM-1", None, 404),
        ("POST", "/orders/SIM-1/pay", None, 404),
        ("POST", "/orders/SIM-1/calls/1/resend", None, 404),
        ("POST", "/orders/SIM-1/burn", None, 422),
        ("POST", "/orders/SIM-1/calls/one/resend", None, 422),
        ("GET", "/orders?limit=0", None, 422),
        ("GET", "/nowhere", None, 404),
        ("DELETE", "/orders", None, 405),
        ("PATCH", "/settings", {"call_ulr": "http://127.0.0.1/"}, 422),
        ("PATCH", "/settings", {"call_url": "ftp://127.0.0.1/"}, 422),
        ("PATCH", "/settings", {"call_url": "http://shop.example.com/"}, 422),
        ("PATCH", "/settings", {"anywhere": True}, 422),
        ("PATCH", "/settings", {"parameters": ["status", "colour"]}, 422),
        ("PATCH", "/settings", {"deadline_days": 60}, 422),
        ("PATCH", "/settings", {"deadline_days": 1}, 422),
        ("PATCH", "/settings", {"stores": ["D999"]}, 422),
        ("PATCH", "/settings", {"named_faults": ["colour"]}, 422),
        ("PATCH", "/settings", {"faults": {"calls": {"source": "here"}}}, 422),
        ("PATCH", "/settings", {"faults": {"calls": {"delay": -1}}}, 422),
        ("PATCH", "/settings", {"clock": {"speed": 0}}, 422),
        ("PATCH", "/settings", {"order_prefix": "1234"}, 422),
        ("PATCH", "/settings", [], 422),
        ("POST", "/clock/advance", {"days": -1}, 422),
        ("POST", "/clock/advance", {"days": 1e300}, 422),
        ("POST", "/clock/advance", {"weeks": 1}, 422),
    ],
)
async def test_bad_input_is_a_problem_and_changes_nothing(
    zeus: Simulator, method: str, path: str, body: Any, status: int
) -> None:
    before = (await zeus.ask("GET", "/settings")).json
    refused = await zeus.ask(method, path, body)

    assert (refused.status, refused.json["status"]) == (status, status)
    assert refused.json["title"]
    assert (await zeus.ask("GET", "/settings")).json == before


async def test_problems_have_their_media_type_and_name_the_faulty_field(zeus: Simulator) -> None:
    async with (
        aiohttp.ClientSession() as client,
        client.patch(
            f"{zeus.url}/api/settings", json={"faults": {"calls": {"times": 0}}}
        ) as answer,
    ):
        problem = await answer.json()
        assert answer.content_type == "application/problem+json"
    assert [fault["field"] for fault in problem["faults"]] == ["faults.calls.times"]


@pytest.mark.parametrize("body", [b"{", b"NaN", b"1", b"[]", b""])
async def test_a_body_that_is_no_object_is_refused(zeus: Simulator, body: bytes) -> None:
    async with (
        aiohttp.ClientSession() as client,
        client.post(
            f"{zeus.url}/api/clock/advance",
            data=body,
            headers={"content-type": "application/json"},
        ) as answer,
    ):
        assert (answer.status, answer.content_type) == (422, "application/problem+json")


async def test_unknown_numbers_are_told_with_those_that_exist(zeus: Simulator) -> None:
    order_no = await zeus.order_no()
    await zeus.called(order_no, "01")

    order = await zeus.ask("GET", "/orders/SIM-1")
    call = await zeus.ask("POST", f"/orders/{order_no}/calls/99/resend")
    mail = await zeus.ask("GET", f"/orders/{order_no}/mails/99")
    assert [refused.status for refused in (order, call, mail)] == [404, 404, 404]
    assert (order.json["number"], order.json["allowed"]) == ("SIM-1", [order_no])
    assert (call.json["number"], call.json["allowed"]) == ("99", [1])
    assert (mail.json["number"], mail.json["allowed"]) == ("99", [1, 2])


async def test_bad_input_is_told_with_what_is_allowed_now(zeus: Simulator) -> None:
    order_no = await zeus.order_no()
    await zeus.act(order_no, "pay")
    action = (await zeus.ask("POST", f"/orders/{order_no}/burn")).json
    unknown = (await zeus.ask("POST", "/orders/SIM-1/burn")).json
    name = (await zeus.ask("PATCH", "/settings", {"call_ulr": "x"})).json
    limit = (await zeus.ask("PATCH", "/settings", {"deadline_days": 60})).json
    method = (await zeus.ask("DELETE", "/settings")).json

    assert action["allowed"] == ["confirm", "take-back"]
    assert unknown["allowed"] == ["pay", "confirm", "take-back", "expire", "reissue", "stop"]
    assert {"call_url", "faults.calls.times"} <= set(name["allowed"])
    assert [fault["field"] for fault in name["faults"]] == ["call_ulr"]
    assert [fault["allowed"] for fault in limit["faults"]] == [{"le": 59}]
    assert set(method["allowed"]) == {"GET", "PATCH"}


async def test_the_clock_ends_somewhere(zeus: Simulator) -> None:
    for _ in range(100):
        moved = await zeus.ask("POST", "/clock/advance", {"days": 400})
        if moved.status != 200:
            break

    assert moved.status == 409
    assert "2100-01-01" in moved.json["title"]
    assert (await zeus.ask("GET", "/clock")).json["now"] < "2100"


async def test_settings_merge_groups_and_replace_the_rest(zeus: Simulator) -> None:
    await zeus.set(faults={"calls": {"times": 2}, "answers": {"html": True}})
    await zeus.set(faults={"calls": {"delay": 1}}, stores=["D001"])

    settings = (await zeus.ask("GET", "/settings")).json
    assert (settings["faults"]["calls"]["times"], settings["faults"]["calls"]["delay"]) == (2, 1)
    assert settings["faults"]["answers"]["html"] is True
    assert settings["stores"] == ["D001"]


async def test_orders_are_found_by_any_of_their_values(zeus: Simulator) -> None:
    first = await zeus.order_no(username="ソウゼン", sendid="100%_a")
    second = await zeus.order_no(sendid="B-2")

    async def found(text: str) -> list[str]:
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"{zeus.url}/api/orders", params={"search": text}) as answer,
        ):
            return [order["order_no"] for order in await answer.json()]

    assert await found("") == [second, first]
    assert await found("ソウ") == [first]
    assert await found("B-2") == [second]
    assert await found("%_") == [first]
    assert await found(second) == [second]
    assert await found("order_no") == []


async def test_the_api_describes_itself(zeus: Simulator) -> None:
    async with aiohttp.ClientSession() as client, client.get(f"{zeus.url}/openapi.json") as answer:
        described = json.loads(await answer.read())

    assert "SIMULATOR" in described["info"]["title"]
    assert {
        "/api/orders",
        "/api/orders/{order_no}",
        "/api/orders/{order_no}/{action}",
        "/api/orders/{order_no}/calls/{n}/resend",
        "/api/settings",
        "/api/clock/advance",
        "/api/reset",
    } <= set(described["paths"])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 204),
        ({"Host": "localhost:8002", "Origin": "http://localhost:8002"}, 204),
        ({"Host": "[::1]:8002"}, 204),
        ({"Host": "shop.example.com"}, 421),
        ({"Host": "[::"}, 421),
        ({"Origin": "http://shop.example.com"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_a_foreign_page_in_the_browser_changes_nothing(
    zeus: Simulator, headers: dict[str, str], status: int
) -> None:
    order_no = await zeus.order_no()
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{zeus.url}/api/reset", headers=headers) as answer,
    ):
        assert answer.status == status
        assert answer.headers["x-simulator"] == "zeus-relay SIMULATOR"

    left = [order["order_no"] for order in (await zeus.ask("GET", "/orders")).json]
    assert left == ([] if status == 204 else [order_no])


async def test_a_request_that_is_no_http_is_marked_too(zeus: Simulator) -> None:
    host, _, port = zeus.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    await writer.wait_closed()

    assert b"x-simulator: zeus-relay SIMULATOR" in answer
