"""The writer of attempt results: which results share a commit."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.forwarding.attempts.retry import result_of
from app.forwarding.attempts.sql import AttemptResult, Recorded
from app.forwarding.attempts.writer import AttemptWriter
from app.forwarding.outcome import DeliveryOutcome, OutcomeKind
from app.forwarding.queue.claims import claim
from tests.forwarding.delivery_setup import KEY, DeliverySetup


@pytest.fixture
def setup(sessions: Sessions, database_url: str) -> DeliverySetup:
    """An empty setup on the test's own database."""
    return DeliverySetup(sessions, database_url, Vault([KEY]))


async def results_of(setup: DeliverySetup, *unhurried: bool) -> list[AttemptResult]:
    """Return a result for each of these, of webhooks that are leased."""
    await setup.subscriber("http://127.0.0.1:9/")
    for _ in unhurried:
        await setup.event()
    async with setup.sessions.begin() as session:
        claimed = await claim(
            session,
            limit=len(unhurried),
            busy=[],
            lease=timedelta(seconds=60),
            order_hold=timedelta(0),
        )
    delivered = DeliveryOutcome(OutcomeKind.DELIVERED, 200)
    return [
        result_of(
            webhook,
            delivered,
            (timedelta(0),),
            started=0,
            ended=0.1,
            random=0.5,
            unhurried=one,
        )
        for webhook, one in zip(claimed, unhurried, strict=True)
    ]


class Running:
    """A running writer, and the number of results of each of its commits."""

    def __init__(self, setup: DeliverySetup) -> None:
        self.commits: list[int] = []
        self.writer = AttemptWriter(
            setup.sessions, pause_after=timedelta(days=5), on_recorded=self._note
        )

    def _note(self, results: Sequence[AttemptResult], recorded: Recorded) -> None:
        assert len(results) == len(recorded.webhook_ids)
        self.commits.append(len(results))

    async def until_recorded(self, count: int) -> None:
        async with asyncio.timeout(10):
            while sum(self.commits) < count:
                await asyncio.sleep(0.01)


async def test_results_that_may_wait_share_a_commit(setup: DeliverySetup) -> None:
    running = Running(setup)
    results = await results_of(setup, True, True, True)
    async with asyncio.TaskGroup() as group:
        group.create_task(running.writer.run())
        for result in results:
            running.writer.put(result)
            await asyncio.sleep(0)  # each could be recorded by itself
        assert 3 == running.writer.backlog
        await running.until_recorded(3)
        running.writer.finish()
    assert [3] == running.commits
    assert ["delivered"] * 3 == await setup.states()


async def test_a_result_that_may_not_wait_takes_the_others_along(setup: DeliverySetup) -> None:
    running = Running(setup)
    waiting, hurried = await results_of(setup, True, False)
    async with asyncio.TaskGroup() as group:
        running.writer.put(waiting)
        running.writer.put(hurried)
        group.create_task(running.writer.run())
        await running.until_recorded(2)
        running.writer.finish()
    assert [2] == running.commits


async def test_the_end_waits_for_nothing(setup: DeliverySetup) -> None:
    running = Running(setup)
    (waiting,) = await results_of(setup, True)
    running.writer.put(waiting)
    running.writer.finish()
    await running.writer.run()
    assert ([1], 0) == (running.commits, running.writer.backlog)
