"""Exports of orders, events, reviews and totals: filters, snapshot, columns, memory and slots."""

import csv
import io
import json
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from app.downloads import Chunks
from app.operations.errors import BadRange, ExportsBusy
from app.operations.exports.events import events_jsonl
from app.operations.exports.orders import ORDER_COLUMNS, orders_csv
from app.operations.exports.reviews import REVIEW_COLUMNS, reviews_csv
from app.operations.exports.sheets import PAGE_ROWS, SheetWords
from app.operations.exports.slots import ExportSlots
from app.operations.exports.totals import totals_csv
from app.operations.orders.real_or_test import WithTests
from app.operations.orders.search import OrderQuery
from app.operations.orders.totals import TotalsQuery, read_totals
from app.operations.reviews.filters import ReviewFilter
from app.order_life.reviews import Reason
from tests.operations.operations_setup import ORDER_NO, PERSONAL, OperationsSetup

_MANY = """
INSERT INTO orders (order_no, status, state, cycle, sequence, money, sendid, created_at)
SELECT 'o' || lpad(n::text, 7, '0'), '01', 'awaiting_payment', 1, 1, n, 's', now()
FROM generate_series(1, :count) AS n
"""


async def _whole(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


def _rows(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


async def _orders(setup: OperationsSetup, **query: Any) -> list[dict[str, str]]:
    wanted = OrderQuery.model_validate(query)
    return _rows(await _whole(orders_csv(setup.sessions, wanted)))


async def test_an_order_has_every_column_and_no_personal_value(setup: OperationsSetup) -> None:
    await setup.judged("01", "04")
    await setup.run("UPDATE orders SET created_at = '2026-11-22T15:00:00Z'")
    content = await _whole(orders_csv(setup.sessions, OrderQuery()))
    (row,) = _rows(content)
    assert list(ORDER_COLUMNS) == list(row)
    assert {
        "order_no": ORDER_NO,
        "state": "paid",
        "status": "'04",
        "status_name": "入金済",
        "payable": "true",
        "final": "false",
        "release": "waiting",
        "money": "5400",
        "clientip": "2012000001",
        "store": "D001",
        "store_name": "セブン-イレブン",
        "pay_no1": "'1234567890123",
        "payment_deadline": "2026-12-31",
        "sendid": "A-1001",
        "first_call_jst": "2026-11-23 00:00:00",
    }.items() <= row.items()
    assert [] == [secret for secret in PERSONAL if secret in content.decode()]


async def test_an_order_tells_if_its_goods_may_be_sent(setup: OperationsSetup) -> None:
    await setup.judged("01", order_no="a", sendid="1")
    await setup.judged("05", order_no="b", sendid="2")
    await setup.judged("05", "06", order_no="c", sendid="3")
    await setup.judged("05", order_no="d", sendid="4")
    await setup.run("UPDATE orders SET revoked_cycle = 1 WHERE order_no = 'd'")
    await setup.judged("05", "06", order_no="e", sendid="5")
    await setup.run("UPDATE reviews SET settled_at = now() WHERE order_no = 'e'")
    assert ["waiting", "released", "held", "revoked", "released"] == [
        row["release"] for row in reversed(await _orders(setup))
    ]


async def test_orders_are_filtered_as_in_their_list(setup: OperationsSetup) -> None:
    await setup.judged("01", order_no="a", money="5400")
    await setup.judged("01", "04", order_no="b", money="900")
    assert ["b", "a"] == [row["order_no"] for row in await _orders(setup)]
    for query, found in (({"state": "paid"}, ["b"]), ({"money": 5400}, ["a"]), ({"money": 1}, [])):
        assert found == [row["order_no"] for row in await _orders(setup, **query)], query
    with pytest.raises(BadRange):
        await _orders(setup, **{"from": "2026-11-02", "to": "2026-11-01"})


async def test_an_export_without_orders_has_its_headings(setup: OperationsSetup) -> None:
    words = SheetWords(heading=str.upper)
    content = await _whole(orders_csv(setup.sessions, OrderQuery(), words))
    headings = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert [[name.upper() for name in ORDER_COLUMNS]] == list(headings)


async def test_formulas_in_any_value_of_zeus_are_no_formulas(setup: OperationsSetup) -> None:
    await setup.judged("04", order_no="=1+1", sendid="@SUM(A1)", sendpoint="+1", pay_cvs="-1")
    (row,) = await _orders(setup)
    assert ("'=1+1", "'@SUM(A1)", "'+1", "'-1") == tuple(
        row[name] for name in ("order_no", "sendid", "sendpoint", "store")
    )


async def test_an_export_is_one_snapshot(setup: OperationsSetup) -> None:
    await setup.run(_MANY, count=2 * PAGE_ROWS + 1)
    chunks = orders_csv(setup.sessions, OrderQuery())
    content = await anext(chunks)
    await setup.run("UPDATE orders SET money = 0")
    await setup.run("DELETE FROM orders WHERE order_no < 'o0000100'")
    content += await _whole(chunks)
    rows = _rows(content)
    assert list(range(2 * PAGE_ROWS + 1, 0, -1)) == [int(row["money"]) for row in rows]


async def test_the_memory_of_an_export_does_not_grow_with_its_length(
    setup: OperationsSetup,
) -> None:
    await setup.run(_MANY, count=60_000)
    chunks = orders_csv(setup.sessions, OrderQuery())
    await anext(chunks)
    tracemalloc.start()
    size = sum([len(chunk) async for chunk in chunks])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 4_000_000
    assert peak < 2_000_000


async def test_events_are_json_lines_with_masked_customers(setup: OperationsSetup) -> None:
    await setup.judged("01", "04")
    await setup.judged("01", order_no="other")
    content = (await _whole(events_jsonl(setup.sessions))).decode()
    events = [json.loads(line) for line in content.splitlines()]
    assert ["order.accepted", "payment.received", "order.accepted"] == [
        event["type"] for event in events
    ]
    assert [] == [secret for secret in PERSONAL if secret in content]
    assert 1 == (await _whole(events_jsonl(setup.sessions, "other"))).count(b"\n")
    assert b"" == await _whole(events_jsonl(setup.sessions, "unknown"))


async def test_events_of_tests_can_be_left_out(setup: OperationsSetup) -> None:
    await setup.judged("01", "04")
    await setup.judged("01", order_no="other")
    await setup.run("UPDATE events SET test = true WHERE order_no = 'other'")
    numbers = {
        tests: (await _whole(events_jsonl(setup.sessions, tests=tests))).count(b"\n")
        for tests in WithTests
    }
    assert {"include": 3, "exclude": 2, "only": 1} == numbers


async def test_reviews_are_filtered(setup: OperationsSetup) -> None:
    for number, (reason, settled) in enumerate((("conflict", "NULL"), ("paid_twice", "now()"))):
        await setup.run(
            "INSERT INTO reviews (id, reason, order_no, related_order_no, details, settled_at, "
            f"settlement, note) VALUES ('0000000{number}-0000-7000-8000-000000000000', :reason, "
            f":order_no, 'c', '{{}}', {settled}, 'hold', '=1')",
            reason=reason,
            order_no="ab"[number],
        )
    for wanted, found in (
        (ReviewFilter(), ["b", "a"]),
        (ReviewFilter(open=True), ["a"]),
        (ReviewFilter(open=False), ["b"]),
        (ReviewFilter(Reason.CONFLICT), ["a"]),
        (ReviewFilter(order_no="b"), ["b"]),
        (ReviewFilter(order_no="ｂ"), ["b"]),
        (ReviewFilter(order_no="c"), ["b", "a"]),
        (ReviewFilter(Reason.QUARANTINED), []),
    ):
        chunks = reviews_csv(setup.sessions, wanted)
        rows = _rows(await _whole(chunks))
        assert found == [row["order_no"] for row in rows], wanted
        assert {"'=1"} >= {row["note"] for row in rows}
        assert all(UUID(row["id"]) for row in rows)
        assert all(list(REVIEW_COLUMNS) == list(row) for row in rows)


async def test_totals_have_a_line_for_each_group_and_state(setup: OperationsSetup) -> None:
    await setup.judged("01", order_no="a", money="100")
    await setup.judged("01", "04", order_no="b", money="200")
    await setup.run("UPDATE orders SET created_at = '2026-11-23T00:00:00Z'")
    days = {"from": "2026-11-22", "to": "2026-11-23"}
    for by, expected in (
        ("day", {"day": "2026-11-23"}),
        ("store", {"store": "D001", "name": "セブン-イレブン"}),
        ("clientip", {"clientip": "2012000001"}),
    ):
        query = TotalsQuery.model_validate({**days, "by": by})
        rows = _rows(totals_csv(await read_totals(setup.sessions, query)))
        assert [
            {**expected, "state": state, "orders": "1", "money": money, "without_money": "0"}
            for state, money in (("awaiting_payment", "100"), ("paid", "200"))
        ] == rows, by


async def _forever() -> Chunks:
    while True:
        yield b"x"


async def test_only_so_many_exports_run_at_a_time() -> None:
    slots = ExportSlots(at_a_time=2)
    running = [slots.limited(_forever()) for _ in range(2)]
    assert [b"x", b"x"] == [await anext(chunks) for chunks in running]
    with pytest.raises(ExportsBusy):
        await anext(slots.limited(_forever()))
    await running[0].aclose()
    again = slots.limited(_forever())
    assert b"x" == await anext(again)
    for chunks in (running[1], again):
        await chunks.aclose()


async def test_an_export_ends_after_the_longest_time() -> None:
    chunks = ExportSlots(longest_s=0).limited(_forever())
    with pytest.raises(TimeoutError):
        await _whole(chunks)
