"""Demonstration role: a sample subscriber that prints webhooks, and a simulated Zeus."""

import asyncio
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from app.log_writer import LogWriter
from app.main.process.listeners import bind
from app.simulator.player.orders import Contract, build_run
from app.simulator.player.play import play
from app.simulator.player.report import table_of
from app.simulator.player.scenarios import SCENARIOS
from app.simulator.player.target import target_of

SHOWN = (
    "usual",
    "silence",
    "values-differ",
    "reversal",
    "pay-again",
    "out-of-order",
    "after-timeout",
    "conflict",
    "odd-bytes",
    "duplicate-storm",
)
_PATIENCE_SECONDS = 20.0
_END_SECONDS = 1.0
"""Time at the end for output that is not printed yet."""


class DemoRole:
    """Plays scenarios against the receiver; its sample subscriber runs until stopped."""

    name = "demo"

    def __init__(self, secret: str) -> None:
        """Bind the sample subscriber to a free port; `secret` signs its webhooks."""
        self._socket = bind("127.0.0.1", 0)
        self._webhook = Webhook(secret)
        self._output = LogWriter(
            sys.stdout.fileno(), on_drop=lambda: None, on_room=lambda _lost: None
        )
        self._stopping = asyncio.Event()
        self._expected = 0
        self._all_arrived = asyncio.Event()
        self.subscriber_url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/hooks"
        self.notify_url = ""
        self.clientip: str | None = None
        self.addresses: Mapping[str, str] = {}

    def stop(self) -> None:
        """End the demonstration."""
        self._stopping.set()

    async def run(self) -> None:
        """Play the scenarios once, print all addresses, and run the subscriber until stopped."""
        application = web.Application()
        application.router.add_post("/hooks", self._receive)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.SockSite(runner, self._socket).start()
        try:
            await self._play()
            await self._stopping.wait()
        finally:
            await runner.cleanup()
            await asyncio.to_thread(self._output.flush, _END_SECONDS)

    def _print(self, text: str) -> None:
        """Print from a thread: the output may be stuck, and this thread answers calls."""
        self._output.put(f"{text}\n".encode(sys.stdout.encoding, "backslashreplace"))

    async def _play(self) -> None:
        contract = Contract(clientip=self.clientip) if self.clientip else Contract()
        orders = build_run(
            [SCENARIOS[name] for name in SHOWN], 1, seed=secrets.randbits(32), contract=contract
        )
        self._expected = sum(len(order.scenario.events) for order in orders)
        self._print(
            "\nA simulated Zeus calls the receiver. "
            "The sample subscriber prints every webhook with a valid signature:\n"
        )
        report = await play(target_of(self.notify_url), orders, connections=1)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_arrived.wait(), _PATIENCE_SECONDS)
        self._print(
            f"\nAnswers that Zeus saw:\n\n{table_of(report.summaries())}\n\n"
            "Everything is running; stop it with Ctrl-C.\n"
        )
        for what, where in {**self.addresses, "sample subscriber": self.subscriber_url}.items():
            self._print(f"  {what:<24}{where}")
        self._print(f"\nTry:  zeus-relay simulate {self.notify_url} --scenario usual\n")

    async def _receive(self, request: web.Request) -> web.Response:
        try:
            event = self._webhook.verify(await request.read(), dict(request.headers))
        except WebhookVerificationError as error:
            self._print(f"  REJECTED  {error}")
            return web.Response(status=401)
        self._print(_line(event))
        self._expected -= 1
        if not self._expected:
            self._all_arrived.set()
        return web.Response()


def _line(event: Mapping[str, Any]) -> str:
    """Return one webhook as a line of text. A test webhook has no order."""
    data = event["data"]
    if "order" not in data:
        return f"  {event['type']}"
    flags = f"  [{', '.join(data['flags'])}]" if data["flags"] else ""
    review = f"  {_review(data['review'])}" if "review" in data else ""
    amount = f"{data['money']:>7} yen" if data["money"] is not None else " " * 11
    order = f"  {data['order_no']:<18} #{data['sequence']}"
    return f"{order}  {event['type']:<24}{amount}  now {data['order']['state']}{review}{flags}"


def _review(review: Mapping[str, Any]) -> str:
    """Return the reason of a review, and the names of the values that disagree."""
    names = f" ({', '.join(review['differing'])})" if "differing" in review else ""
    return f"{review['reason']}{names}"
