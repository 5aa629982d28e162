"""Mails by SMTP through a running OpenSMTPD that pipes each to the relay, as documented."""

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.db.migrations import migrate
from bench.ports import free_port
from tests.journeys.conftest import Site
from tests.journeys.crew import fetch, until
from tests.journeys.mail_pipe import (
    RECIPIENT,
    importing,
    open_directory,
    piping_server,
    posting,
)
from tests.journeys.mail_site import MailSite, apply_for, mail_site
from tests.journeys.mail_states import EVENTS, MISSING, STATES, address_of, all_read, as_told, lost
from tests.processes import PROGRAM, Process, Starter, environment
from tests.recording.own_server import OwnServer, own_server
from tests.simulator.mails.smtp_server import CAN_RUN, RunningServer
from tests.simulator.simulator_process import Simulator, simulating

pytestmark = [
    pytest.mark.skipif(not CAN_RUN, reason="needs root, and opensmtpd of Debian"),
    pytest.mark.slow,
]
WORDS = ("paid", "confirmed", "reversed", "confirmed-after-reissue")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[OwnServer]:
    """Yield a Postgres on TCP: the user who runs the pipe cannot get to the sockets of others."""
    with own_server(tmp_path / "server") as running:
        await migrate(running.url)
        yield running


@pytest.fixture
def database_url(server: OwnServer) -> str:
    return server.url


@pytest.fixture
def directory() -> Iterator[Path]:
    with open_directory() as directory:
        yield directory


async def script_of(pipe: str, mails: MailSite, port: int, directory: Path) -> Path:
    """Return the script that hands in mails: by the command, or by curl with a token for it."""
    if pipe == "command":
        return importing(directory, mails.settings)
    create = [str(PROGRAM), "tokens", "create", "mail-server", "--role", "mailer", "--json"]
    made = await asyncio.to_thread(
        lambda: subprocess.check_output(create, env=environment(**mails.settings))
    )
    return posting(directory, f"http://127.0.0.1:{port}", json.loads(made)["token"])


@asynccontextmanager
async def zeus(
    mails: MailSite, relay: Process, smtpd: RunningServer, drop_every: int
) -> AsyncIterator[Simulator]:
    """Run a simulator that mails by SMTP and loses some calls within this block."""
    settings = {
        "mails.smtp": smtpd.address,
        "mails.merchant": RECIPIENT,
        "mails.customer": "[]",
        "faults.calls.drop_every": str(drop_every),
    }
    options = (f"--set={name}={value}" for name, value in settings.items())
    with simulating("--call-url", await address_of(relay), *options) as running:
        await mails.publish(running)
        yield running


async def all_sent(zeus: Simulator, calls: Mapping[str, list[Any]]) -> int:
    """Wait until the mail server has taken every mail, and return their number."""
    expected = sum(len(made) for made in calls.values()) + len(lost(calls))

    async def are_sent() -> bool:
        orders = [await zeus.order(order_no) for order_no in calls]
        mails = [mail["delivered"] for order in orders for mail in order["mails"]]
        return mails == [True] * expected

    await until(are_sent, 30)
    return expected


def statuses(calls: Mapping[str, list[Any]]) -> Counter[tuple[str, str]]:
    """Return how often each order is told each status."""
    return Counter((order_no, one["status"]) for order_no in calls for one in calls[order_no])


def final_states(calls: Mapping[str, list[Any]]) -> set[tuple[str, str]]:
    """Return the state in which each order must be."""
    return {(order_no, STATES[made[-1]["status"]]) for order_no, made in calls.items()}


@pytest.mark.parametrize(("pipe", "mode"), [("command", "observe"), ("curl", "heal")])
async def test_mails_by_smtp_tell_or_heal_lost_calls(
    site: Site, starter: Starter, tmp_path: Path, directory: Path, pipe: str, mode: str
) -> None:
    url = site.database_url
    async with mail_site(site, starter, tmp_path, mode) as mails:
        relay = mails.start("up", MAIL_GRACE="10s")  # the command takes longer than a call
        _, port = await relay.ready("operator")
        with piping_server(await script_of(pipe, mails, port, directory)) as smtpd:
            async with zeus(mails, relay, smtpd, 3) as simulator:
                calls = await apply_for(simulator, WORDS, len(WORDS))
                sent = await all_sent(simulator, calls)
            told, missing = statuses(calls), lost(calls)
            await all_read(url, told.total(), 90)
            assert [] == smtpd.queue()
            assert sent == smtpd.log.read_text().count("result=Ok")
    assert len(missing) >= 3
    rows = await fetch(url, "SELECT state FROM mails")
    assert Counter(row["state"] for row in rows) == {
        "matched": told.total() - len(missing),
        "missing" if mode == "observe" else "healed": len(missing),
        "call_failed": len(missing),
    }
    reviews = [row["order_no"] for row in await fetch(url, MISSING)]
    events = as_told(await fetch(url, EVENTS))
    if mode == "observe":
        assert sorted(order_no for order_no, _ in missing) == sorted(reviews)
        assert told.total() - len(missing) == (told & events).total() == events.total()
    else:
        assert [] == reviews
        assert told == events
        rows = await fetch(url, "SELECT order_no, state FROM orders")
        assert final_states(calls) == {tuple(row) for row in rows}


@pytest.mark.parametrize("pipe", ["command", "curl"])
async def test_no_mail_is_lost_while_the_relay_or_its_database_is_away(
    site: Site, starter: Starter, server: OwnServer, tmp_path: Path, directory: Path, pipe: str
) -> None:
    """The mail server keeps what the pipe cannot hand in, and tries again later."""
    url, port = site.database_url, free_port()
    async with mail_site(site, starter, tmp_path, "heal") as mails:
        mails.settings |= {"MAIL_GRACE": "10s", "OPERATOR_PORT": str(port)}
        relay = mails.start("up")
        await relay.ready("operator")
        with piping_server(await script_of(pipe, mails, port, directory)) as smtpd:
            async with zeus(mails, relay, smtpd, 1) as simulator:
                server.stop() if pipe == "command" else relay.kill()
                calls = await apply_for(simulator, ("confirmed",), 2)
                sent = await all_sent(simulator, calls)

            async def are_refused() -> bool:
                return smtpd.log.read_text().count("result=TempFail") >= sent

            await until(are_refused, 60)
            assert sent == len(smtpd.queue())

            server.start() if pipe == "command" else mails.start("up")

            async def are_delivered() -> bool:
                smtpd.try_again()
                return not smtpd.queue()

            await until(are_delivered, 60)
            assert "result=PermFail" not in smtpd.log.read_text()
            await all_read(url, statuses(calls).total(), 60)
    [row] = await fetch(url, "SELECT count(*) AS count FROM mails")
    assert sent == row["count"]
    assert statuses(calls) == as_told(await fetch(url, EVENTS))
    rows = await fetch(url, "SELECT order_no, state FROM orders")
    assert final_states(calls) == {tuple(row) for row in rows}
