"""Accessibility and layout of every page of the console, in a real browser."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, expect

from app.operations.access.permissions import Role
from app.zeus.mails import MailKind
from tests.api.api_walk import application
from tests.applications.application_setup import applying, simulated
from tests.console.browsing import CHROMIUM, Look, Window, axe_source, window
from tests.console.console_setup import Console, running_console
from tests.mailbox.mail_setup import MailSetup, facts, message
from tests.operations.operations_setup import ORDER_NO, OperationsSetup
from tests.reconciliation.files import export, finish, load

LOOKS = (
    Look("ja", 1280, "light"),
    Look("en", 375, "dark"),
    Look("ja", 375, "light"),
    Look("en", 1280, "dark"),
    Look("en", 760),
)


CHECKED_BY_AXE = LOOKS[:2]
"""Both languages, widths and schemes. The other looks combine these; the last has narrow tables."""


FULLEST = (
    "today",
    "order",
    "attention",
    "review",
    "quarantined-call",
    "subscriber",
    "onboarding",
    "orders",
    "totals",
    "totals-by-store",
    "reconciliation",
    "reconciliations",
    "tokens",
    "audit",
    "subscribers",
    "applications",
    "application-unknown",
    "application",
    "apply",
)
"""Pages with a screenshot in every look."""


pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Debian's chromium")


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the source of the locked axe-core."""
    if shutil.which("npm") is None and "CI" not in os.environ:
        pytest.skip("needs npm")
    return axe_source(tmp_path_factory.mktemp("axe"))


@pytest.fixture
def pictures(run_dir: Path) -> Path:
    """Return the folder for screenshots: CONSOLE_SCREENSHOTS, or the run's own."""
    return Path(os.environ.get("CONSOLE_SCREENSHOTS") or run_dir / "screenshots")


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_every_page_is_accessible(
    console: Console, browser: Browser, axe: str, pictures: Path, look: Look
) -> None:
    paths = await _fill(console)
    checked = axe if look in CHECKED_BY_AXE else None
    async with window(browser, console.url, look) as seen:
        await seen.go("/sign-in")
        await _check(seen, axe, pictures / f"sign-in-{look}.png")
        await seen.sign_in(console.tokens[Role.ADMIN])
        for name, path in paths.items():
            if checked or name in FULLEST:
                await seen.go(path)
                await _check(seen, checked, pictures / f"{name}-{look}.png")


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_pages_of_mails_are_accessible(
    console: Console, browser: Browser, axe: str, pictures: Path, look: Look
) -> None:
    paths = await _mails(console.setup)
    async with window(browser, console.url, look) as seen:
        await seen.sign_in(console.tokens[Role.OPERATOR])
        for name, path in paths.items():
            await seen.go(path)
            checked = axe if look in CHECKED_BY_AXE else None
            await _check(seen, checked, pictures / f"{name}-{look}.png")
        await seen.go(paths["mail-missing"])
        await seen.page.get_by_role("button").last.click()
        await expect(seen.page.locator("pre").first).to_be_visible()
        await _check(seen, axe, pictures / f"mail-in-full-{look}.png")


