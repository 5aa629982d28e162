"""Order pages: links from any order number, and full-width search values."""

from html import escape, unescape
from urllib.parse import quote, unquote

from app.operations.access.permissions import Role
from tests.console.console_setup import Console


async def test_any_order_number_redirects_to_its_order(console: Console) -> None:
    odd = "a/b?c#d%20 &ア"
    await console.setup.judged("04", order_no=odd)
    await console.setup.judged("99", order_no="1234-56789-09999")
    async with console.client(Role.VIEWER) as client:
        for order_no in (odd, "1234-56789-09999"):
            found = await client.get(f"/orders?order_no={quote(order_no)}")
            assert (303, f"/orders/{quote(order_no, safe='')}") == (
                found.status,
                found.headers["location"],
            )
            page = await client.get(found.headers["location"])
            assert (200, True) == (page.status, escape(order_no) in page.text)
            back = page.text.partition('name="back" value="')[2].partition('"')[0]
            assert f"/orders/{order_no}" == unquote(unescape(back))


async def test_full_width_search_values(console: Console) -> None:
    await console.setup.judged("04", order_no="1234-56789-01234", money="5400")
    async with console.client(Role.VIEWER) as client:
        found = await client.get(f"/orders?order_no={quote('１２３４ー５６７８９－０１２３４　')}")
        assert (303, "/orders/1234-56789-01234") == (found.status, found.headers["location"])
        for asked in ("money=￥5,400", "money=５４００円", "date=2000年1月3日"):
            page = await client.get("/orders?" + quote(asked, safe="="))
            assert (200, "money" in asked) == (page.status, "1234-56789-01234" in page.text), asked


async def test_orders_of_tests_are_marked_and_filtered(console: Console) -> None:
    await console.setup.judged("04", order_no="a-real-one")
    await console.setup.judged("04", order_no="a-test")
    await console.setup.run("UPDATE orders SET test = true WHERE order_no = 'a-test'")
    async with console.client(Role.VIEWER) as client:
        for query, shown in (
            ("", (True, True)),
            ("?test=exclude", (True, False)),
            ("?test=only", (False, True)),
        ):
            page = await client.get(f"/orders{query}", **{"accept-language": "en"})
            marks = page.text.count('<span class="tag warn">Test</span>')
            assert shown == ('"/orders/a-real-one"' in page.text, '"/orders/a-test"' in page.text)
            assert int(shown[1]) == marks
        assert (
            '<span class="tag warn">Test</span>'
            in (await client.get("/orders/a-test", **{"accept-language": "en"})).text
        )
        wrong = await client.get("/orders?test=x", **{"accept-language": "en"})
        assert (200, True) == (wrong.status, "These search values are invalid." in wrong.text)
