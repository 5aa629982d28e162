"""Result page in Chromium: accessible, inside the window, and one sheet of paper in print."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route

from app.applications.customer_messages import error_message, waiting_message
from app.applications.result_page import PageLanguage, content_policy, result_page
from tests.applications.test_result_page import ENDED, SEVEN, TO_PAY
from tests.console.browsing import CHROMIUM, Look, axe_source, window

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Debian's chromium"),
]
VIEWS = {
    "seven-eleven": SEVEN,
    "lawson-test": replace(TO_PAY, is_test=True),
    "unknown": replace(TO_PAY, state="unknown", message=waiting_message("0120-000-000")),
    "failed": replace(TO_PAY, state="failed", message=error_message("0008", None, None)),
    "paid": ENDED,
}
URL = "https://shop.example"


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of the locked axe-core."""
    if shutil.which("npm") is None and "CI" not in os.environ:
        pytest.skip("needs npm")
    return axe_source(tmp_path_factory.mktemp("axe"))


@pytest.mark.parametrize("look", [Look("ja", 375, "light"), Look("en", 1280, "dark")], ids=str)
async def test_every_look_is_accessible_and_keeps_its_policy(
    browser: Browser, axe: str, look: Look
) -> None:
    async with window(browser, URL, look) as seen:
        await seen.page.route(f"{URL}/**", _serve)
        for name in VIEWS:
            await seen.go(f"/{name}?{look.language}")
            family = await seen.page.evaluate("getComputedStyle(document.body).display")
            styled = await seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert ("block", True) == (family, styled not in ("", "rgba(0, 0, 0, 0)")), name
            assert 0 == await seen.overflow(), name
            assert [] == await seen.findings(axe), name


async def _serve(route: Route) -> None:
    """Answer with the page that the address names."""
    name, _, language = route.request.url.rpartition("/")[2].partition("?")
    if name not in VIEWS:  # the browser asks for an icon
        await route.fulfill(status=204)
        return
    await route.fulfill(
        body=result_page(VIEWS[name], PageLanguage(language)),
        headers={
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": content_policy(),
        },
    )


async def test_print_is_black_on_white_and_one_sheet(browser: Browser, tmp_path: Path) -> None:
    async with window(browser, URL, Look("ja", 794, "dark")) as seen:
        await seen.page.set_content(result_page(SEVEN, PageLanguage.JAPANESE))
        await seen.page.emulate_media(media="print", color_scheme="dark")
        colours = await seen.page.evaluate(
            "[document.body, document.querySelector('.numbers dd'), "
            "document.querySelector('.link a')].map((it) => getComputedStyle(it).color)"
        )
        assert ["rgb(0, 0, 0)"] * 3 == colours
        background = await seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert "rgb(255, 255, 255)" == background
        address = "getComputedStyle(document.querySelector('.link a'), '::after').content"
        assert "https://pay.example/slip" in await seen.page.evaluate(address)
        pdf = await seen.page.pdf(path=tmp_path / "slip.pdf", format="A4")
        assert 1 == pdf.count(b"/Type /Page\n")
