"""Without the token nothing is seen and nothing changes, on every route there is; health and metrics need none."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.api.api_client import TOKEN, Api
from tests.operating.operating_world import ORDER_NO, SOURCE, OperatingWorld

TABLES = ("notices", "orders", "events", "subscribers", "subscriber_secrets", "outbound_webhooks", "attempts")
BODIES: dict[str, Any] = {
    "add_subscriber": {"name": "new", "url": "https://new.example/"},
    "change_subscriber": {"customer": True},
    "recover_outbound_webhooks": {"subscriber": "shop", "since": "2020-01-01T00:00:00Z"},
}
WRONG_TOKENS: list[dict[str, str]] = [
    {},
    {"authorization": ""},
    {"authorization": TOKEN},
    {"authorization": "Bearer"},
    {"authorization": "Bearer "},
    {"authorization": f"Bearer {TOKEN}x"},
    {"authorization": f"Bearer {TOKEN[:-1]}"},
    {"authorization": f"Basic {TOKEN}"},
    {"authorization": f"Bearer {TOKEN} {TOKEN}"},
    {"authorization": "Bearer ～"},
    {"x-authorization": f"Bearer {TOKEN}"},
]


def _operations(api: Api) -> Iterator[tuple[str, str, str]]:
    for path, operations in api.document["paths"].items():
        for method, operation in operations.items():
            yield method.upper(), path, operation["operationId"]


async def _filled(world: OperatingWorld) -> dict[str, Any]:
    """Fill every table, and return what the paths of the API can name."""
    await world.add()
    await world.judged("01")
    (quarantined,) = await world.call("04", clientip="2012999999")
    await world.judge("2012000001")
    webhook_id = (await world.rows("SELECT id FROM outbound_webhooks"))[0].id
    event_id = (await world.rows("SELECT id FROM events"))[0].id
    return {"name": "shop", "order_no": ORDER_NO, "notice_id": quarantined, "event_id": event_id, "webhook_id": webhook_id}


async def _contents(world: OperatingWorld) -> dict[str, list[Any]]:
    return {table: await world.rows(f"SELECT * FROM {table} ORDER BY 1") for table in TABLES}


async def test_every_route_refuses_without_the_token_and_changes_nothing(
    api: Api, world: OperatingWorld, subtests: pytest.Subtests
) -> None:
    names = await _filled(world)
    before = await _contents(world)
    operations = list(_operations(api))
    assert len(operations) >= 19
    for method, path, operation in operations:
        with subtests.test(operation=operation):
            for headers in WRONG_TOKENS if method == "GET" else WRONG_TOKENS[:1] + WRONG_TOKENS[5:6]:
                answer = await api(method, path.format(**names), token=None, headers=headers, json=BODIES.get(operation))
                assert (401, "unauthorized") == answer.problem
                assert answer.headers["www-authenticate"].startswith('Bearer realm="zeus-relay"')
                assert [] == [name for name in ("shop", SOURCE, TOKEN) if name in answer.text]
    assert before == await _contents(world)


async def test_every_route_answers_with_the_token(api: Api, world: OperatingWorld, subtests: pytest.Subtests) -> None:
    names = await _filled(world)
    await world.run("UPDATE outbound_webhooks SET state = 'dead'")
    operations = sorted(_operations(api), key=lambda operation: operation[0] == "DELETE")  # what is removed is needed before
    for method, path, operation in operations:
        with subtests.test(operation=operation):
            answer = await api(
                method, path.format(**names), json=BODIES.get(operation) or ({"wait_seconds": 0} if "test" in path else None)
            )
            assert str(answer.status) in api.document["paths"][path][method.lower()]["responses"]
            assert answer.status in (200, 201, 204), answer.text


async def test_without_the_token_not_even_what_is_not_there_can_be_seen(api: Api) -> None:
    for path in ("/v1", "/v1/", "/v1/no-such-thing", "/v1/openapi.json", "/v1/subscribers/x/y/z", "/%76%31/subscribers"):
        assert (401, "unauthorized") == (await api("GET", path, token=None)).problem
    assert (401, "unauthorized") == (await api("TRACE", "/v1/subscribers", token=None)).problem


async def test_a_body_is_not_read_before_the_token_is_checked(api: Api) -> None:
    answer = await api("POST", "/v1/subscribers", token=None, data=b"{" * 1000, headers={"content-type": "application/json"})
    assert (401, "unauthorized") == answer.problem


async def test_the_token_is_taken_in_any_case_of_its_scheme(api: Api) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert 200 == (await api("GET", "/v1/subscribers", token=None, headers={"authorization": f"{scheme} {TOKEN}"})).status


async def test_two_tokens_are_none(api: Api) -> None:
    headers = [("authorization", f"Bearer {TOKEN}"), ("authorization", "Bearer other")]
    async with api.session.get(f"{api.base}/v1/subscribers", headers=headers) as response:
        assert 401 == response.status


async def test_health_and_metrics_need_no_token(api: Api) -> None:
    assert (200, "alive\n") == ((alive := await api("GET", "/healthz", token=None)).status, alive.text)
    assert (200, "ready\n") == ((ready := await api("GET", "/readyz", token=None)).status, ready.text)
    metrics = await api("GET", "/metrics", token=None)
    assert 200 == metrics.status
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "zeus_relay_events_created_total" in metrics.text


async def test_unknown_ids_are_not_found_on_every_route_that_takes_one(api: Api, subtests: pytest.Subtests) -> None:
    unknown: dict[str, str | int | UUID] = {"name": "x", "order_no": "x", "notice_id": uuid4(), "event_id": uuid4(), "webhook_id": 7}
    for method, path, operation in _operations(api):
        if "{" not in path:
            continue
        with subtests.test(operation=operation):
            status, kind = (await api(method, path.format(**unknown), json=BODIES.get(operation))).problem
            assert (404, True) == (status, kind.endswith("-not-found"))