@pytest.mark.parametrize("look", CHECKED_BY_AXE, ids=str)
async def test_secrets_and_error_pages_are_accessible(
    console: Console, browser: Browser, axe: str, pictures: Path, look: Look
) -> None:
    await console.setup.judged("04")
    async with window(browser, console.url, look) as seen:
        page = seen.page
        await seen.sign_in(console.tokens[Role.ADMIN], "/tokens")
        await _check(seen, axe, pictures / f"no-tokens-{look}.png")
        await page.locator("#name").fill("suzuki")
        await page.locator("form[action='/tokens'] button").click()
        await expect(page.locator("#secret")).to_be_visible()
        await _check(seen, axe, pictures / f"token-{look}.png")
        for method in ("secret", "key_pair", "feed"):
            await seen.go("/add-subscriber")
            await page.locator("#name").fill(method)
            await page.locator("#url").fill("https://shop.example/hooks")
            await page.locator(f"input[value={method}]").check()
            await page.locator("form[action='/add-subscriber'] button.main").click()
            await expect(page.locator("#secret")).to_be_visible()
            await _check(seen, axe, pictures / f"secret-{method}-{look}.png")
        await seen.go("/add-subscriber")
        await page.locator("#name").fill("limited")
        await page.locator("#url").fill("https://shop.example/hooks")
        await page.locator("details:has(#rate_limit) > summary").click()
        for limit, text in (("rate_limit", "0"), ("max_in_flight", "201"), ("timeout", "90")):
            await page.locator(f"#{limit}").fill(text)
        await page.locator("form[action='/add-subscriber'] button.main").click()
        await expect(page.locator("#timeout_ms-problem")).to_be_visible()
        await _check(seen, axe, pictures / f"bad-limits-{look}.png")
        await seen.go(f"/orders/{ORDER_NO}")
        await page.locator(".grave summary").click()
        await _check(seen, axe, pictures / f"erase-{look}.png")
        for name, path in (
            ("not-found", "/nothing"),
            ("bad-filter", "/audit?cursor=x"),
            ("nothing-found", "/audit?operator=x"),
        ):
            await seen.go(path)
            await _check(seen, axe, pictures / f"{name}-{look}.png")
        seen.complaints[:] = [
            complaint
            for complaint in seen.complaints
            if "404 (Not Found)" not in complaint and "422 (Unprocess" not in complaint
        ]


@pytest.mark.parametrize("look", CHECKED_BY_AXE, ids=str)
async def test_the_form_of_an_application_is_accessible(
    setup: OperationsSetup, tmp_path: Path, browser: Browser, axe: str, pictures: Path, look: Look
) -> None:
    async with (
        simulated() as (_, url),
        applying(setup.sessions, url) as applicant,
        running_console(setup, tmp_path, applicant=applicant) as console,
        window(browser, console.url, look) as seen,
    ):
        page = seen.page
        await seen.sign_in(console.tokens[Role.OPERATOR], "/apply")
        await _check(seen, axe, pictures / f"apply-form-{look}.png")
        values = {"money": "100", "name": "山田", "telno": "1", "email": "none"}
        for field, value in values.items():
            await page.locator(f"#{field}").fill(value)
        await page.locator("form[action='/apply'] button.main").click()
        await expect(page.locator("#name-problem")).to_be_visible()
        await _check(seen, axe, pictures / f"apply-faults-{look}.png")
        seen.complaints[:] = [one for one in seen.complaints if "422 (Unprocess" not in one]
        values = {
            "money": "5,400",
            "name": "やまだ",
            "telno": "03-1234-5678",
            "email": "a@b.example",
        }
        for field, value in values.items():
            await page.locator(f"#{field}").fill(value)
        await page.locator("form[action='/apply'] button.main").click()
        await page.wait_for_url("**/applications/*")
        await _check(seen, axe, pictures / f"applied-{look}.png")


@pytest.mark.parametrize("look", CHECKED_BY_AXE, ids=str)
async def test_the_operational_test_is_accessible(
    setup: OperationsSetup, tmp_path: Path, browser: Browser, axe: str, pictures: Path, look: Look
) -> None:
    async with (
        simulated() as (_, url),
        applying(setup.sessions, url) as applicant,
        running_console(setup, tmp_path, applicant=applicant) as console,
        window(browser, console.url, look) as seen,
    ):
        page = seen.page
        await seen.sign_in(console.tokens[Role.OPERATOR], "/onboarding")
        await _check(seen, axe, pictures / f"onboarding-form-{look}.png")
        for field, value in {"name": "山田", "telno": "1", "email": "none"}.items():
            await page.locator(f"#{field}").fill(value)
        await page.locator("#send button.main").click()
        await expect(page.locator("#name-problem")).to_be_visible()
        await _check(seen, axe, pictures / f"onboarding-faults-{look}.png")
        seen.complaints[:] = [one for one in seen.complaints if "422 (Unprocess" not in one]
        values = {"name": "やまだ", "telno": "03-1234-5678", "email": "a@b.example"}
        for field, value in values.items():
            await page.locator(f"#{field}").fill(value)
        await page.locator("#send button.main").click()
        await page.wait_for_url("**/onboarding?run=*")
        await expect(page.locator(".tests a[target=_blank]")).to_have_count(18)
        await _partly_called(setup)
        await expect(page.locator(".tests .mark.bad").first).to_be_visible()
        await _check(seen, axe, pictures / f"onboarding-run-{look}.png")
        await seen.go(f"/onboarding/report?lang={look.language}")
        await _check(seen, axe, pictures / f"onboarding-report-{look}.png")
        await page.emulate_media(media="print")
        await expect(page.locator(".bar")).to_be_hidden()
        await page.screenshot(path=pictures / f"onboarding-print-{look}.png", full_page=True)


