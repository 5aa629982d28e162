"""Totals page and the files of lists: both languages, links, problems, slots."""

import csv
import io
import re
from datetime import timedelta

import pytest

from app.clock import now
from app.console.texts.i18n import JAPAN
from app.operations.access.permissions import Role
from app.operations.exports.orders import ORDER_COLUMNS
from tests.console.console_setup import Console, ConsoleClient
from tests.operations.operations_setup import PERSONAL


def _today() -> str:
    return now().astimezone(JAPAN).date().isoformat()


async def _orders(console: Console) -> None:
    await console.setup.judged("01", "04", "05", order_no="a", sendid="a", money="1000")
    await console.setup.judged("01", "04", order_no="b", sendid="b", money="200", pay_cvs="D002")
    await console.setup.judged("01", order_no="c", sendid="c", money="30", pay_cvs="D002")
    await console.setup.judged("01", order_no="d", sendid="d", money="", pay_cvs="D002")


async def _file(client: ConsoleClient, path: str, **headers: str) -> list[list[str]]:
    answer = await client.get(path, **headers)
    assert (200, "text/csv; charset=utf-8") == (answer.status, answer.headers["content-type"])
    assert "no-store" == answer.headers["cache-control"]
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "ja",
            ("集計", "支払対象", "￥1,200", "1 件は金額を読み取れない", "日ごとの金額", "状態別"),
        ),
        ("en", ("Totals", "Payable by Zeus", "¥1,200", "1 order has no readable", "By state")),
    ],
)
async def test_the_page_shows_sums_plot_and_tables(
    console: Console, language: str, words: tuple[str, ...]
) -> None:
    await _orders(console)
    async with console.client(Role.VIEWER) as client:
        page = await client.get("/totals", **{"accept-language": language})
        assert [] == [word for word in words if word not in page.text]
        kinds = re.findall(r'<rect class="(confirmed|received|awaiting|ended)" x="9', page.text)
        assert ["confirmed", "received", "awaiting"] == kinds
        assert f'href="/orders?from={_today()}&amp;to={_today()}&amp;test=exclude"' in page.text
        assert "style=" not in page.text


async def test_groups_are_stores_or_ip_codes(console: Console) -> None:
    await _orders(console)
    async with console.client(Role.VIEWER) as client:
        page = await client.get("/totals?by=store", **{"accept-language": "en"})
        assert "Amount by store" in page.text
        assert page.text.index("セブン-イレブン") < page.text.index("ローソン")
        page = await client.get("/totals?by=clientip", **{"accept-language": "en"})
        assert ("2012000001" in page.text, "Amount by IP code" in page.text) == (True, True)


async def test_long_ranges_are_by_week_and_empty_ones_say_so(console: Console) -> None:
    await _orders(console)
    first = (now() - timedelta(days=200)).date()
    async with console.client(Role.VIEWER) as client:
        english = {"accept-language": "en"}
        page = await client.get(f"/totals?from={first}&to={_today()}", **english)
        assert "Amount by week" in page.text
        page = await client.get("/totals?from=2020-01-01&to=2020-01-31", **english)
        assert "No order has its first call in this range." in page.text


async def test_tests_are_left_out_and_the_page_says_so(console: Console) -> None:
    await _orders(console)
    await console.setup.run("UPDATE orders SET test = true WHERE order_no = 'a'")
    async with console.client(Role.VIEWER) as client:
        english = {"accept-language": "en"}
        page = await client.get("/totals?by=store", **english)
        assert ("test applications are left out." in page.text, "¥1,200" in page.text) == (
            True,
            False,
        )
        page = await client.get("/totals?by=store&test=include", **english)
        assert ("test applications are included." in page.text, "¥1,200" in page.text) == (
            True,
            True,
        )
        page = await client.get("/totals?by=store&test=only", **english)
        assert "These are only orders of test applications." in page.text
        assert "/totals.csv?from=" in page.text
        assert "test=only" in page.text.partition("/totals.csv?")[2].partition('"')[0]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("from=x", "Enter the date as year, month and day."),
        ("from=2026-01-02&to=2026-01-01", "Choose 1 to 400 days"),
        ("from=2020-01-01&to=2026-01-01", "Choose 1 to 400 days"),
    ],
)
async def test_a_bad_range_is_explained(console: Console, query: str, text: str) -> None:
    async with console.client(Role.VIEWER) as client:
        page = await client.get(f"/totals?{query}", **{"accept-language": "en"})
        assert (200, True) == (page.status, text in page.text)
        sent = await client.get(f"/totals.csv?{query}")
        assert (303, True) == (sent.status, sent.headers["location"].startswith("/totals?from="))


async def test_files_have_the_words_of_their_reader(console: Console) -> None:
    await _orders(console)
    async with console.client(Role.VIEWER) as client:
        rows = await _file(client, "/orders.csv?state=paid", **{"accept-language": "ja"})
        assert ["オーダー番号", "状態", "ゼウスのステータス"] == rows[0][:3]
        assert [["b", "入金済（速報・未確定）"]] == [row[:2] for row in rows[1:]]
        assert len(ORDER_COLUMNS) == len(rows[0])
        rows = await _file(client, "/totals.csv?by=store", **{"accept-language": "en"})
        assert ["Store code", "Name", "State", "Number of orders", "Amount"] == rows[0][:5]
        rows = await _file(client, "/reviews.csv?state=all", **{"accept-language": "ja"})
        assert ["id", "理由", "オーダー番号"] == rows[0][:3]
        text = (await client.get("/orders.csv")).text
        assert [] == [value for value in PERSONAL if value in text]


async def test_the_list_of_orders_links_to_its_file(console: Console) -> None:
    await _orders(console)
    async with console.client(Role.VIEWER) as client:
        for query in (f"?state=paid&from={_today()}", ""):
            page = await client.get(f"/orders{query}")
            assert f'href="/orders.csv{query.replace("&", "&amp;")}"' in page.text
        page = await client.get(f"/orders?state=paid&date={_today()}")
        assert (True, False) == ("/orders/b" in page.text, "/orders/a" in page.text)


@pytest.mark.parametrize(
    "query", ["state=unpaid", "from=x", "to=x", "from=2026-01-02&to=2026-01-01", "date=x"]
)
async def test_bad_filters_are_explained_on_the_list(console: Console, query: str) -> None:
    async with console.client(Role.VIEWER) as client:
        page = await client.get(f"/orders?{query}")
        assert (200, True) == (page.status, 'role="alert"' in page.text)
        sent = await client.get(f"/orders.csv?{query}")
        assert (303, True) == (sent.status, sent.headers["location"].startswith("/orders?"))
