"""The relay beside the simulator, driven by the buttons of the simulator's console in Chromium."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Page, expect

from tests.console.browsing import CHROMIUM, Look, chromium, connected, window
from tests.journeys.conftest import Site
from tests.processes import ADMIN_TOKEN, Starter
from tests.simulator.simulator_process import Simulator, simulating

pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs chromium")

PAY, CONFIRM, TAKE_BACK = "Pay at the till", "Confirm the sale", "Take the payment back"
REISSUE, EXPIRE, STOP, RESEND = "Re-issue", "Let it expire", "Stop the service", "Send again 01 (1)"
SCENARIOS = {
    "paid": ((PAY,), "01 04"),
    "confirmed": ((PAY, CONFIRM), "01 04 05"),
    "taken back": ((PAY, TAKE_BACK), "01 04 06"),
    "taken back, then paid": ((PAY, TAKE_BACK, PAY, CONFIRM), "01 04 06 04 05"),
    "expired": ((EXPIRE,), "01 03"),
    "paid after the service was stopped": ((STOP, PAY), "01"),
    "re-issued": ((REISSUE,), "01"),
    "old slip paid": ((REISSUE, PAY), "01 11"),
    "old slip confirmed": ((REISSUE, PAY, CONFIRM), "01 11 12"),
    "old slip taken back": ((REISSUE, PAY, TAKE_BACK), "01 11 13"),
    "call sent again": ((RESEND, RESEND), "01"),
}
"""Buttons that are pressed, and the statuses that the merchant hears of, in sequence."""


@pytest.fixture
async def page(zeus: Simulator, tmp_path: Path) -> AsyncIterator[Page]:
    with chromium(tmp_path / "chromium") as endpoint:
        async with connected(endpoint) as browser, window(browser, zeus.url, Look("en")) as seen:
            yield seen.page


@pytest.fixture
async def relay_url(site: Site, starter: Starter) -> tuple[str, str]:
    """The relay's notification URL and the URL of its API."""
    relay = starter.start("up", **site.settings)
    host, port = await relay.ready("receiver")
    operator = "{}:{}".format(*await relay.ready("operator"))
    return f"http://{host}:{port}/zeus/notify", f"http://{operator}/v1"


@pytest.fixture
async def zeus(relay_url: tuple[str, str]) -> AsyncIterator[Simulator]:
    with simulating("--call-url", relay_url[0], "--optional-statuses") as running:
        yield running


async def press(zeus: Simulator, page: Page, order_no: str, button: str) -> None:
    """Press a button of the order's page and wait until its call is shown."""
    before = len((await zeus.order(order_no))["calls"])
    await page.goto(f"{zeus.url}/orders/{order_no}")
    async with page.expect_navigation():
        await page.get_by_role("button", name=button, exact=True).click()
    silent = button in (STOP, REISSUE) or (await zeus.order(order_no))["state"] == "stopped"
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(before + (not silent))


async def order_at_relay(api: str, order_no: str) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.get(f"{api}/orders/{order_no}") as answer,
    ):
        assert answer.status == 200
        return dict((await answer.json())["order"])


async def test_every_scenario_of_the_console_ends_right_at_the_relay(
    site: Site, relay_url: tuple[str, str], zeus: Simulator, page: Page
) -> None:
    expected: dict[str, list[str]] = {}
    for number, (buttons, statuses) in enumerate(SCENARIOS.values()):
        order_no = await zeus.order_no(sendid=f"purchase-{number}")
        await zeus.called(order_no, "01")
        for button in buttons:
            await press(zeus, page, order_no, button)
        expected[order_no] = statuses.split()
        if replacement := (await zeus.order(order_no))["replaced_by"]:
            await zeus.called(replacement, "01")
            expected[replacement] = ["01"]

    released = {order_no for order_no, called in expected.items() if called[-1] in ("05", "12")}
    await site.merchant.wait_for(sum(map(len, expected.values())) + len(released), patience=60)
    await asyncio.sleep(0.5)  # what should not come had time to come
    events = site.merchant.events()
    assert expected == {order_no: site.merchant.statuses(order_no) for order_no in events}
    assert len(released) == sum(
        event["type"] == "order.released" for told in events.values() for event in told
    )
    for order_no, called in expected.items():
        kept = await order_at_relay(relay_url[1], order_no)
        assert (kept["status"], kept["money"]) == (called[-1], 5400)
        assert kept["cycle"] == (2 if called.count("04") == 2 else 1)
        calls = (await zeus.order(order_no))["calls"]
        assert {call["http_status"] for call in calls} == {200}


async def test_a_slip_is_paid_at_its_page_and_a_lost_call_is_sent_again(
    site: Site, relay_url: tuple[str, str], zeus: Simulator, page: Page
) -> None:
    await zeus.set(faults={"calls": {"drop_every": 2}})
    answer = await zeus.apply(pay_cvs="D001")
    order_no = str(answer.order_no)
    await zeus.called(order_no, "01")
    await page.goto(answer.values["pay_url"])
    await page.get_by_role("button", name=PAY).click()
    await expect(page.get_by_text("This slip was paid.")).to_be_visible()

    await page.goto(f"{zeus.url}/orders/{order_no}")
    await expect(page.locator("tbody tr").nth(1)).to_contain_text("lost")
    await expect(page.locator("summary", has_text="CGI送信エラー通知")).to_be_visible()
    await page.get_by_role("button", name="Send again 04 (2)").click()
    await expect(page.locator("tbody tr").nth(2)).to_contain_text("answered 200")
    await site.merchant.wait_for(2, patience=60)

    assert ["01", "04"] == site.merchant.statuses(order_no)
    assert (await order_at_relay(relay_url[1], order_no))["status"] == "04"
