"""Subscriber for tests: an HTTP server that verifies webhooks with the official library, and their
bodies with the schemas.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

from aiohttp import web
from standardwebhooks import Webhook

from tests.event_schemas import faults_of


class Subscriber:
    """Keeps verified webhooks in order of arrival, and answers `status`.

    A webhook with a wrong signature fails the test, and so does a body that its schema forbids.
    """

    def __init__(self, secret: str) -> None:
        self._webhook = Webhook(secret)
        self.port = 0
        self.status = 200
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.unverified: list[str] = []
        self.faults: set[str] = set()
        self._arrived = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            event = self._webhook.verify(body, dict(request.headers))
        except Exception as error:  # every failure to verify counts
            self.unverified.append(repr(error))
            return web.Response(status=400)
        self.faults.update(faults_of(event))
        if self.status == 200:
            self.received.append((request.headers["webhook-id"], event))
            self._arrived.set()
        return web.Response(status=self.status)

    def events(self) -> dict[str, list[dict[str, Any]]]:
        """Return the events of each order without duplicates, in order of first arrival."""
        seen: dict[str, dict[str, Any]] = {}
        for webhook_id, event in self.received:
            seen.setdefault(webhook_id, event)
        by_order: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for event in seen.values():
            by_order[event["data"].get("order_no", "")].append(event)
        return dict(by_order)

    def statuses(self, order_no: str) -> list[str]:
        """Return the statuses that Zeus told about an order, in order of first arrival."""
        return [
            event["data"]["zeus"]["status"]
            for event in self.events()[order_no]
            if event["data"]["occurrence"]
        ]

    async def wait_for(self, count: int, patience: float = 20) -> None:
        """Wait until `count` different events have arrived."""
        async with asyncio.timeout(patience):
            while len({webhook_id for webhook_id, _ in self.received}) < count:
                self._arrived.clear()
                await self._arrived.wait()


Merchant = TypeVar("Merchant", bound=Subscriber)


def subscriber(secret: str) -> AbstractAsyncContextManager[Subscriber]:
    """Yield a subscriber that listens on a free port."""
    return subscriber_of(Subscriber, secret)


@asynccontextmanager
async def subscriber_of(kind: Callable[[str], Merchant], secret: str) -> AsyncIterator[Merchant]:
    """Yield a subscriber of this kind that listens on a free port."""
    merchant = kind(secret)
    application = web.Application()
    application.router.add_post("/hooks", merchant.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    merchant.port = runner.addresses[0][1]
    try:
        yield merchant
    finally:
        await runner.cleanup()
    assert merchant.unverified == []
    assert merchant.faults == set()
