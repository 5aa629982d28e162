"""Exports and totals over HTTP: filters, problems, names of files, and clients that go away."""

import asyncio
from datetime import timedelta

import pytest

from app.clock import now
from app.operations.orders.days import JAPAN
from tests.api.api_client import TOKEN, Api
from tests.operations.operations_setup import ORDER_NO, PERSONAL, OperationsSetup

_MANY = """
INSERT INTO orders (order_no, status, state, cycle, sequence, money, sendid, created_at)
SELECT 'o' || n, '01', 'awaiting_payment', 1, 1, n, repeat('s', 200), now()
FROM generate_series(1, 50000) AS n
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("orders.csv", "text/csv; charset=utf-8"),
        ("events.jsonl", "application/jsonl"),
        ("reviews.csv", "text/csv; charset=utf-8"),
        ("totals.csv", "text/csv; charset=utf-8"),
    ],
)
async def test_an_export_is_a_file(api: Api, setup: OperationsSetup, path: str, kind: str) -> None:
    await setup.judged("01", "04")
    answer = await api.get(f"/{path}")
    assert (200, kind) == (answer.status, answer.headers["content-type"])
    assert f'attachment; filename="{path}"' == answer.headers["content-disposition"]
    assert "no-store" == answer.headers["cache-control"]
    assert [] == [secret for secret in PERSONAL if secret in answer.text]


async def test_exports_take_the_filters_of_the_lists(api: Api, setup: OperationsSetup) -> None:
    await setup.judged("01", "04")
    await setup.judged("01", order_no="other")
    today = now().astimezone(JAPAN).date()
    for query, lines in (
        ("", 3),
        ("?state=paid", 2),
        ("?order_no=other", 2),
        (f"?from={today}&to={today}", 3),
        (f"?to={today - timedelta(days=2)}", 1),
    ):
        assert lines == (await api.get(f"/orders.csv{query}")).text.count("\n"), query
    assert 1 == (await api.get("/events.jsonl?order_no=other")).text.count("\n")
    assert "" == (await api.get("/events.jsonl?test=only")).text
    assert 1 == (await api.get("/reviews.csv?open=true&reason=conflict")).text.count("\n")


async def test_the_list_of_orders_takes_a_state_and_a_range(
    api: Api, setup: OperationsSetup
) -> None:
    await setup.judged("01", "04")
    today = now().astimezone(JAPAN).date()
    found = await api.get(f"/orders?state=paid&from={today}&to={today}")
    assert [ORDER_NO] == [order["order_no"] for order in found.json["items"]]
    assert [] == (await api.get("/orders?state=reversed")).json["items"]


async def test_totals_over_http(api: Api, setup: OperationsSetup) -> None:
    await setup.judged("01", "04")
    totals = (await api.get("/totals?by=store")).json
    today = now().astimezone(JAPAN).date()
    assert (str(today - timedelta(days=29)), str(today), "store") == tuple(
        totals[name] for name in ("from", "to", "by")
    )
    paid = {"orders": 1, "money": 5400, "without_money": 0}
    whole = {**paid, "payable": paid, "states": [{**paid, "state": "paid"}]}
    assert {"key": "D001", "name": "セブン-イレブン", **whole} == totals["groups"][0]
    assert whole == totals["total"]


@pytest.mark.parametrize(
    "path",
    [
        "/totals?from=2026-11-02&to=2026-11-01",
        "/totals?from=2020-01-01&to=2026-11-01",
        "/totals.csv?from=2020-01-01&to=2026-11-01",
        "/orders?from=2026-11-02&to=2026-11-01",
        "/orders.csv?from=2026-11-02&to=2026-11-01",
        "/totals?from=yesterday",
    ],
)
async def test_a_bad_range_is_a_problem(api: Api, path: str) -> None:
    answer = await api.get(path)
    assert (422, "invalid-request") == answer.problem
    assert ["query", "from"] == answer.json["errors"][0]["location"]


@pytest.mark.parametrize(
    "path", ["/totals?by=state", "/orders?state=unpaid", "/reviews.csv?open=2"]
)
async def test_a_bad_filter_is_a_problem(api: Api, path: str) -> None:
    assert (422, "invalid-request") == (await api.get(path)).problem


async def _stalled(api: Api) -> asyncio.StreamWriter:
    """Begin an export and read only the beginning of its answer."""
    host, _, port = api.base.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"GET /v1/orders.csv HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    )
    assert b"200 OK" in await reader.readuntil(b"\r\n")
    return writer


async def test_a_client_that_goes_away_frees_its_slot(api: Api, setup: OperationsSetup) -> None:
    await setup.run(_MANY)
    stalled = [await _stalled(api) for _ in range(2)]
    assert (503, "exports-busy") == (await api.get("/orders.csv")).problem
    for writer in stalled:
        writer.transport.abort()
    in_use = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = :state"
    async with asyncio.timeout(10):
        while await setup.rows(in_use, state="idle in transaction"):
            await asyncio.sleep(0.05)
    assert 2 == (await api.get("/orders.csv?order_no=o7")).text.count("\n")
