"""Races of mails, calls and workers: whatever comes first, each fact is one event."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from app.judging.judge import Judge
from tests.mailbox.mail_setup import CLIENTIP, MailSetup
from tests.processes import processes, service_settings

TWICE = """
SELECT order_no, status, occurrence FROM events WHERE status IS NOT NULL
GROUP BY order_no, status, occurrence, cycle HAVING count(*) > 1
"""


async def _repeat(work: Callable[[], Awaitable[object]], until: asyncio.Event) -> None:
    while not until.is_set():
        await work()
        await asyncio.sleep(0)


async def test_a_call_that_comes_while_its_mail_is_healed_makes_no_second_event(
    setup: MailSetup,
) -> None:
    orders = [f"A-{number}" for number in range(60)]
    for number in orders:
        await setup.mail(order_no=number, sent=number)
    await setup.read()
    done = asyncio.Event()
    judges = [Judge(setup.sessions, setup.policy, lambda: None) for _ in range(2)]
    loops = [
        *(asyncio.create_task(_repeat(judge.judge_batch, done)) for judge in judges),
        *(asyncio.create_task(_repeat(setup.matching().run_pass, done)) for _ in range(2)),
    ]
    for number in random.sample(orders, len(orders)):
        await setup.call("04", order_no=number, sendid=number)
    async with asyncio.timeout(60):
        while {"waiting"} & set(await setup.states()):
            await asyncio.sleep(0.1)
    done.set()
    await asyncio.gather(*loops)
    await setup.judge()
    assert 60 == len(await setup.events())
    verdicts = [row.verdict for row in await setup.rows("SELECT verdict FROM notices")]
    healed = (await setup.states()).count("healed")
    assert healed == verdicts.count("duplicate")
    assert 60 == verdicts.count("accepted")


async def test_two_matchers_open_one_review_for_each_lost_call(setup: MailSetup) -> None:
    for number in range(80):
        await setup.mail(order_no=f"A-{number}", sent=str(number))
    await setup.read()
    matchings = [setup.matching("observe") for _ in range(3)]
    for _ in range(3):
        await asyncio.gather(*(matching.run_pass() for matching in matchings))
    await setup.match("observe")
    assert {"missing"} == set(await setup.states())
    assert 80 == len(await setup.rows("SELECT 1 FROM reviews"))


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_killed_workers_heal_each_lost_call_once(
    setup: MailSetup, database_url: str, tmp_path: Path
) -> None:
    settings = service_settings(database_url) | {
        "METRICS_PORT": "0",
        "IP_CODES": CLIENTIP,
        "MAIL_MODE": "heal",
        "MAIL_GRACE": "1s",
        "MAIL_DOMAINS": "zeus.example",
        "MAIL_AUTHSERV_IDS": "mx.shop.example",
    }
    orders = [f"A-{number}" for number in range(900)]
    with processes(tmp_path) as starter:
        workers = [starter.start("work", **settings) for _ in range(2)]
        for place, number in enumerate(orders):
            await setup.mail(order_no=number, sent=number)
            if place % 3:
                await setup.call("04", order_no=number, sendid=number)
            if place in (300, 600):
                await workers[0].logged("working")
                workers.pop(0).kill()
                workers.append(starter.start("work", **settings))
        async with asyncio.timeout(200):
            while {"unread", "waiting"} & set(await setup.states()):
                await asyncio.sleep(0.5)
    states = await setup.states()
    assert len(orders) == states.count("matched") + states.count("healed")
    assert states.count("healed") >= len(orders) // 3
    found = await setup.rows("SELECT order_no, state FROM orders")
    assert dict.fromkeys(orders, "paid") == {row.order_no: row.state for row in found}
    assert [] == await setup.rows(TWICE)
    assert len(orders) == len(await setup.events())
