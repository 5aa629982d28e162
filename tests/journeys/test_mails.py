"""Mails through real processes: Zeus's mails find and heal the calls that were lost."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.journeys.conftest import Site
from tests.journeys.crew import fetch, settled, until
from tests.journeys.mail_site import OUTCOMES, MailboxSite, apply_for, mailbox_site
from tests.journeys.mail_states import EVENTS, MISSING, STATES, address_of, all_read, as_told, lost
from tests.mailbox.dovecot import CAN_RUN, Dovecot, running_dovecot
from tests.processes import ADMIN_TOKEN, Starter

pytestmark = pytest.mark.skipif(not CAN_RUN, reason="needs root, and dovecot-imapd of Debian")
EVERY_THIRD = ("--set", "faults.calls.drop_every=3")


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with running_dovecot() as server:
        yield server


async def heal_lost_calls(site: MailboxSite, orders: int, patience: float) -> None:
    """Lose every third call of some orders; each order still ends right, no event twice."""
    relay = site.start("up")
    async with site.zeus(await address_of(relay), *EVERY_THIRD) as zeus:
        calls = await apply_for(zeus, tuple(OUTCOMES), orders)
        told = Counter((order_no, one["status"]) for order_no in calls for one in calls[order_no])
        assert len(lost(calls)) >= orders // 2
        await all_read(site.site.database_url, told.total(), patience)

    url = site.site.database_url
    assert told == as_told(await fetch(url, EVENTS))
    assert {(order_no, STATES[made[-1]["status"]]) for order_no, made in calls.items()} == {
        tuple(row) for row in await fetch(url, "SELECT order_no, state FROM orders")
    }
    assert [] == await fetch(url, "SELECT * FROM reviews WHERE settled_at IS NULL")
    statuses = [
        one["data"]
        for order in site.site.merchant.events().values()
        for one in order
        if one["data"].get("occurrence")
    ]
    assert told == Counter((one["order_no"], one["zeus"]["status"]) for one in statuses)
    healed = [one for one in statuses if one["source"] == "mail"]
    assert len(lost(calls)) == len(healed)
    assert all(one["occurred_at"] for one in healed)
    assert len(site.sent) == len(site.dovecot.flags())
    assert {"S"} == set(site.dovecot.flags())


async def test_every_lost_call_is_healed(
    site: Site, starter: Starter, dovecot: Dovecot, tmp_path: Path
) -> None:
    async with mailbox_site(site, starter, dovecot, tmp_path, "heal") as mails:
        await heal_lost_calls(mails, 30, patience=60)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_every_lost_call_of_3000_orders_is_healed(
    site: Site, starter: Starter, dovecot: Dovecot, tmp_path: Path
) -> None:
    async with mailbox_site(site, starter, dovecot, tmp_path, "heal") as mails:
        await heal_lost_calls(mails, 3_000, patience=300)


async def test_every_lost_call_is_one_review_until_it_is_sent_again(
    site: Site, starter: Starter, dovecot: Dovecot, tmp_path: Path
) -> None:
    url = site.database_url
    async with mailbox_site(site, starter, dovecot, tmp_path, "observe") as mails:
        relay = mails.start("up")
        async with mails.zeus(await address_of(relay), *EVERY_THIRD) as zeus:
            calls = await apply_for(zeus, tuple(OUTCOMES), 30)
            told = Counter((order, one["status"]) for order in calls for one in calls[order])
            await all_read(url, told.total(), 60)
            missing = lost(calls)
            reviews = await fetch(url, MISSING)
            assert sorted(order for order, _ in missing) == sorted(row[0] for row in reviews)
            assert {None} == {row["settled_at"] for row in reviews}

            await zeus.set(faults={"calls": {"drop_every": 0}})
            for order_no, number in missing:
                again = await zeus.ask("POST", f"/orders/{order_no}/calls/{number}/resend")
                assert 200 == again.json["http_status"]

            async def are_settled() -> bool:
                rows = await fetch(url, MISSING)
                return all(row["settled_by"] == "zeus-relay" for row in rows)

            await until(are_settled, 30)
            await until(lambda: settled(url), 30)
    assert len(missing) == len(await fetch(url, MISSING))
    assert told == as_told(await fetch(url, EVENTS))


async def test_mails_that_a_mail_server_pipes_in_heal_too(
    site: Site, starter: Starter, dovecot: Dovecot, tmp_path: Path
) -> None:
    """Each comes in three forms: as piped, through another server, and in the mailbox (CRLF).

    Piped and in the mailbox it is one message. Through another server it is another one, which
    counts as a copy.
    """
    url = site.database_url
    async with mailbox_site(site, starter, dovecot, tmp_path, "heal") as mails:
        relay = mails.start("up")
        host, port = await relay.ready("operator")
        headers = {"authorization": f"Bearer {ADMIN_TOKEN}", "content-type": "message/rfc822"}
        async with mails.zeus(
            await address_of(relay), "--set", "faults.calls.drop_every=1"
        ) as zeus:
            calls = await apply_for(zeus, ("confirmed",), 3)
            while len(mails.sent) < 18:
                await asyncio.sleep(0.1)
        async with aiohttp.ClientSession(headers=headers) as client:
            for raw in (*mails.sent, *(b"Received: by mx; now\n" + raw for raw in mails.sent)):
                async with client.post(f"http://{host}:{port}/v1/mails", data=raw) as answer:
                    assert 202 == answer.status
        told = Counter((order, one["status"]) for order in calls for one in calls[order])
        await all_read(url, 2 * told.total(), 60)
    assert told == as_told(await fetch(url, EVENTS))
    states = await fetch(url, "SELECT state, count(*) FROM mails GROUP BY 1 ORDER BY 1")
    assert [("call_failed", 18), ("dismissed", 9), ("healed", 9)] == [tuple(row) for row in states]
