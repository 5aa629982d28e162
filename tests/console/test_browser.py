"""Tasks of operators in a real browser."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Browser, expect
from standardwebhooks import Webhook

from app.operations.access.permissions import Role
from tests.console.browsing import CHROMIUM, Look, window
from tests.console.console_setup import Console
from tests.forwarding.delivery_setup import until
from tests.operations.operations_setup import NAME, ORDER_NO, TELNO
from tests.subscriber import subscriber

pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Debian's chromium")


async def test_order_search_by_telephone_digits(console: Console, browser: Browser) -> None:
    await console.setup.judged("01", "04", "04", "05")
    await console.setup.judged("04", money="9999")
    await console.setup.judged("01", order_no="1234-56789-09999", telno="0398765432")
    async with window(browser, console.url) as seen:
        page = seen.page
        await seen.sign_in(console.tokens[Role.OPERATOR])
        await page.get_by_role("link", name="Orders").click()
        await page.get_by_label("Telephone, last 4 digits").fill(TELNO[-4:])
        await page.get_by_role("button", name="Search").click()
        await expect(page.get_by_role("link", name="1234-56789-09999")).to_have_count(0)
        await page.get_by_role("link", name=ORDER_NO).click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text(ORDER_NO)
        timeline = page.locator(".timeline > li:not(.head)")
        await expect(timeline).to_have_count(5)
        for line, words in enumerate(
            ("Order accepted", "Payment received", "Duplicate", "Payment confirmed", "Conflict")
        ):
            await expect(timeline.nth(line)).to_contain_text(words)
        await expect(page.get_by_text(NAME)).to_have_count(0)
        await page.get_by_role("button", name="Show personal data").click()
        await expect(page.get_by_text(NAME)).to_be_visible()
        await page.get_by_role("link", name="Raw call").first.click()
        await expect(page.get_by_role("heading", name="Raw request")).to_be_visible()
        await expect(page.locator("pre").first).to_contain_text("username=***")
        await page.get_by_role("button", name="Show hidden values").click()
        await expect(page.locator("pre").first).to_contain_text("username=%83R%83%93")


async def test_a_quarantined_call_is_released_and_judged(
    console: Console, browser: Browser
) -> None:
    await console.setup.call("04", clientip="2012000009")
    await console.setup.judge("2012000001")
    async with window(browser, console.url) as seen:
        page = seen.page
        await seen.sign_in(console.tokens[Role.OPERATOR], "/attention")
        await expect(page.locator("#reviews")).to_contain_text("Not our IP code")
        await page.get_by_role("link", name=f"Raw call {ORDER_NO}").click()
        await page.get_by_role("button", name="Release", exact=True).click()
        await expect(page.get_by_role("status")).to_have_text(
            "The call was released. It is being judged now."
        )
        await console.setup.judge("2012000001")
        await seen.go(f"/orders/{ORDER_NO}")
        await expect(page.locator(".timeline")).to_contain_text("Payment received")
        await expect(page.locator(".timeline")).to_contain_text("Released by an operator")
        await seen.go("/attention")
        await expect(page.get_by_role("heading", name="Nothing needs attention.")).to_be_visible()


async def test_a_conflict_is_dismissed_with_a_reason(console: Console, browser: Browser) -> None:
    await console.setup.judged("04")
    await console.setup.judged("04", money="9999")
    async with window(browser, console.url, Look(width=375)) as seen:
        page = seen.page
        await seen.sign_in(console.tokens[Role.OPERATOR], "/attention")
        await page.get_by_role("link", name=f"Decide {ORDER_NO}").click()
        await page.get_by_label("Nothing to decide").check()
        await page.get_by_label("Why (for colleagues)").fill("asked Zeus: the first is right")
        await page.get_by_role("button", name="Decide").click()
        await expect(page.get_by_role("status")).to_have_text("The decision was recorded.")
        await page.get_by_role("link", name="Needs attention").click()
        await expect(page.get_by_role("heading", name="Nothing needs attention.")).to_be_visible()
    rows = await console.setup.rows("SELECT dismissal FROM notices WHERE verdict = 'conflict'")
    assert ["asked Zeus: the first is right"] == [row.dismissal for row in rows]


async def test_differing_amounts_hold_an_order_until_somebody_releases_it(
    console: Console, browser: Browser
) -> None:
    await console.setup.judged("01", "04")
    await console.setup.judged("05", money="4500")
    async with window(browser, console.url) as seen:
        page = seen.page
        await seen.sign_in(console.tokens[Role.OPERATOR], f"/orders/{ORDER_NO}")
        await expect(
            page.get_by_role("heading", name="The goods must not be sent yet.")
        ).to_be_visible()
        await expect(page.locator(".facts").first).to_contain_text("No: reviews are open")
        await page.locator(".verdict").get_by_role("link").click()
        await expect(page.locator("table")).to_contain_text("¥5,400")
        await expect(page.locator("table")).to_contain_text("¥4,500")
        await page.get_by_label("New note").fill("asked Zeus")
        await page.get_by_role("button", name="Add the note").click()
        await expect(page.locator(".note")).to_contain_text("asked Zeus")
        await page.get_by_label("Goods may go").check()
        await page.get_by_role("button", name="Decide").click()
        await expect(page.locator(".verdict.good")).to_contain_text("Settled: Goods may go")
        await page.get_by_role("link", name=ORDER_NO).click()
        await expect(page.locator(".facts").first).to_contain_text("Yes: the payment is confirmed")
        await expect(page.locator(".timeline")).to_contain_text("Goods released")


async def test_a_call_is_released_with_corrected_values(console: Console, browser: Browser) -> None:
    [notice_id] = await console.setup.judged("4")
    async with window(browser, console.url, Look(width=375, scripts=False)) as seen:
        page = seen.page
        await seen.sign_in(console.tokens[Role.OPERATOR], f"/notices/{notice_id}")
        await expect(page.get_by_role("button", name="Release", exact=True)).to_have_count(0)
        await page.get_by_label("status").fill("44")
        await page.get_by_role("button", name="Correct and release").click()
        await expect(page.get_by_role("alert")).to_contain_text("Unknown status")
        await expect(page.get_by_label("status")).to_have_value("44")
        await page.get_by_label("status").fill("04")
        await page.get_by_role("button", name="Correct and release").click()
        await expect(page.get_by_role("status")).to_contain_text("The call was released.")
        await console.setup.judge()
        await seen.go(f"/notices/{notice_id}")
        await expect(page.locator(".facts").first).to_contain_text("status 04")
        seen.complaints[:] = [one for one in seen.complaints if "409 (Conflict)" not in one]
    rows = await console.setup.rows("SELECT verdict, corrections FROM notices")
    assert [("accepted", {"status": "04"})] == [tuple(row) for row in rows]


async def test_a_cancelled_purchase_is_marked(console: Console, browser: Browser) -> None:
    await console.setup.judged("01")
    async with window(browser, console.url) as seen:
        page = seen.page
        await seen.sign_in(console.tokens[Role.OPERATOR], f"/orders/{ORDER_NO}")
        await page.get_by_text("We cancelled this purchase…").click()
        await page.get_by_role("button", name="Mark as cancelled").click()
        await expect(page.locator("main")).to_contain_text("You cancelled this purchase.")
        await console.setup.judged("04")
        await seen.go(f"/orders/{ORDER_NO}")
        await expect(page.locator(".verdict")).to_contain_text("Cancelled purchase was paid")
        await page.get_by_role("button", name="Not cancelled after all").click()
        await expect(page.get_by_role("status")).to_contain_text("The mark was removed.")


async def test_a_dead_webhook_is_retried_and_delivered(console: Console, browser: Browser) -> None:
    async with (
        subscriber("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=") as merchant,
        console.setup.forwarder(),
    ):
        merchant.status = 500
        await console.setup.add(
            "shop", merchant.url, secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
        )
        await console.setup.judged("04")
        await until(lambda: _is(console, ["dead"]))
        async with window(browser, console.url) as seen:
            page = seen.page
            await seen.sign_in(console.tokens[Role.OPERATOR], "/attention")
            await expect(page.locator("#dead")).to_contain_text("Error on the subscriber's side")
            merchant.status = 200
            await page.get_by_role("button", name=f"Retry {ORDER_NO}").click()
            await merchant.wait_for(1)
            await until(lambda: _is(console, ["delivered"]))
            await seen.go(f"/orders/{ORDER_NO}")
            await expect(page.locator(".timeline .mark.good").last).to_have_text("Delivered")
    assert [ORDER_NO] == [event["data"]["order_no"] for _, event in merchant.received]


async def test_a_subscriber_is_added_and_tested_and_recovers(
    console: Console, browser: Browser
) -> None:
    await console.setup.judged("01", "04")
    async with (
        _merchant() as (url, received),
        console.setup.forwarder(),
        window(browser, console.url) as seen,
    ):
        page = seen.page
        await seen.sign_in(console.tokens[Role.ADMIN], "/subscribers")
        await page.get_by_role("link", name="Add a subscriber").click()
        await page.get_by_role("textbox", name="Name").fill("shop")
        await page.get_by_role("textbox", name="Address").fill(url)
        await page.get_by_role("button", name="Add", exact=True).click()
        secret = await page.locator("#secret").inner_text()
        await page.get_by_role("link", name="I have stored it safely").click()
        await page.get_by_role("button", name="Send a test").click()
        await expect(page.locator("#test-result")).to_contain_text("The test was delivered.")
        body, headers = received[0]
        assert "webhook.test" == Webhook(secret).verify(body, headers)["type"]
        await page.get_by_label("Everything in this period").check()
        await page.get_by_role("button", name="Count first").click()
        await expect(page.get_by_text("2 webhooks would be resent.")).to_be_visible()
        await page.get_by_role("button", name="Resend 2").click()
        await expect(page.locator("#progress")).to_contain_text("None is pending any more.")
        await until(lambda: _received(received, 3))


async def test_a_failed_test_webhook_shows_the_reason(
    console: Console, browser: Browser, unused_tcp_port: int
) -> None:
    await console.setup.add("shop", f"http://127.0.0.1:{unused_tcp_port}/hooks")
    async with console.setup.forwarder(), window(browser, console.url) as seen:
        page = seen.page
        await seen.sign_in(console.tokens[Role.OPERATOR], "/subscribers/shop")
        await page.get_by_role("button", name="Send a test").click()
        await expect(page.locator("#test-result")).to_contain_text("Connection refused")
        await page.get_by_text("Pause…").click()
        await page.get_by_label("Why").fill("maintenance")
        await page.get_by_role("button", name="Pause", exact=True).click()
        await expect(page.get_by_role("status")).to_contain_text("The subscriber is paused.")
        await page.get_by_role("button", name="Resume").click()
        await expect(page.get_by_role("status")).to_contain_text("The subscriber is resumed")


async def test_the_language_follows_the_browser_and_can_be_switched(
    console: Console, browser: Browser
) -> None:
    async with window(browser, console.url, Look("ja")) as seen:
        page = seen.page
        await seen.sign_in(console.tokens[Role.VIEWER], "/orders?money=5400")
        await expect(page.get_by_role("heading", level=1)).to_have_text("オーダー")
        await page.get_by_role("button", name="English").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Orders")
        await expect(page).to_have_url(re.compile("money=5400"))
        await page.get_by_role("link", name="System").click()
        await expect(page.locator("html")).to_have_attribute("lang", "en")


async def test_the_overview_refreshes_itself(console: Console, browser: Browser) -> None:
    async with window(browser, console.url) as seen:
        page = seen.page
        await seen.sign_in(console.tokens[Role.VIEWER])
        await expect(page.locator(".verdict")).to_contain_text("Zeus has not called yet")
        await expect(page.locator(".chart canvas")).to_be_visible()
        await console.setup.judged("01")
        await expect(page.locator(".verdict")).to_contain_text("All is well.")
        await expect(page.get_by_role("alert")).to_be_hidden()
        await page.context.set_offline(True)
        await expect(page.get_by_role("alert")).to_have_text(
            "This page cannot be refreshed. The figures may be out of date."
        )
        await page.context.set_offline(False)
        await expect(page.get_by_role("alert")).to_be_hidden()
        seen.complaints[:] = [
            complaint
            for complaint in seen.complaints
            if not re.search("htmx:|ERR_INTERNET_DISCONNECTED", complaint)
        ]


async def test_personal_data_is_erased_without_a_mouse_and_without_scripts(
    console: Console, browser: Browser
) -> None:
    await console.setup.judged("01", "04")
    async with window(browser, console.url, Look(width=375, scripts=False)) as seen:
        page = seen.page
        await seen.sign_in(console.tokens[Role.ADMIN], f"/orders/{ORDER_NO}")
        await page.get_by_text("Erase personal data…").focus()
        for key in (
            "Enter",
            "Tab",
            "Tab",
            "Enter",
        ):  # opens, passes the box by, and tries the button
            await page.keyboard.press(key)
        await expect(page.get_by_role("checkbox")).to_be_focused()
        assert [] == await console.setup.rows(
            "SELECT id FROM notices WHERE erased_at IS NOT NULL"
        ), "the browser asks for the tick"
        for key in ("Space", "Tab", "Enter"):
            await page.keyboard.press(key)
        await expect(page.get_by_role("status")).to_have_text(
            "The personal data was erased from the database."
        )
        await expect(page.get_by_text("The personal data was erased on")).to_be_visible()
    assert 2 == len(await console.setup.rows("SELECT id FROM notices WHERE erased_at IS NOT NULL"))


async def test_a_created_token_signs_in_and_appears_in_the_audit(
    console: Console, browser: Browser
) -> None:
    async with (
        window(browser, console.url) as seen,
        window(browser, console.url, Look("ja")) as theirs,
    ):
        page = seen.page
        await seen.sign_in(console.tokens[Role.ADMIN])
        await page.get_by_role("link", name="System").click()
        await page.get_by_role("link", name="Tokens").click()
        await page.get_by_label("Name of its user").fill("suzuki")
        await page.get_by_label("Expires").select_option("30")
        await page.get_by_label("operator").check()
        await page.get_by_role("button", name="Create", exact=True).click()
        token = await page.locator("#secret").inner_text()
        await page.get_by_role("link", name="I have stored it safely").click()
        await expect(page.locator(".items")).to_contain_text("suzuki")
        await theirs.sign_in(token, "/settings")
        await expect(theirs.page.get_by_role("link", name="監査")).to_have_count(0)
        await page.get_by_text("Revoke… suzuki").click()
        await page.get_by_role("button", name="Revoke suzuki").click()
        await expect(page.get_by_role("status")).to_contain_text("The token was revoked.")
        await page.get_by_role("link", name="Audit").click()
        await page.get_by_label("Subject").fill("token:suzuki")
        await page.get_by_role("button", name="Filter").click()
        await expect(page.locator("tbody tr")).to_have_count(2)
        await expect(page.locator("tbody tr").first).to_contain_text("Token revoked")


async def _is(console: Console, states: list[str]) -> bool:
    return await console.setup.states() == states


async def _received(received: list[tuple[bytes, dict[str, str]]], count: int) -> bool:
    return len(received) == count


@asynccontextmanager
async def _merchant() -> AsyncIterator[tuple[str, list[tuple[bytes, dict[str, str]]]]]:
    """Run a subscriber that accepts every webhook; yield its URL and what it received."""
    received: list[tuple[bytes, dict[str, str]]] = []

    async def take(request: web.Request) -> web.Response:
        received.append((await request.read(), dict(request.headers)))
        return web.Response()

    application = web.Application()
    application.router.add_post("/hooks", take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hooks", received
    finally:
        await runner.cleanup()
