"""Every third call is lost while Zeus's mails come: the simulator plays Zeus, mails make up for it.

A task of ours is the mail server: it writes its result of DKIM into each message, and pipes many of
them to `zeus-relay mails import -`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.db.connections import connect
from tests.chaos.load import Answer
from tests.chaos.site import Site
from tests.processes import PROGRAM, environment
from tests.simulator.simulator_process import GOOD, Simulator, simulating

DROP_EVERY = 3
SETTINGS: Mapping[str, str] = {
    "IP_CODES": GOOD["clientip"],
    "MAIL_MODE": "heal",
    "MAIL_DOMAINS": "simulator.example",
    "MAIL_AUTHSERV_IDS": "mx.shop.example",
    "MAIL_GRACE": "3s",
}
_STATUSES: Mapping[str, Sequence[str]] = {
    "confirmed": ("01", "04", "05"),
    "reversed": ("01", "04", "06"),
    "unpaid": ("01",),
}
"""Statuses of an order by the magic value that it is applied for with. There is no mail for 03."""
_ENDS = {"01": "awaiting_payment", "05": "confirmed", "06": "reversed"}
_VOUCHED = b"Authentication-Results: mx.shop.example; dkim=pass header.d=simulator.example\n"
_IN_ONE_FILE = 500
_AT_ONCE = 8
_EVERY_S = 0.5
_OPEN = "SELECT count(*) FROM mails WHERE state IN ('unread', 'waiting', 'missing')"
_HEALED = "SELECT count(*) FROM notices WHERE origin = 'mail' AND verdict = 'accepted'"
_ORDERS = "SELECT order_no, state FROM orders"

Calls = Mapping[str, Sequence[Mapping[str, Any]]]
"""Calls by order, as the simulator tells them."""


async def play(site: Site) -> list[Answer]:
    """Apply, pay and confirm, and return the calls once every mail was read and has its end.

    A lost call counts as answered, since its mail must make up for it.
    """
    calls = await play_with_mails(
        site.urls[0],
        site.settings,
        site.spool.with_name("maildir"),
        site.effort.orders,
        site.effort.patience_s,
    )
    await _settled(site)
    return [_answer(order_no, call) for order_no, made in calls.items() for call in made]


async def play_with_mails(
    url: str, settings: Mapping[str, str], maildir: Path, orders: int, patience_s: float
) -> Calls:
    """Play orders whose calls to `url` get lost, and hand in all their mails. Return the calls."""
    with simulating(
        *("--set", f"mails.maildir={maildir}", "--call-url", url),
        *("--set", f"faults.calls.drop_every={DROP_EVERY}"),
    ) as zeus:
        await zeus.set(mails={"customer": []})
        server = MailServer(maildir / "new", settings)
        async with asyncio.TaskGroup() as tasks:
            piping = tasks.create_task(server.run())
            calls = await _play(zeus, orders)
            mails = sum(len(made) + sum(call["lost"] for call in made) for made in calls.values())
            async with asyncio.timeout(patience_s):
                while server.piped < mails:
                    await asyncio.sleep(_EVERY_S)
            piping.cancel()
    return calls


class MailServer:
    """Pipes the messages of a folder to the relay and removes them."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment(**settings)
        self.piped = 0

    async def run(self) -> None:
        """Pipe what comes, until cancelled."""
        while True:
            found = sorted(self._folder.glob("*"))[:_IN_ONE_FILE]
            if found:
                await self._pipe(found)
            else:
                await asyncio.sleep(_EVERY_S)

    async def _pipe(self, found: Sequence[Path]) -> None:
        mbox = b"".join(b"From mx\n" + _VOUCHED + one.read_bytes() + b"\n\n" for one in found)
        process = await asyncio.create_subprocess_exec(
            *(PROGRAM, "mails", "import", "-"),
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate(mbox)
        if process.returncode:
            raise RuntimeError(f"mails import: {output.decode()}")
        for one in found:
            one.unlink()
        self.piped += len(found)


async def find_lost(site: Site, answers: Sequence[Answer]) -> list[str]:
    """Return what is wrong with the ends of orders and with the number of healed calls."""
    last = {answer.order_no: answer.zeus_status for answer in answers}
    lost = sum(answer.error == "lost" for answer in answers)
    connection = await connect(site.store.admin_url)
    try:
        states = {row["order_no"]: row["state"] for row in await connection.fetch(_ORDERS)}
        healed = await connection.fetchval(_HEALED)
    finally:
        await connection.close()
    wrong = sum(states.get(order_no) != _ENDS[status] for order_no, status in last.items())
    complaints = (
        (not lost, "no call was lost"),
        (healed != lost, f"{lost} calls were lost, and mails made up for {healed}"),
        (wrong, f"{wrong} orders have the wrong state"),
    )
    return [text for is_wrong, text in complaints if is_wrong]


async def _play(zeus: Simulator, orders: int) -> Calls:
    free = asyncio.Semaphore(_AT_ONCE)

    async def order(number: int) -> tuple[str, list[Any]]:
        word = list(_STATUSES)[number % len(_STATUSES)]
        async with free:
            order_no = await zeus.order_no(email=f"anyone+{word}@example.com", sendid=f"L-{number}")
            return order_no, await zeus.called(order_no, *_STATUSES[word], patience=60)

    return dict(await asyncio.gather(*(order(number) for number in range(orders))))


async def _settled(site: Site) -> None:
    connection = await connect(site.store.admin_url)
    try:
        async with asyncio.timeout(site.effort.patience_s):
            while await connection.fetchval(_OPEN):
                await asyncio.sleep(_EVERY_S)
    finally:
        await connection.close()


def _answer(order_no: str, call: Mapping[str, Any]) -> Answer:
    if call["lost"]:
        return Answer(order_no, call["status"], 200, "lost", 0.0, 0.0)
    return Answer(order_no, call["status"], call["http_status"], call["error"], call["seconds"], 0)
