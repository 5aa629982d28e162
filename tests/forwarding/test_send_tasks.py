"""Send tasks: sends to dead and slow subscribers keep away from those to others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import monotonic

from app.clock import uuid7
from app.crypto.vault import Vault
from app.events.signature import new_secret
from app.forwarding.attempts.sql import AttemptResult
from app.forwarding.destinations.credentials import CredentialCache
from app.forwarding.destinations.http.sender import Sender
from app.forwarding.queue.concurrency import ConcurrencyLimits
from app.forwarding.queue.due_times import DueTimes
from app.forwarding.send_tasks import SendTasks
from app.forwarding.webhook import ClaimedWebhook, DeliveryTarget
from tests.forwarding import hostile_server as hostile
from tests.forwarding.delivery_setup import KEY, OPTIONS

SENDS = 10
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Sending:
    """Send tasks, the moments at which requests came, and what they reported."""

    def __init__(self) -> None:
        self.limits = ConcurrencyLimits(200)
        self.vault = Vault([KEY])
        self.came: list[float] = []
        self.results: list[AttemptResult] = []
        self.wakes = 0
        self.port = 0
        self.tasks = SendTasks(
            OPTIONS,
            CredentialCache(self.vault),
            self.limits,
            DueTimes(),
            on_result=self.results.append,
            on_slot=self._count,
            on_hanging=self._count,
        )

    def _count(self) -> None:
        self.wakes += 1

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came.append(monotonic())
        await hostile.saying(OK)(reader, writer)

    def webhooks(self, *, capped: bool) -> list[ClaimedWebhook]:
        """Webhooks of as many subscribers, each of which may have one in flight."""
        sealed = (self.vault.seal(new_secret()),)
        moment = datetime.now(UTC)
        return [
            ClaimedWebhook(
                number,
                uuid7(),
                0,
                0,
                uuid7(),
                "payment.received",
                moment,
                "{}",
                None,
                DeliveryTarget(
                    uuid7(), f"http://127.0.0.1:{self.port}/", None, 1, sealed, capped=capped
                ),
            )
            for number in range(SENDS)
        ]


@asynccontextmanager
async def sent(*, capped: bool) -> AsyncIterator[Sending]:
    """Yield what was sent once every result is there."""
    sending = Sending()
    sender = Sender(networks=OPTIONS.networks, allow_http=True)
    try:
        async with hostile.serving(sending.answer) as port, asyncio.TaskGroup() as group:
            sending.port = port
            sending.limits.offer()
            sending.tasks.start(group, sender, sending.webhooks(capped=capped))
            async with asyncio.timeout(10):
                while len(sending.results) < SENDS:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.7)  # longer than any wake-up is put off
            yield sending
    finally:
        await sender.close()


async def test_sends_to_capped_subscribers_are_spread() -> None:
    async with sent(capped=True) as sending:
        assert sending.came[-1] - sending.came[0] > 0.15
        assert all(result.unhurried for result in sending.results)


async def test_slots_of_capped_subscribers_share_their_claims() -> None:
    async with sent(capped=True) as sending:
        assert 1 <= sending.wakes < SENDS


async def test_others_wait_for_nothing() -> None:
    async with sent(capped=False) as sending:
        assert SENDS == sending.wakes
        assert not any(result.unhurried for result in sending.results)
