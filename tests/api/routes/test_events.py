"""Feed over HTTP: a token that opens nothing else, long polling, and the whole service."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.api.permissions import FOR_FEEDS
from tests.api.api_client import Api
from tests.api.api_walk import BODIES, address, contents, filled, operations
from tests.operations.operations_setup import PERSONAL, OperationsSetup
from tests.processes import processes, service_settings


async def polling(api: Api, **values: Any) -> str:
    """Add a subscriber that polls. Return its token."""
    added = await api.post("/subscribers", json={"name": "poller", "feed": True, **values})
    assert (201, "", True) == (added.status, added.json["url"], added.json["feed"])
    token = added.json["secret"]
    assert isinstance(token, str)
    return token


async def test_a_feed_is_read_with_its_own_token(api: Api, setup: OperationsSetup) -> None:
    token = await polling(api, event_types=["payment.received", "payment.confirmed"], customer=True)
    await setup.judged("01", "04", "05")
    first = await api.get("/events?limit=1", token=token)
    (event,) = first.json["items"]
    assert ("payment.received", True) == (event["type"], first.json["has_more"])
    assert list(PERSONAL) == list(event["data"]["customer"].values())
    rest = await api.get(f"/events?after={first.json['next_cursor']}&wait=10", token=token)
    assert ["payment.confirmed"] == [item["type"] for item in rest.json["items"]]
    nothing = await api.get(f"/events?after={rest.json['next_cursor']}&wait=0", token=token)
    assert ([], rest.json["next_cursor"]) == (nothing.json["items"], nothing.json["next_cursor"])


async def test_operators_read_the_feed_masked(api: Api, setup: OperationsSetup) -> None:
    await setup.judged("01", "04")
    page = await api.get("/events?after=&limit=1")
    assert ["order.accepted"] == [item["type"] for item in page.json["items"]]
    assert [] == [secret for secret in PERSONAL if secret in page.text]
    assert 1 == len(
        (await api.get(f"/events?after={page.json['next_cursor']}&wait=5")).json["items"]
    )


async def test_the_token_of_a_feed_opens_nothing_else(
    api: Api, setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    names, token = await filled(setup), await polling(api)
    before = await contents(setup)
    for method, path, operation in operations(api):
        if operation in FOR_FEEDS:
            continue
        with subtests.test(operation=operation):
            answer = await api(
                method, address(path, operation, names), token=token, json=BODIES.get(operation)
            )
            assert (403, "not-allowed") == answer.problem
    assert (403, "not-allowed") == (await api.get("/events?personal=true", token=token)).problem
    assert before == await contents(setup)


@pytest.mark.parametrize(
    "query",
    [
        "after=x",
        "after=AAAA",
        "wait=61",
        "wait=-1",
        "wait=nan",
        "after=&cursor=x",
        "after=&order_no=x",
        "wait=1&limit=0",
    ],
)
async def test_an_invalid_poll_is_rejected(api: Api, query: str) -> None:
    assert 422 == (await api.get(f"/events?{query}")).problem[0]


async def test_a_replaced_or_unknown_token_is_rejected(api: Api) -> None:
    token = await polling(api)
    rotated = await api.post("/subscribers/poller/rotate-secret")
    for wrong in (token, "zft_", "zft_x", f"zft_{'é' * 10}"):
        assert 401 == (await api.get("/events", token=wrong)).status
    assert 200 == (await api.get("/events", token=rotated.json["secret"])).status
    await api.post("/subscribers/poller/pause")
    assert (409, "subscriber-paused") == (
        await api.get("/events", token=rotated.json["secret"])
    ).problem
    assert (409, "subscriber-polls") == (await api.post("/subscribers/poller/test")).problem


async def test_a_waiting_poll_is_answered_when_a_call_arrives_and_at_a_stop(
    database_url: str, tmp_path: Path
) -> None:
    with processes(tmp_path) as start:
        up = start.start("up", **service_settings(database_url))
        public, operator = await up.address_of("receiver"), await up.ready("operator")
        base, admin = (
            f"http://{operator[0]}:{operator[1]}/v1",
            {"authorization": "Bearer for-tests-only-make-your-own"},
        )
        async with aiohttp.ClientSession() as client:
            async with client.post(
                f"{base}/subscribers", json={"name": "poller", "feed": True}, headers=admin
            ) as answer:
                own = {"authorization": f"Bearer {(await answer.json())['secret']}"}
            waiting = asyncio.create_task(_poll(client, f"{base}/events?wait=30", own))
            await asyncio.sleep(0.5)
            query = "order_no=1234-56789-01234&status=01&money=5400"
            async with client.get(f"http://{public[0]}:{public[1]}/zeus/notify?{query}") as answer:
                assert 200 == answer.status
            page = await asyncio.wait_for(waiting, 15)
            assert ["order.accepted"] == [item["type"] for item in page["items"]]
            waiting = asyncio.create_task(
                _poll(client, f"{base}/events?after={page['next_cursor']}&wait=30", own)
            )
            await asyncio.sleep(0.5)
            up.terminate()
            assert {
                "items": [],
                "next_cursor": page["next_cursor"],
                "has_more": False,
            } == await asyncio.wait_for(waiting, 15)
        assert 0 == await up.ended()


async def _poll(client: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> Any:
    async with client.get(url, headers=headers) as answer:
        assert 200 == answer.status
        return await answer.json()
