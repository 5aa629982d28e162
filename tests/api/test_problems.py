"""Problems (RFC 9457): complete, with the right status, and without values of the request."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import ClientSession

from app.api.body_limit import LIMIT_BYTES
from app.api.problems import KINDS, problem
from app.db.engine import make_engine, make_sessions
from app.operations import errors
from app.operations.pagination import cursor_of
from app.operations.subscribers.pause import pause_subscriber
from tests.api.api_client import TOKEN, Api, serving
from tests.operations.operations_setup import OPERATOR, PERSONAL, OperationsSetup

URL = "https://shop.example/hooks"
TOO_LONG = (413, "body-too-large")


def test_every_error_has_its_status() -> None:
    def leaves(kind: type[Exception]) -> Iterator[type[Exception]]:
        yield kind
        for below in kind.__subclasses__():
            yield from leaves(below)

    abstract = {errors.OperationError, errors.NotFound}
    # The console has errors of its own, which no route of the API raises.
    found = {kind for kind in leaves(errors.OperationError) if "console" not in kind.__module__}
    assert found - abstract == set(KINDS)


def test_a_problem_is_readable_japanese_and_valid_utf_8() -> None:
    body = bytes(problem(KINDS[errors.BadRange], "受付番号 \udc80").body)
    assert "受付番号" in body.decode()
    assert "受付番号 \udc80" == json.loads(body)["detail"]


async def test_unknown_paths_and_methods(api: Api) -> None:
    assert (404, "not-found") == (await api.get("/no-such-thing")).problem
    assert (404, "not-found") == (await api("GET", "/elsewhere")).problem
    assert (404, "not-found") == (await api.get("/subscribers/")).problem  # no redirect
    not_allowed = await api("PUT", "/v1/subscribers")
    assert (405, "method-not-allowed") == not_allowed.problem
    assert "GET, POST" == not_allowed.headers["allow"]
    assert "DELETE, GET, PATCH" == (await api("PUT", "/v1/subscribers/shop")).headers["allow"]


async def test_conflicts(api: Api, setup: OperationsSetup) -> None:
    await setup.add()
    assert (409, "name-taken") == (
        await api.post("/subscribers", json={"name": "shop", "url": URL})
    ).problem
    await pause_subscriber(setup.sessions, "shop", None, OPERATOR)
    assert (409, "subscriber-paused") == (await api.post("/subscribers/shop/test")).problem
    for _ in range(4):
        assert 200 == (await api.post("/subscribers/shop/rotate-secret")).status
    assert (409, "too-many-secrets") == (await api.post("/subscribers/shop/rotate-secret")).problem
    (notice_id,) = await setup.judged("01")
    not_releasable = await api.post(f"/notices/{notice_id}/release")
    assert (409, "not-releasable") == not_releasable.problem
    assert "The notice cannot be released: verdict:accepted." == not_releasable.json["detail"]
    await setup.run("UPDATE outbound_webhooks SET state = 'delivered'")
    webhook_id = (await setup.rows("SELECT id FROM outbound_webhooks"))[0].id
    assert (409, "not-retriable") == (
        await api.post(f"/outbound-webhooks/{webhook_id}/retry")
    ).problem


INVALID: list[tuple[str, str, Any, list[str | int]]] = [
    ("POST", "/subscribers", None, ["body"]),
    ("POST", "/subscribers", [], ["body"]),
    ("POST", "/subscribers", {"url": URL}, ["body", "name"]),
    ("POST", "/subscribers", {"name": "a b", "url": URL}, ["body", "name"]),
    ("POST", "/subscribers", {"name": "x" * 101, "url": URL}, ["body", "name"]),
    ("POST", "/subscribers", {"name": "a\0b", "url": URL}, ["body", "name"]),
    ("POST", "/subscribers", {"name": "a\ud800", "url": URL}, ["body", "name"]),
    ("POST", "/subscribers", {"name": "x", "url": "http:"}, ["body", "url"]),
    ("POST", "/subscribers", {"name": "x", "url": "https://192.168.0.1/"}, ["body", "url"]),
    (
        "POST",
        "/subscribers",
        {"name": "x", "url": URL, "event_types": ["a\ud800"]},
        ["body", "event_types", 0],
    ),
    ("POST", "/subscribers", {"name": "x", "url": URL, "event_types": []}, ["body", "event_types"]),
    ("POST", "/subscribers", {"name": "x", "url": URL, "secret": "0312345678"}, ["body", "secret"]),
    ("POST", "/subscribers", {"name": "x", "url": URL, "secret": "\ud800"}, ["body", "secret"]),
    (
        "POST",
        "/subscribers",
        {"name": "x", "url": URL, "max_in_flight": 0},
        ["body", "max_in_flight"],
    ),
    (
        "POST",
        "/subscribers",
        {"name": "x", "url": URL, "max_in_flight": 10**30},
        ["body", "max_in_flight"],
    ),
    ("POST", "/subscribers", {"name": "x", "url": URL, "colour": "red"}, ["body", "colour"]),
    ("POST", "/subscribers", {"name": "x", "url": URL, "\ud800": "red"}, ["body"]),
    ("PATCH", "/subscribers/shop", {"timeout_ms": 1}, ["body", "timeout_ms"]),
    ("POST", "/subscribers/shop/pause", {"reason": "\0"}, ["body", "reason"]),
    ("POST", "/subscribers/shop/rotate-secret", {"overlap_hours": 169}, ["body", "overlap_hours"]),
    ("POST", "/subscribers/shop/test", {"wait_seconds": 31}, ["body", "wait_seconds"]),
    ("GET", "/subscribers/%00", None, ["path", "name"]),
    ("GET", f"/subscribers/{'x' * 101}", None, ["path", "name"]),
    ("GET", "/orders/%00", None, ["path", "order_no"]),
    ("GET", "/notices/0312345678", None, ["path", "notice_id"]),
    ("GET", "/events/%ff", None, ["path", "event_id"]),
    ("GET", "/notices?verdict=taro", None, ["query", "verdict"]),
    ("GET", "/notices?order_no=%00", None, ["query", "order_no"]),
    ("GET", "/notices?limit=0", None, ["query", "limit"]),
    ("GET", "/notices?limit=201", None, ["query", "limit"]),
    ("GET", "/notices?cursor=taro", None, ["query", "cursor"]),
    ("GET", f"/notices?cursor={cursor_of(7)}", None, ["query", "cursor"]),
    ("GET", "/orders?date=9999-12-31", None, ["query", "date"]),
    ("GET", "/orders?date=0001-01-01", None, ["query", "date"]),
    ("GET", "/orders?date=taro", None, ["query", "date"]),
    ("GET", "/orders?telno_tail=0312345678", None, ["query", "telno_tail"]),
    ("GET", "/orders?telno_tail=567", None, ["query", "telno_tail"]),
    ("GET", "/orders?money=-1", None, ["query", "money"]),
    ("GET", f"/orders?money={2**63}", None, ["query", "money"]),
    ("GET", "/orders?sendid=", None, ["query", "sendid"]),
    ("GET", "/orders?cursor=taro", None, ["query", "cursor"]),
    ("GET", "/audit?action=taro", None, ["query", "action"]),
    ("GET", "/audit?subject=%00", None, ["query", "subject"]),
    ("POST", "/tokens", {"name": "taro", "role": "root"}, ["body", "role"]),
    (
        "POST",
        "/tokens",
        {"name": "kato", "role": "viewer", "expires_days": 0},
        ["body", "expires_days"],
    ),
    (
        "POST",
        "/tokens",
        {"name": "kato", "role": "viewer", "expires_days": 1e9},
        ["body", "expires_days"],
    ),
    ("POST", "/outbound-webhooks/1/dismiss", {"reason": ""}, ["body", "reason"]),
    ("POST", "/outbound-webhooks/1/dismiss", {}, ["body", "reason"]),
    ("GET", "/events?personal=perhaps", None, ["query", "personal"]),
    ("GET", "/outbound-webhooks?state=lost", None, ["query", "state", 0]),
    ("GET", "/outbound-webhooks/0", None, ["path", "webhook_id"]),
    ("GET", f"/outbound-webhooks/{2**63}", None, ["path", "webhook_id"]),
    (
        "POST",
        "/outbound-webhooks/recover",
        {"subscriber": "shop", "since": "2026-11-23T00:00:00"},
        ["body", "since"],
    ),
    (
        "POST",
        "/outbound-webhooks/recover",
        {"subscriber": "a\0", "since": "2026-11-23T00:00:00Z"},
        ["body", "subscriber"],
    ),
]


async def test_an_invalid_value_is_named_and_not_repeated(
    api: Api, setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    await setup.add()
    for method, path, body, location in INVALID:
        with subtests.test(path=path, location=location):
            answer = await api(
                method,
                f"/v1{path}",
                data=json.dumps(body).encode(),
                headers={"content-type": "application/json"},
            )
            assert (422, "invalid-request") == answer.problem
            assert location == answer.json["errors"][0]["location"]
            assert answer.json["errors"][0]["message"]
            assert [] == [
                secret for secret in ("0312345678", "taro", "192.168") if secret in answer.text
            ]
    assert 1 == len(await setup.rows("SELECT 1 FROM subscribers"))


async def test_bodies_that_are_not_json(api: Api) -> None:
    for content in (
        b"",
        b"{",
        b"\xff\xfe",
        b'{"name": "taro@example.com',
        b"[" * 100_000,
        b'"' + b"9" * 5000,
    ):
        answer = await api(
            "POST", "/v1/subscribers", data=content, headers={"content-type": "application/json"}
        )
        assert (422, "invalid-request") == answer.problem
        assert "taro" not in answer.text


async def test_odd_bytes_in_a_path_find_nothing(api: Api) -> None:
    for path in (
        "/orders/%FF%FE",
        "/orders/a%2Fb",
        "/orders/..%2f..%2f",
        "/orders/",
        "/orders/%E3%81%82",
        "/orders/%25",
        "/subscribers/%FF",
        "/subscribers/a%2Fb",
    ):
        assert 404 == (await api.get(path)).problem[0]


async def test_odd_bytes_in_a_query_find_nothing(api: Api) -> None:
    for query in (
        "order_no=%FF",
        "order_no=%ED%A0%80",
        "order_no=\\%27--",
        "order_no=a&order_no=b",
        "unknown=%00",
    ):
        assert (200, []) == (
            (answer := await api.get(f"/notices?{query}")).status,
            answer.json["items"],
        )


async def test_an_order_no_with_a_slash_can_be_looked_up(api: Api, setup: OperationsSetup) -> None:
    await setup.judged("01", order_no="a/b")
    assert "a/b" == (await api.get("/orders/a%2Fb")).json["order_no"]


async def test_an_unreachable_database_is_not_a_defect(setup: OperationsSetup) -> None:
    engine = make_engine("postgresql://relay@127.0.0.1:1/relay")
    async with serving(make_sessions(engine), setup.vault) as api:
        answer = await api.get("/subscribers")
        assert (503, "database-unavailable") == answer.problem
        assert "1" == answer.headers["retry-after"]
        assert 503 == (await api("GET", "/readyz", token=None)).status
        assert 200 == (await api("GET", "/healthz", token=None)).status
    await engine.dispose()


async def test_requests_are_answered_after_the_server_closed_all_connections(
    setup: OperationsSetup,
) -> None:
    engine = make_engine(setup.url, application="the API under test")
    async with serving(make_sessions(engine), setup.vault) as api:
        assert {200} == {
            answer.status
            for answer in await asyncio.gather(*(api.get("/subscribers") for _ in range(8)))
        }
        mine = (
            "FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'the API under test'"
        )
        assert len(await setup.rows(f"SELECT pg_terminate_backend(pid) {mine}")) > 1
        async with asyncio.timeout(10):
            while await setup.rows(f"SELECT 1 {mine}"):
                await asyncio.sleep(0.01)
        answers = [
            await api.get("/subscribers"),
            *await asyncio.gather(*(api.get("/orders") for _ in range(8))),
        ]
        assert {200} == {answer.status for answer in answers}
    await engine.dispose()


async def test_a_database_without_tables_gets_a_remedy(
    setup: OperationsSetup, empty_database_url: str
) -> None:
    engine = make_engine(empty_database_url)
    async with serving(make_sessions(engine), setup.vault) as api:
        answer = await api.get("/orders/1")
        assert (503, "database-unavailable") == answer.problem
        assert "zeus-relay migrate" in answer.json["detail"]
    await engine.dispose()


async def test_a_defect_shows_and_logs_no_data(
    api: Api, setup: OperationsSetup, capsys: pytest.CaptureFixture[str]
) -> None:
    await setup.judged("01")
    # Data that no version of the service writes: reading it raises an exception whose text repeats
    # the value.
    await setup.run("UPDATE orders SET status = 'コンビニ　タロウ'")
    answer = await api.get("/orders/1234-56789-01234")
    assert (500, "internal-server-error") == answer.problem
    output = capsys.readouterr()
    assert "request_failed" in output.out + output.err
    assert [] == [
        secret
        for secret in (*PERSONAL, "1234-56789-01234", "Traceback")
        if secret in answer.text + output.out + output.err
    ]


async def test_the_server_continues_after_a_defect(api: Api, setup: OperationsSetup) -> None:
    await setup.judged("01")
    await setup.run("UPDATE orders SET status = 'x'")
    assert 500 == (await api.get("/orders/1234-56789-01234")).status
    assert 200 == (await api.get("/notices")).status


async def test_concurrent_requests_do_not_affect_each_other(
    api: Api, setup: OperationsSetup
) -> None:
    async with ClientSession(headers={"authorization": f"Bearer {TOKEN}"}) as session:

        async def add(number: int) -> int:
            async with session.post(
                f"{api.base}/v1/subscribers", json={"name": f"shop{number % 4}", "url": URL}
            ) as response:
                return response.status

        statuses = await asyncio.gather(*(add(number) for number in range(20)))
    assert (4, 16) == (statuses.count(201), statuses.count(409))


async def test_a_body_that_is_too_long_is_not_read(api: Api) -> None:
    """By its announced length, and by its bytes where no length is announced."""
    longest = b"[" + b" " * (LIMIT_BYTES - 2) + b"]"
    as_json = {"content-type": "application/json", "idempotency-key": "key-1"}

    async def pieces(content: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(content), 100_000):
            yield content[start : start + 100_000]

    for path in ("/applications", "/subscribers"):
        for content, found in ((longest, (422, "invalid-request")), (longest + b" ", TOO_LONG)):
            assert found == (await api.post(path, data=content, headers=as_json)).problem
            answer = await api.post(path, data=pieces(content), headers=as_json)
            assert found == answer.problem
    assert (401, "unauthorized") == (
        await api.post("/applications", data=b"{}", headers=as_json, token="wrong")
    ).problem