@pytest.mark.parametrize("look", CHECKED_BY_AXE, ids=str)
async def test_forbidden_pages_are_accessible(
    console: Console, browser: Browser, axe: str, pictures: Path, look: Look
) -> None:
    async with window(browser, console.url, look) as seen:
        await seen.sign_in(console.tokens[Role.VIEWER])
        for name, path in (("not-allowed", "/tokens"), ("not-allowed-audit", "/audit")):
            await seen.go(path)
            await _check(seen, axe, pictures / f"{name}-{look}.png")
        await seen.go("/settings")
        await seen.page.evaluate(
            "document.querySelector('[action=\"/sign-out\"] [name=csrf]').value = 'old'"
        )
        await seen.page.locator("[action='/sign-out'] button").click()
        await _check(seen, axe, pictures / f"form-expired-{look}.png")
        seen.complaints[:] = [
            complaint for complaint in seen.complaints if "403 (Forbidden)" not in complaint
        ]


async def _check(seen: Window, axe: str | None, picture: Path) -> None:
    await seen.page.screenshot(path=picture, full_page=True)
    assert 0 == await seen.overflow(), picture.name
    if axe is not None:
        assert [] == await seen.findings(axe), picture.name


async def _partly_called(setup: OperationsSetup) -> None:
    """Call for some of the test applications: all, with another store, with little."""
    rows = await setup.rows("SELECT * FROM applications ORDER BY sendid")
    for row, statuses, changes in (
        (rows[0], ("01",), {}),
        (rows[1], ("01", "04", "05"), {}),
        (rows[2], ("01", "04"), {"pay_cvs": "D050"}),
    ):
        known = ("order_no", "sendid", "sendpoint", "pay_cvs", "pay_no1", "pay_limit")
        values = {name: getattr(row, name) for name in known} | {"money": str(row.money)}
        await setup.judged(*statuses, **{**values, **changes})
    await setup.raw_call(f"order_no={rows[3].order_no}&status=01&money={rows[3].money}".encode())
    await setup.judge()


async def _reconcile(setup: OperationsSetup) -> UUID:
    """Compare a file with an order of each outcome. Return the reconciliation's id."""
    await setup.judged("01", order_no="1234-56789-01235")
    await setup.judged("01", order_no="1234-56789-01236")
    lines = (f"{ORDER_NO},入金済,1", "1234-56789-01236,売上確定,5400", "B-1,番組停止,")
    job_id = await load(setup, export(*lines), heal=True)
    await finish(setup, job_id)
    return job_id


async def _mails(setup: OperationsSetup) -> dict[str, str]:
    """Read mails of several states. Return the paths of the pages that show them."""
    mails = MailSetup(setup.sessions, setup.url, setup.vault)
    await setup.judged("01", "04")
    applied = await application(setup)
    await setup.run("UPDATE applications SET pay_cvs = 'D001', customer = NULL")
    [values] = await setup.rows("SELECT money, clientip FROM applications")
    kept = [
        await mails.mail("05", sent="1"),
        await mails.keep(message(replace(facts("04"), kind=MailKind.CALL_FAILED))),
        await mails.keep(message(facts("06"), believed=False)),
        await mails.mail("04", sent="2"),
        await mails.mail("01", sent="3", order_no="B-1", **values._mapping),
    ]
    await mails.match("observe")
    missing, failed, forged, matched, _ = (f"/mails/{one.id}" for one in kept)
    [lost] = await setup.rows(
        "SELECT id FROM reviews WHERE reason = 'call_missing' AND order_no = :order_no",
        order_no=ORDER_NO,
    )
    return {
        "mails": "/mails",
        "mails-none": "/mails?state=waiting",
        "mail-missing": missing,
        "mail-call-failed": failed,
        "mail-not-believed": forged,
        "mail-matched": matched,
        "review-of-a-lost-call": f"/reviews/{lost.id}",
        "application-with-mails": f"/applications/{applied}",
        "order-with-mails": f"/orders/{ORDER_NO}",
        "today-with-mails": "/",
    }


