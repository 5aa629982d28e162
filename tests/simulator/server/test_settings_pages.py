"""The pages of settings and clock: every setting has a field, and a browser can change it."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, expect

from app.simulator.server.setting_texts import SECTIONS as SECTION_NAMES
from app.simulator.server.setting_texts import SETTINGS
from app.simulator.server.settings_form import (
    FIXED,
    SECTIONS,
    fields,
    posted_values,
    sections,
    settings_from,
    values_of,
)
from app.simulator.state.settings import SimulatorSettings
from tests.console.browsing import CHROMIUM, Look, axe_source, window
from tests.simulator.simulator_process import Simulator
from tests.simulator.simulator_server import OK, listening, saying
from tools.docs.simulator_tables import settings_of

browsing = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="there is no Chromium here")
LOOKS = (Look("ja", 360), Look("en", 1280, "dark"), Look("en", 360), Look("ja", 1280, "dark"))


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    if shutil.which("npm") is None and "CI" not in os.environ:
        pytest.skip("needs npm")
    return axe_source(tmp_path_factory.mktemp("axe"))


def test_every_setting_has_one_field_under_one_heading() -> None:
    shown = [field.name for group in sections().values() for field in group]

    assert sorted(shown) == sorted(fields())
    assert set(shown) | set(FIXED) == {name for name, _, _ in settings_of(SimulatorSettings)}
    assert set(SECTIONS) == set(SECTION_NAMES)
    assert {field.about for field in fields().values()} <= set(SETTINGS)


def pairs_of(values: dict[str, Any]) -> dict[str, list[str]]:
    """Return what a browser posts for a form that shows `values`."""
    pairs: dict[str, list[str]] = {}
    for name, value in values.items():
        if isinstance(value, bool):
            pairs |= {name: ["on"]} if value else {}
        else:
            pairs[name] = value if isinstance(value, list) else [value]
    return pairs


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"call_url": "http://127.0.0.1:3000/n", "method": "POST", "parameters": ["status"]},
        {"user_agent": "A/1", "retries": 3, "retry_after": 0.5, "clientips": ["1", "2"]},
        {"optional_statuses": True, "maintenance": ["D001"], "named_faults": ["all", "missing"]},
        {"mails": {"smtp": "127.0.0.1:25", "customer": [], "dkim": False, "charset": "utf-8"}},
        {"mails": {"merchant": None, "maildir": "/somewhere"}, "anywhere": True},
        {"faults": {"calls": {"times": 2, "source": "127.0.0.9", "garble": True}}},
        {"faults": {"answers": {"delay": 41, "lost": True}, "mails": {"drop_every": 2}}},
    ],
)
def test_a_form_that_is_posted_as_it_is_changes_nothing(given: dict[str, Any]) -> None:
    settings = SimulatorSettings.model_validate(given)
    posted = posted_values(pairs_of(values_of(settings)))

    assert settings_from(settings, posted) == settings


async def post(zeus: Simulator, path: str, **values: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as client,
        client.post(zeus.url + path, data=values, allow_redirects=False) as answer,
    ):
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("name", "value", "english", "japanese"),
    [
        ("retries", "11", "less than or equal to 10", "10以下を指定してください"),
        ("deadline_days", "1", "greater than or equal to 2", "2以上を指定してください"),
        ("clock.speed", "0", "greater than 0", "0より大きい値を指定してください"),
        ("method", "PUT", "&#39;GET&#39; or &#39;POST&#39;", "のいずれか"),
        ("mails.smtp", "here", "must be host:port", "「ホスト:ポート」の形"),
        ("mails.smtp", "mail.example.com:25", "--anywhere", "SMTPサーバーが別のマシン"),
        ("call_url", "http://shop.example.com/", "--anywhere", "URLが別のマシン"),
        ("retries", "many", "valid integer", "使えない値です"),
    ],
)
async def test_a_value_that_is_not_possible_is_told_at_its_field(
    zeus: Simulator, name: str, value: str, english: str, japanese: str
) -> None:
    before = (await zeus.ask("GET", "/settings")).json
    shown = {key: text for key, text in values_of(SimulatorSettings()).items() if text}
    values = {key: text for key, text in shown.items() if isinstance(text, str)}
    for language, reason in (("en", english), ("ja", japanese)):
        status, text = await post(zeus, f"/settings?lang={language}", **values | {name: value})
        assert status == 422
        (told,) = re.findall(rf'<p class="refused" id="{name}-error">(.*?)</p>', text)
        assert reason in told
        assert f'<a href="#{name}">' in text
        if name != "method":
            assert f'value="{value}"' in text
    assert (await zeus.ask("GET", "/settings")).json == before


@pytest.mark.parametrize("amount", ["0", "-1", "1.5", "many", "", "99999999", "²"])
async def test_a_clock_that_cannot_be_moved_so_stays(zeus: Simulator, amount: str) -> None:
    status, text = await post(zeus, "/clock", amount=amount, unit="days")

    assert status == 422
    assert 'id="amount-error"' in text


async def test_a_page_of_another_site_cannot_change_anything(zeus: Simulator) -> None:
    async with aiohttp.ClientSession(headers={"Origin": "http://shop.example.com"}) as client:
        for path in ("/settings", "/clock", "/reset"):
            async with client.post(zeus.url + path) as answer:
                assert answer.status == 403


@browsing
async def test_settings_are_changed_by_keyboard_and_take_effect(
    zeus: Simulator, browser: Browser
) -> None:
    async with (
        listening(saying(OK)) as server,
        window(browser, zeus.url, Look("en", 360)) as seen,
    ):
        page = seen.page
        await seen.go("/settings")
        await page.get_by_label("The URL that is called").fill(server.url())
        await page.get_by_label("GET or POST").select_option("POST")
        await page.get_by_label("Call for 02 and 03 too").check()
        await (
            page.get_by_role("group", name="The parameters that calls carry")
            .get_by_label("telno")
            .uncheck()
        )
        await page.get_by_label("Retries after a timeout").fill("2")
        await (
            page.get_by_role("group", name="The mails that customers get")
            .get_by_label("slip")
            .uncheck()
        )
        await page.get_by_label("Make each call so many times").fill("2")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("The settings were saved.")).to_be_visible()
        order_no = await zeus.order_no()
        await zeus.called(order_no, "01")

    settings = (await zeus.ask("GET", "/settings")).json
    assert (settings["method"], settings["retries"]) == ("POST", 2)
    assert (settings["optional_statuses"], settings["mails"]["customer"]) == (True, ["receipt"])
    assert "telno" not in settings["parameters"]
    assert len(server.requests) == 2
    assert server.requests[0].startswith(b"POST ")


@browsing
async def test_the_clock_is_moved_and_what_falls_due_happens(
    zeus: Simulator, browser: Browser
) -> None:
    order_no = await zeus.order_no()
    async with window(browser, zeus.url, Look("ja")) as seen:
        page = seen.page
        await seen.go("/settings")
        before = await page.locator("#now").text_content()
        await page.get_by_label("進める時間").fill("32")
        await page.get_by_label("単位").select_option("日")
        await page.get_by_role("button", name="時計を進める").click()
        await expect(page.get_by_text("時計を進めました。")).to_be_visible()
        await expect(page.locator("#now")).not_to_have_text(str(before))
        assert (await zeus.order(order_no))["state"] == "expired"

        await page.get_by_role("button", name="オーダーをすべて消す").click()
        await expect(page.get_by_text("すべて消しました。")).to_be_visible()
    assert (await zeus.ask("GET", "/orders")).json == []


@browsing
async def test_the_page_updates_itself_but_for_a_form_that_is_being_filled_in(
    zeus: Simulator, browser: Browser
) -> None:
    async with window(browser, zeus.url) as seen:
        page = seen.page
        await seen.go("/settings")
        retries = page.get_by_label("Retries after a timeout")
        await retries.focus()
        await zeus.set(retries=7)
        await expect(retries).to_have_value("7")
        await expect(retries).to_be_focused()

        await retries.fill("3")
        await zeus.set(retries=8, clock={"speed": 60})
        await expect(page.locator("#clock")).to_contain_text("(60 simulated")
        await expect(retries).to_have_value("3")


@browsing
async def test_focus_and_open_mails_survive_an_update(zeus: Simulator, browser: Browser) -> None:
    order_no = await zeus.order_no()
    await zeus.called(order_no, "01")
    async with window(browser, zeus.url) as seen:
        page = seen.page
        await seen.go(f"/orders/{order_no}")
        await page.locator("#mail-1 summary").click()
        resend = page.get_by_role("button", name="Send again 01 (1)")
        await resend.focus()
        await zeus.act(order_no, "pay")
        await expect(page.locator(".state")).to_contain_text("04")
        await expect(page.locator("#mail-1 pre")).to_contain_text("コンビニ決済 申込完了通知")
        await expect(page.locator("#mail-1 pre")).to_be_visible()
        await expect(resend).to_be_focused()
        await expect(page.get_by_role("status")).to_contain_text("Updated: State: 04 入金済")


@browsing
@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_every_page_fits_and_passes_axe(
    zeus: Simulator, browser: Browser, axe: str, look: Look, run_dir: Path
) -> None:
    await zeus.set(call_url="http://127.0.0.1:9/", faults={"calls": {"times": 1}})
    order_no = await zeus.order_no(pay_cvs="D001", email="anyone+paid@example.com")
    await zeus.called(order_no, "01", "04")
    directory = Path(os.environ.get("CONSOLE_SCREENSHOTS") or run_dir / "screenshots")
    async with window(browser, zeus.url, look) as seen:
        for path in ("/", f"/orders/{order_no}", "/settings", f"/pay/{order_no}"):
            await seen.go(path)
            for summary in await seen.page.locator("summary").all():
                await summary.click()
            name = path.strip("/").partition("/")[0] or "list"
            await seen.page.screenshot(
                path=directory / f"simulator-{name}-{look}.png", full_page=True
            )
            assert await seen.overflow() <= 0, path
            assert await seen.findings(axe) == [], path
