"""The operational test with Zeus, against the simulator: applications, calls, mails, report."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from pathlib import Path

import aiohttp
import pytest

from app.applications.states import TestKind
from app.operations.operational_test.plan import FOLLOWS
from app.zeus.stores import STORES
from tests.command import run_command
from tests.console.console_setup import ConsoleClient
from tests.journeys.conftest import Site
from tests.processes import ADMIN_TOKEN, Starter
from tests.simulator.simulator_process import Simulator, simulating

TEST_ID = "12345678"
CUSTOMER = ("--name", "てすと タロウ", "--telno", "03-1234-5678", "--email", "taro@example.com")
HALF_AN_HOUR_IN_SECONDS = "600"
"""Speed of the simulator's clock at which Zeus's half an hour takes three seconds."""


@pytest.fixture
async def zeus(site: Site, starter: Starter) -> AsyncIterator[Simulator]:
    """Yield a simulator that calls a relay with every role."""
    relay = starter.start("up", **site.settings)
    host, port = await relay.ready("receiver")
    with simulating(
        "--call-url",
        f"http://{host}:{port}/zeus/notify",
        "--test-ids",
        TEST_ID,
        "--clock-speed",
        HALF_AN_HOUR_IN_SECONDS,
    ) as running:
        yield running


def settings_for(site: Site, zeus: Simulator) -> dict[str, str]:
    """Return the settings of a command that applies to this simulator."""
    return site.settings | {
        "APPLICATION_URL": f"{zeus.url}/cgi-bin/cvs.cgi",
        "TEST_ID": TEST_ID,
        "IP_CODES": "2012000001",
    }


async def test_everything_arrives(site: Site, zeus: Simulator, tmp_path: Path) -> None:
    result = await run_command(
        "onboarding", "--apply", *CUSTOMER, "--wait", "60s", "--json",
        settings=settings_for(site, zeus),
    )  # fmt: skip
    found = json.loads(result.stdout)
    assert found["complete"], result.output
    assert result.exit_code == 0
    tests = {(test["store"]["code"], test["kind"]): test for test in found["tests"]}
    assert set(tests) == {(code, kind.value) for code in STORES for kind in TestKind}
    for (_, kind), test in tests.items():
        assert test["numbers_shown"]
        assert [call["status"] for call in test["calls"]] == [
            status.value for status in FOLLOWS[TestKind(kind)]
        ]
        assert all(call["at"] and not call["absent"] for call in test["calls"])
    again = await run_command(
        "onboarding", "--apply", *CUSTOMER, "--run", found["run"], "--wait", "30s",
        settings=settings_for(site, zeus),
    )  # fmt: skip
    assert again.exit_code == 0, again.output
    assert "Everything has arrived." in again.stdout
    assert len((await zeus.ask("GET", "/orders")).json) == len(tests)


async def test_says_what_is_missing(site: Site, zeus: Simulator) -> None:
    await zeus.set(parameters=["order_no", "status", "money"])
    result = await run_command(
        "onboarding", "--apply", *CUSTOMER, "--store", "lawson", "--kind", "unpaid",
        "--wait", "5s", settings=settings_for(site, zeus),
    )  # fmt: skip
    assert result.exit_code == 1
    assert "01 without clientip" in result.stdout
    assert "Not everything has arrived." in result.stdout


async def test_needs_a_test_id(site: Site, zeus: Simulator) -> None:
    settings = {
        name: value for name, value in settings_for(site, zeus).items() if name != "TEST_ID"
    }
    result = await run_command("onboarding", "--apply", *CUSTOMER, settings=settings)
    assert result.exit_code == 1
    assert "RELAY_TEST_ID: " in result.output
    assert "Nothing was sent." in result.output
    result = await run_command("onboarding", "--apply", settings=settings_for(site, zeus))
    assert result.exit_code == 1
    for option in ("--name: ", "--telno: ", "--email: "):
        assert option in result.output
    odd = ("onboarding", "--apply", *CUSTOMER, "--run", "yesterday")
    assert (await run_command(*odd, settings=settings_for(site, zeus))).exit_code == 2
    assert (await zeus.ask("GET", "/orders")).json == []


VOUCHED = b"Authentication-Results: mx.shop.example; dkim=pass header.d=simulator.example\r\n"
MAILS = {"MAIL_DOMAINS": "simulator.example", "MAIL_AUTHSERV_IDS": "mx.shop.example"}
WITHHELD = "売上確定通知"


class Postman:
    """Hands the messages of a Maildir in at the API, as a mail server that vouches for them."""

    def __init__(self, maildir: Path, url: str) -> None:
        self._maildir = maildir
        self._url = url
        self._handed_in: set[Path] = set()

    async def hand_in(self, *, but: str | None = None) -> None:
        """Hand in what is new, but not mails with this in their text."""
        async with aiohttp.ClientSession() as client:
            for path in set(self._maildir.glob("new/*")) - self._handed_in:
                raw = path.read_bytes()
                body = message_from_bytes(raw, policy=policy.default).get_content()
                if but is not None and but in body:
                    continue
                async with client.post(
                    f"{self._url}/v1/mails",
                    data=VOUCHED + raw,
                    headers={
                        "authorization": f"Bearer {ADMIN_TOKEN}",
                        "content-type": "message/rfc822",
                    },
                ) as answer:
                    assert answer.status == 202, await answer.text()
                self._handed_in.add(path)


@pytest.mark.slow
@pytest.mark.timeout(200)
async def test_the_page_leads_through_the_whole_with_mails(
    site: Site, starter: Starter, tmp_path: Path
) -> None:
    maildir = tmp_path / "mails"
    with simulating(
        "--test-ids", TEST_ID, "--clock-speed", HALF_AN_HOUR_IN_SECONDS, "--maildir", str(maildir)
    ) as zeus:
        settings = settings_for(site, zeus) | MAILS
        relay = starter.start("up", **settings)
        host, port = await relay.ready("receiver")
        await zeus.set(call_url=f"http://{host}:{port}/zeus/notify")
        operator_host, operator_port = await relay.ready("operator")
        url = f"http://{operator_host}:{operator_port}"
        postman = Postman(maildir, url)
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            client = ConsoleClient(session, url)
            await client.sign_in(ADMIN_TOKEN)
            run = await _send_all(client)
            await _seen(client, run, "CGIコールの受信とパラメータ", "42 / 42")
            await postman.hand_in(but=WITHHELD)
            await _seen(client, run, "メールの受信", "36 / 42")
            asked = ("onboarding", "--apply", *CUSTOMER, "--run", run, "--mails", "--wait")
            missing = await run_command(*asked, "1s", settings=settings)
            assert (1, 6) == (missing.exit_code, missing.stdout.count("mail 05")), missing.output
            report = await client.get(f"/onboarding/report?run={run}")
            assert "想定どおり届いていないものがあります" in report.text
            await postman.hand_in()
            await _seen(client, run, "メールの受信", "42 / 42")
            complete = await run_command(*asked, "30s", settings=settings)
            assert 0 == complete.exit_code, complete.output
            report = await client.get(f"/onboarding/report?run={run}")
            assert "すべて想定どおり届きました" in report.text
            assert not [word for word in ("03-1234", "0312345678", "taro@") if word in report.text]
        assert len((await zeus.ask("GET", "/orders")).json) == len(STORES) * len(TestKind)


async def _send_all(client: ConsoleClient) -> str:
    """Send every test from the page, twice, and return the run."""
    page = await client.get("/onboarding")
    found = re.search(r'name="run" value="([0-9]{12})"', page.text)
    assert found, page.text
    name, telno, email = CUSTOMER[1::2]
    fields = [("csrf", page.csrf), ("run", found[1])]
    fields += [("name", name), ("telno", telno), ("email", email)]
    fields += [("store", code) for code in STORES] + [("kind", kind.value) for kind in TestKind]
    for _ in range(2):
        async with client.session.post(
            f"{client.base}/onboarding", data=fields, allow_redirects=False
        ) as answer:
            assert answer.status == 303, await answer.text()
    return found[1]


async def _seen(client: ConsoleClient, run: str, check: str, count: str) -> None:
    """Wait until a check of the page has this count."""
    text = ""
    for _ in range(300):
        page = await client.get(f"/onboarding/progress?run={run}", **{"accept-language": "ja"})
        text = page.text
        if re.search(f'{check}</span> <span class="code">{count}<', text):
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"not {check} {count} in\n{text}")
