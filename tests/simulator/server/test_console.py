"""The simulator's console in a real browser, and what its pages promise without one."""

import csv
import io
import re
import shutil
from collections.abc import AsyncIterator

import aiohttp
import pytest
from multidict import CIMultiDictProxy
from playwright.async_api import Page, ViewportSize, async_playwright, expect

from app.simulator.server.console_texts import ACTIONS, TEXTS
from app.simulator.state.transitions import SlipAction
from tests.simulator.simulator_process import Simulator
from tests.simulator.simulator_server import OK, listening, saying

CHROMIUM = shutil.which("chromium")
browsing = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
PHONE: ViewportSize = {"width": 360, "height": 640}


@pytest.fixture
async def page(zeus: Simulator) -> AsyncIterator[Page]:
    """A Japanese phone's page, on which no script fails and nothing foreign loads."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        context = await browser.new_context(locale="ja-JP", base_url=zeus.url, viewport=PHONE)
        page = await context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request", lambda one: None if one.url.startswith(zeus.url) else wrong.append(one.url)
        )
        yield page
        await browser.close()
    assert wrong == []


async def get(zeus: Simulator, path: str, **headers: str) -> tuple[int, str, CIMultiDictProxy[str]]:
    async with (
        aiohttp.ClientSession() as client,
        client.get(zeus.url + path, headers=headers) as answer,
    ):
        return answer.status, await answer.text(), answer.headers


@browsing
async def test_an_order_is_paid_and_confirmed_by_its_buttons(zeus: Simulator, page: Page) -> None:
    async with listening(saying(OK)) as server:
        await zeus.set(call_url=server.url())
        order_no = await zeus.order_no()
        await zeus.called(order_no, "01")
        await page.goto("/")
        await page.get_by_role("link", name=order_no).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(order_no)
        await page.get_by_role("button", name="レジで支払う").click()
        await expect(page.locator(".state")).to_contain_text("04 入金済")
        await page.get_by_role("button", name="売上確定").click()
        await expect(page.locator(".state")).to_contain_text("05 売上確定")
        await page.get_by_role("button", name=re.compile("再送 04")).click()
        await expect(page.get_by_role("row")).to_have_count(5)

    assert [call["status"] for call in (await zeus.order(order_no))["calls"]] == [
        "01",
        "04",
        "05",
        "04",
    ]


@browsing
async def test_the_page_updates_itself_and_fits_a_phone(zeus: Simulator, page: Page) -> None:
    await page.goto("/")
    await expect(page.get_by_text("オーダーはありません。")).to_be_visible()
    order_no = await zeus.order_no()
    await expect(page.get_by_role("link", name=order_no)).to_be_visible(timeout=20_000)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

    await page.goto(f"/orders/{order_no}")
    await zeus.act(order_no, "pay")
    await expect(page.locator(".state")).to_contain_text("04 入金済", timeout=20_000)
    await expect(page.get_by_role("status")).to_have_text("更新しました: 状態: 04 入金済")
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@browsing
async def test_a_customer_pays_on_the_page_of_pay_url_by_keyboard(
    zeus: Simulator, page: Page
) -> None:
    answer = await zeus.apply(pay_cvs="D001")
    await page.goto(answer.values["pay_url"])
    await expect(page.get_by_text(answer.values["pay_no1"])).to_be_visible()
    await page.get_by_role("button", name="レジで支払う").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("支払いが済んでいます。")).to_be_visible()

    assert (await zeus.order(str(answer.order_no)))["state"] == "paid"


@browsing
async def test_the_language_is_chosen_and_kept(zeus: Simulator, page: Page) -> None:
    await page.goto("/")
    await page.get_by_role("link", name="English").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Orders")
    await page.goto("/")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Orders")


@pytest.mark.parametrize("action", SlipAction)
@pytest.mark.parametrize("language", ["en", "ja"])
async def test_every_allowed_action_is_a_button_in_both_languages(
    zeus: Simulator, action: SlipAction, language: str
) -> None:
    order_no = await zeus.order_no()
    if action in ("confirm", "take-back"):
        await zeus.act(order_no, "pay")
    _, text, _ = await get(zeus, f"/orders/{order_no}?lang={language}")

    assert f'action="/orders/{order_no}/{action}"><button>{ACTIONS[action][language]}<' in text


@pytest.mark.parametrize("path", ["/", "/orders/SIM-1", "/pay/SIM-1"])
async def test_every_page_says_simulator_and_loads_nothing_foreign(
    zeus: Simulator, path: str
) -> None:
    status, text, headers = await get(zeus, path, **{"Accept-Language": "ja"})

    assert status == (200 if path == "/" else 404)
    assert TEXTS["SIMULATOR: this is not Zeus, and no money moves."] in text
    assert headers["x-simulator"] == "zeus-relay SIMULATOR"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert '<html lang="ja">' in text


async def test_an_action_that_is_not_allowed_says_so_on_the_page(zeus: Simulator) -> None:
    order_no = await zeus.order_no()
    async with aiohttp.ClientSession() as client:
        async with client.post(f"{zeus.url}/orders/{order_no}/confirm") as answer:
            assert answer.status == 409
            assert "Zeus does not allow this now." in await answer.text()
        async with client.post(f"{zeus.url}/orders/{order_no}/burn") as answer:
            assert answer.status == 409
        async with client.post(
            f"{zeus.url}/orders/{order_no}/pay", headers={"Origin": "http://shop.example.com"}
        ) as answer:
            assert answer.status == 403
    assert (await zeus.order(order_no))["state"] == "unpaid"


async def test_values_of_a_shop_are_text_and_never_markup(zeus: Simulator) -> None:
    order_no = await zeus.order_no(email="<b>&'@example.com")
    _, text, _ = await get(zeus, f"/orders/{order_no}")

    assert "&lt;b&gt;&amp;&#39;@example.com" in text
    assert "<b>" not in text


async def test_the_list_is_searched_and_exported_in_cp932(zeus: Simulator) -> None:
    first = await zeus.order_no(sendid="A-1", username="コンビニ　ハナコ")
    second = await zeus.order_no(sendid="B-2")
    await zeus.act(first, "pay")
    _, text, _ = await get(zeus, "/?search=A-1")
    assert (first in text, second in text) == (True, False)

    async with aiohttp.ClientSession() as client, client.get(f"{zeus.url}/orders.csv") as answer:
        rows = list(csv.DictReader(io.StringIO((await answer.read()).decode("cp932"), newline="")))
    assert [(row["オーダーNo"], row["決済状況"]) for row in rows] == [
        (second, "未入金"),
        (first, "入金済"),
    ]
    assert (rows[1]["氏名"], rows[1]["金額"]) == ("コンビニ　ハナコ", "5400")
