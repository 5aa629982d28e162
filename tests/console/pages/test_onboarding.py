"""Operational test in the console: sending a run, what arrives, and the report for Zeus."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.operations.access.permissions import Role
from app.simulator.server.zeus import SimulatedZeus
from tests.applications.application_setup import applying, simulated
from tests.console.console_setup import Answer, Console, ConsoleClient, running_console
from tests.forwarding.delivery_setup import until
from tests.operations.operations_setup import EMAIL, OperationsSetup

ENGLISH = {"accept-language": "en"}
CUSTOMER = {"name": "てすと タロウ", "telno": "03-1234-5678", "email": EMAIL}
SECRETS = ("テスト　タロウ", "テスト タロウ", "0312345678", EMAIL)
LAWSON = {**CUSTOMER, "store": "D002", "kind": "confirmed"}


@pytest.fixture
async def zeus() -> AsyncIterator[tuple[SimulatedZeus, str]]:
    """A simulated Zeus that calls nobody."""
    async with simulated() as running:
        yield running


@pytest.fixture
async def shop(
    setup: OperationsSetup, tmp_path: Path, zeus: tuple[SimulatedZeus, str]
) -> AsyncIterator[Console]:
    """A console that applies at the simulated Zeus."""
    async with (
        applying(setup.sessions, zeus[1]) as applicant,
        running_console(setup, tmp_path, applicant=applicant) as console,
    ):
        yield console


async def run_in(client: ConsoleClient, path: str = "/onboarding") -> str:
    """The run that the form of the page would send."""
    found = re.search(r'name="run" value="([0-9]{12})"', (await client.get(path)).text)
    assert found
    return found[1]


async def sent(client: ConsoleClient, run: str, **changes: str) -> Answer:
    """Send the form and wait until the run is not being sent any more. Return its page."""
    answer = await client.post_form("/onboarding", {**LAWSON, "run": run, **changes})
    assert (303, f"/onboarding?run={run}") == (answer.status, answer.headers["location"])

    async def is_sent() -> bool:
        page = await client.get(f"/onboarding/progress?run={run}", **ENGLISH)
        return "being sent" not in page.text and "Not sent yet" not in page.text

    await until(is_sent)
    return await client.get(f"/onboarding?run={run}", **ENGLISH)


async def test_an_operator_sends_a_test_and_sees_what_arrives(shop: Console) -> None:
    async with shop.client(Role.OPERATOR) as client:
        run = await run_in(client)
        page = await sent(client, run)
        [row] = await shop.setup.rows("SELECT * FROM applications")
        for words in (f"Run {run}", row.order_no, "Waiting", " left", "awaited", "/page"):
            assert words in page.text, words
        assert re.search(r"\b(3[0-5]|2[0-9]):[0-5][0-9] left", page.text), "the countdown"
        assert f'hx-get="/onboarding/progress?run={run}"' in page.text
        values = {
            "order_no": row.order_no,
            "money": str(row.money),
            "sendid": row.sendid,
            "sendpoint": row.sendpoint,
            "pay_cvs": "D002",
        }
        await shop.setup.judged("01", "04", **values)
        await shop.setup.judged("05", **{**values, "pay_cvs": "D050"})
        page = await client.get("/onboarding", **ENGLISH)
        part = page.text.partition('id="run"')[2].partition('id="send"')[0]
        assert 3 == part.count("14 of 14 parameters")
        assert 1 == part.count("not as applied for:")
        assert "<code>pay_cvs</code>" in part
        assert "2 / 3" in part
    assert [] == [value for value in SECRETS if value in part]


async def test_a_complete_run_is_not_refreshed_and_has_a_report(shop: Console) -> None:
    async with shop.client(Role.OPERATOR) as client:
        run = await run_in(client)
        await sent(client, run)
        [row] = await shop.setup.rows("SELECT * FROM applications")
        values = {"order_no": row.order_no, "money": str(row.money), "sendid": row.sendid}
        values |= {"sendpoint": row.sendpoint, "pay_cvs": "D002"}
        await shop.setup.judged("01", "04", "05", **values)
        page = await client.get("/onboarding", **ENGLISH)
        assert ("Everything has arrived." in page.text, "hx-get" in page.text) == (True, False)
        part = await client.get(f"/onboarding/progress?run={run}")
        assert f"/onboarding?run={run}" == part.headers["hx-redirect"]
    async with shop.client(Role.VIEWER) as client:
        report = await client.get("/onboarding/report", **ENGLISH)
        assert '<html lang="ja">' in report.text, "Zeus reads Japanese"
        for words in (
            "疎通テスト結果報告書",
            "すべて想定どおり届きました",
            row.order_no,
            row.sendid,
            row.pay_no1,
            "受付番号",
            "ローソン",
            "2012000001",
            run,
            "管理画面で確認",
            "pay_limit",
        ):
            assert words in report.text, words
        for absent in (*SECRETS, "/sign-out", "<nav", "csrf", row.sendpoint):
            assert absent not in report.text, absent
        english = await client.get(f"/onboarding/report?run={run}&lang=en")
        assert "Report of the operational test" in english.text
        assert 404 == (await client.get("/onboarding/report?run=261127151355")).status


async def test_a_run_is_never_sent_twice(shop: Console, zeus: tuple[SimulatedZeus, str]) -> None:
    async with shop.client(Role.OPERATOR) as client:
        run = await run_in(client)
        await sent(client, run)
        await sent(client, run, email="other@example.com")
        await sent(client, run, kind="unpaid")
    rows = await shop.setup.rows("SELECT test, tries, customer FROM applications ORDER BY id")
    assert [("confirmed", 1), ("unpaid", 1)] == [(row.test, row.tries) for row in rows]
    assert EMAIL == rows[0].customer["email"]
    entries = await shop.setup.rows(
        "SELECT operator FROM audit_entries WHERE action = 'application.sent'"
    )
    assert ["a-operator"] * 2 == [entry.operator for entry in entries]


async def test_faults_are_told_before_anything_is_sent(shop: Console) -> None:
    async with shop.client(Role.OPERATOR) as client:
        run = await run_in(client)
        for wrong, words in (
            ({"name": "山田"}, 'id="name-problem"'),
            ({"telno": "1"}, 'id="telno-problem"'),
            ({"email": ""}, 'id="email-problem"'),
            ({"store": "D999"}, "Choose at least one store"),
            ({"kind": "x"}, "Choose at least one store"),
            ({"run": "26112715135x"}, "Choose at least one store"),
        ):
            form = {**LAWSON, "run": run, **wrong}
            page = await client.post_form("/onboarding", form, headers=ENGLISH)
            assert (422, True) == (page.status, words in page.text), (wrong, page.text)
    assert [] == await shop.setup.rows("SELECT 1 FROM applications")


async def test_what_could_not_be_sent_is_sent_later_in_the_same_run(
    setup: OperationsSetup, tmp_path: Path, zeus: tuple[SimulatedZeus, str]
) -> None:
    nobody = "http://127.0.0.1:9/cgi-bin/cvs.cgi"
    async with (
        applying(setup.sessions, nobody) as applicant,
        running_console(setup, tmp_path, applicant=applicant) as console,
        console.client(Role.OPERATOR) as client,
    ):
        run = await run_in(client)
        page = await sent(client, run)
        assert f"run={run}&amp;continue={run}#send" in page.text
        tokens = console.tokens
    async with (
        applying(setup.sessions, zeus[1]) as applicant,
        running_console(setup, tmp_path, applicant=applicant, tokens=tokens) as console,
        console.client(Role.OPERATOR) as client,
    ):
        assert run == await run_in(client, f"/onboarding?run={run}&continue={run}")
        await sent(client, run)
    [row] = await setup.rows("SELECT state, tries FROM applications")
    assert ("accepted", 2) == (row.state, row.tries)


async def test_without_settings_the_page_names_them(console: Console) -> None:
    async with console.client(Role.OPERATOR) as client:
        page = await client.get("/onboarding", **ENGLISH)
        for name in ("RELAY_APPLICATION_URL", "RELAY_TEST_ID"):
            assert f"<code>{name}</code>" in page.text
        assert "/onboarding" not in page.forms
        form = {**LAWSON, "run": "261127151355"}
        refused = await client.post_form("/onboarding", form, headers=ENGLISH)
        assert 409 == refused.status
        for path in ("/onboarding/progress", "/onboarding/report", "/onboarding?run=x"):
            assert 404 == (await client.get(path)).status, path


async def test_a_viewer_watches_and_sends_not(shop: Console) -> None:
    async with shop.client(Role.OPERATOR) as client:
        run = await run_in(client)
        await sent(client, run)
    async with shop.client(Role.VIEWER) as client:
        page = await client.get("/onboarding")
        assert (200, True) == (page.status, f"run={run}" in page.text)
        assert "/onboarding" not in page.forms
        assert 403 == (await client.post_form("/onboarding", {**LAWSON, "run": run})).status
