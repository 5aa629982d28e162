"""Pages of applications: a form for staff, the list, one application, and its resolution."""

import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.operations.access.permissions import Role
from tests.applications.application_setup import apply, applying, simulated
from tests.console.console_setup import Console, ConsoleClient, running_console
from tests.operations.operations_setup import EMAIL, NAME, PERSONAL, OperationsSetup

ENGLISH = {"accept-language": "en"}
GOOD = {
    "money": "5,400円",
    "store": "D002",
    "name": "コンビニ タロウ",
    "telno": "03-1234-5678",
    "email": EMAIL,
    "sendid": "A-1001",
    "test": "confirmed",
}


@pytest.fixture
async def shop(setup: OperationsSetup, tmp_path: Path) -> AsyncIterator[Console]:
    """A console that applies at a simulated Zeus."""
    async with (
        simulated() as (_, url),
        applying(setup.sessions, url) as applicant,
        running_console(setup, tmp_path, applicant=applicant) as console,
    ):
        yield console


@asynccontextmanager
async def _unknown(setup: OperationsSetup) -> AsyncIterator[str]:
    """Yield the page of an application whose answer was lost."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/cgi-bin/cvs.cgi"
        async with applying(setup.sessions, url, seconds=0.3) as applicant:
            row = await apply(applicant)
    assert "unknown" == row.state
    yield f"/applications/{row.id}"


async def _applied(client: ConsoleClient, **changes: str) -> str:
    """Send the form and return the path of the application."""
    answer = await client.post_form("/apply", GOOD | changes)
    assert 303 == answer.status, answer.text
    return str(answer.headers["location"])


async def test_an_operator_applies_and_sees_the_slip(shop: Console) -> None:
    async with shop.client(Role.OPERATOR) as client:
        form = await client.get("/apply", **ENGLISH)
        key = re.search(r'name="key" value="([^"]+)"', form.text)
        assert key, form.text
        path = await _applied(client, key=key[1])
        assert path == await _applied(client, key=key[1])
        page = await client.get(path, **ENGLISH)
        for words in (
            "Slip issued",
            "Test: paid and confirmed",
            "¥5,400",
            "受付番号",
            "a-operator",
        ):
            assert words in page.text, words
        assert [] == [value for value in PERSONAL if value in page.text]
        shown = await client.post(path)
        assert [] == [value for value in (NAME, EMAIL) if value not in shown.text]
        listed = await client.get("/applications", **ENGLISH)
        assert 1 == listed.text.count(f'href="{path}"')
        assert '<span class="tag warn">Test</span>' in listed.text
    entries = await shop.setup.rows("SELECT action FROM audit_entries WHERE subject LIKE 'appl%'")
    assert ["application.sent", "personal_data.seen"] == [entry.action for entry in entries]


async def test_the_result_page_keeps_its_own_policy(shop: Console) -> None:
    async with shop.client(Role.OPERATOR) as client:
        path = await _applied(client)
        page = await client.get(f"{path}/page?lang=en")
        assert "How to pay" in page.text
        assert "0120-000-000" in page.text
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "no-store" == page.headers["cache-control"]
        assert "お支払いの手順" in (await client.get(f"{path}/page?lang=ja")).text
        assert "script-src" in (await client.get(path)).headers["content-security-policy"]


async def test_faults_are_shown_at_their_fields(shop: Console) -> None:
    async with shop.client(Role.OPERATOR) as client:
        wrong = {"money": "1", "name": "山田", "telno": "1", "email": "none", "sendid": "あ"}
        page = await client.post_form("/apply", GOOD | wrong, headers=ENGLISH)
        assert 422 == page.status
        for field in wrong:
            assert f'id="{field}-problem"' in page.text, field
        assert "Enter the name in kana" in page.text
        assert 'value="山田"' in page.text
    assert [] == await shop.setup.rows("SELECT 1 FROM applications")


async def test_a_second_slip_asks_if_it_replaces_the_first(shop: Console) -> None:
    async with shop.client(Role.OPERATOR) as client:
        first = await _applied(client)
        refused = await client.post_form("/apply", GOOD, headers=ENGLISH)
        assert (409, True) == (refused.status, f'href="{first}"' in refused.text)
        assert "already has a slip" in refused.text
        second = await _applied(client, replaces=first.rpartition("/")[2])
        assert first in (await client.get(second)).text
        assert "There is nothing to pay" in (await client.get(f"{first}/page?lang=en")).text


async def test_an_application_begins_the_story_of_its_order(shop: Console) -> None:
    async with shop.client(Role.OPERATOR) as client:
        path = await _applied(client)
        [row] = await shop.setup.rows("SELECT order_no FROM applications")
        found = await client.get(f"/orders?order_no={row.order_no}")
        assert (303, f"/orders/{row.order_no}") == (found.status, found.headers["location"])
        before = await client.get(f"/orders/{row.order_no}")
        assert (303, path) == (before.status, before.headers["location"])
        await shop.setup.judged("01", order_no=row.order_no)
        order = await client.get(f"/orders/{row.order_no}", **ENGLISH)
        timeline = order.text.partition('<ol class="timeline">')[2]
        assert 0 < timeline.index(f'href="{path}"') < timeline.index("/notices/")
        assert f'href="/orders/{row.order_no}"' in (await client.get(path)).text
        assert 404 == (await client.get("/orders/no-such-order")).status


async def test_an_unknown_one_is_resolved_with_the_number_of_its_order(
    console: Console,
) -> None:
    async with _unknown(console.setup) as path, console.client(Role.OPERATOR) as client:
        page = await client.get(path, **ENGLISH)
        assert "Nobody knows yet if a slip was made." in page.text
        wrong = await client.post(f"{path}/resolve", order_no="a b", headers=ENGLISH)
        assert (422, True) == (wrong.status, "as Zeus&#39;s console shows it" in wrong.text)
        done = await client.post(f"{path}/resolve", order_no="1234-5")
        assert (303, path) == (done.status, done.headers["location"])
        page = await client.get(path, **ENGLISH)
        assert ("Slip issued" in page.text, "1234-5" in page.text) == (True, True)
        assert f"{path}/resolve" not in page.forms
        again = await client.post(f"{path}/resolve", outcome="failed", headers=ENGLISH)
        assert (409, True) == (again.status, "Its outcome is known." in again.text)


async def test_an_unknown_one_is_resolved_as_failed(console: Console) -> None:
    async with _unknown(console.setup) as path, console.client(Role.OPERATOR) as client:
        assert 303 == (await client.post(f"{path}/resolve", outcome="failed")).status
        assert "Zeus made no slip" in (await client.get(path, **ENGLISH)).text


async def test_a_viewer_reads_and_acts_not(console: Console) -> None:
    async with _unknown(console.setup) as path, console.client(Role.VIEWER) as client:
        assert 200 == (await client.get("/applications")).status
        page = await client.get(path)
        assert 200 == page.status
        assert {"/language", "/sign-out"} == page.forms
        assert 200 == (await client.get(f"{path}/page")).status
        for form in (path, f"{path}/resolve", "/apply"):
            assert 403 == (await client.post(form)).status, form
        assert 403 == (await client.get("/apply")).status
        assert '"/apply"' not in (await client.get("/applications")).text


async def test_filters_and_missing_ones(shop: Console) -> None:
    async with shop.client(Role.OPERATOR) as client:
        test = await _applied(client)
        real = await _applied(client, test="", sendid="A-2002")
        for query, shown in (
            ("test=only", (True, False)),
            ("test=exclude", (False, True)),
            ("state=accepted", (True, True)),
            ("state=unknown", (False, False)),
            ("sendid=A-2002", (False, True)),
            ("order_no=none", (False, False)),
        ):
            page = await client.get(f"/applications?{query}")
            assert shown == (test in page.text, real in page.text), query
        for query in ("state=x", "test=x", "cursor=x"):
            page = await client.get(f"/applications?{query}", **ENGLISH)
            assert (200, True) == (page.status, "search values are invalid" in page.text), query
        missing = "/applications/01a21b9b-7fd4-754b-884a-8133324fad29"
        assert 404 == (await client.get(missing)).status
        assert 404 == (await client.get(f"{missing}/page")).status


async def test_without_an_address_the_form_says_so(console: Console) -> None:
    async with console.client(Role.OPERATOR) as client:
        page = await client.get("/apply", **ENGLISH)
        assert "RELAY_APPLICATION_URL" in page.text
        assert "/apply" not in page.forms
        assert 409 == (await client.post_form("/apply", GOOD)).status


async def test_a_review_leads_to_its_application(console: Console) -> None:
    application_id = "01a21b9b-7fd4-754b-884a-8133324fad29"
    await console.setup.run(
        "INSERT INTO reviews (id, reason, cycle, details) VALUES "
        "('01a21b9b-7fd4-754b-884a-000000000001', 'application_unknown', 1, "
        f"jsonb_build_object('application_id', '{application_id}'))"
    )
    async with console.client(Role.VIEWER) as client:
        page = await client.get("/reviews/01a21b9b-7fd4-754b-884a-000000000001")
        assert f'href="/applications/{application_id}"' in page.text