async def _fill(console: Console) -> dict[str, str]:
    """Fill the database and return the paths of the pages that show it."""
    setup = console.setup
    await setup.add("shop")
    await setup.add("warehouse", event_types=["payment.received"], customer=True)
    notice, *_ = await setup.judged("01", "04", "04", "05")
    await setup.judged("04", money="9999")
    await setup.judged("06", money="4500", pay_cvs="D050")
    await setup.judged("01", "05", order_no="1234-56789-07777", pay_no1="77")
    [conflict] = await setup.rows("SELECT id FROM reviews WHERE reason = 'conflict'")
    [twice] = await setup.rows("SELECT id FROM reviews WHERE reason = 'paid_twice'")
    await setup.run(
        "INSERT INTO review_notes (id, review_id, written_by, text) "
        "VALUES (gen_random_uuid(), :id, 'suzuki', :text)",
        id=conflict.id,
        text="ゼウスに電話した。\n折り返し待ち",
    )
    await setup.call("99", order_no="1234-56789-09999")
    await setup.judge()
    [quarantined] = await setup.rows(
        "SELECT id, notice_id FROM reviews WHERE reason = 'quarantined'"
    )
    await setup.run(
        "UPDATE outbound_webhooks SET state = 'dead', finished_at = now(), "
        "last_outcome = 'timeout' WHERE id % 3 = 0"
    )
    await setup.run(
        "UPDATE subscribers SET state = 'paused', pause_reason = 'gone' WHERE name = 'warehouse'"
    )
    await setup.run(
        "UPDATE subscribers SET failures = 12, "
        "failing_since = now() - interval '20 minutes' WHERE name = 'shop'"
    )
    await setup.run(
        "INSERT INTO rejected_samples "
        "(id, lane, received_at, source, method, target, headers, body) "
        "SELECT id, lane, received_at, source, method, target, headers, body "
        "FROM notices WHERE id = :id",
        id=notice,
    )
    unknown, tested = await application(setup), await application(setup)
    await setup.run(
        "UPDATE applications SET state = 'accepted', test = 'confirmed', order_no = :order_no, "
        "pay_no1 = '1234567890123', pay_limit = '20991231', answered_at = now(), "
        "pay_url = 'https://pay.example/slip', called_at = now() WHERE id = :id",
        id=tested,
        order_no=ORDER_NO,
    )
    await setup.run("UPDATE orders SET test = true, application_id = :id", id=tested)
    return {
        "applications": "/applications",
        "applications-none": "/applications?sendid=none",
        "application-unknown": f"/applications/{unknown}",
        "application": f"/applications/{tested}",
        "apply": "/apply",
        "today": "/",
        "orders": "/orders",
        "order": f"/orders/{ORDER_NO}",
        "totals": "/totals",
        "totals-by-store": "/totals?by=store",
        "totals-of-nothing": "/totals?from=2020-01-01&to=2020-01-02",
        "call": f"/notices/{notice}",
        "reconciliations": "/reconciliations",
        "reconciliation": f"/reconciliations/{await _reconcile(setup)}",
        "attention": "/attention",
        "attention-filtered": "/attention?state=all&reason=paid_twice",
        "attention-nothing": "/attention?state=settled",
        "review": f"/reviews/{conflict.id}",
        "review-of-a-pair": f"/reviews/{twice.id}",
        "review-of-a-call": f"/reviews/{quarantined.id}",
        "quarantined-call": f"/notices/{quarantined.notice_id}",
        "subscribers": "/subscribers",
        "add-subscriber": "/add-subscriber",
        "subscriber": "/subscribers/shop",
        "rejected-call": f"/rejected-samples/{notice}",
        "settings": "/settings",
        "onboarding": "/onboarding",
        "tokens": "/tokens",
        "audit": "/audit",
    }
