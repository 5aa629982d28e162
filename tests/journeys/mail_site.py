"""Sites that read Zeus's mails: the simulator, its name server, and a mailbox or none."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.journeys.conftest import Site
from tests.mailbox.dovecot import PASSWORD, USER, Dovecot
from tests.mailbox.name_server import NameServer, name_server
from tests.processes import Process, Starter
from tests.simulator.simulator_process import Simulator, simulating

DOMAIN = "simulator.example"
CLIENTIP = "2012000001"
OUTCOMES = {
    "unpaid": ("01",),
    "paid": ("01", "04"),
    "confirmed": ("01", "04", "05"),
    "reversed": ("01", "04", "06"),
    "confirmed-after-reissue": ("01", "11", "12"),
    "reversed-after-reissue": ("01", "11", "13"),
}
"""Statuses of an order by the magic word that makes them."""
_OWN_RESOLVER = 'mount --bind "$0" /etc/resolv.conf; exec "$@"'


@dataclass
class MailSite:
    """A name server with the keys of Zeus, and processes that ask it."""

    site: Site
    starter: Starter
    names: NameServer
    directory: Path
    settings: dict[str, str]
    addressed: Path

    def start(self, *arguments: str, before: Sequence[str] = (), **settings: str) -> Process:
        """Start a process that asks our name server, through the command `before`."""
        resolving = ("unshare", "--mount", "sh", "-ec", _OWN_RESOLVER, str(self.addressed))
        return self.starter.start_with(
            arguments, self.settings | settings, before=(*resolving, *before)
        )

    async def publish(self, zeus: Simulator) -> None:
        """Give the name server the key of this simulator."""
        record = (await zeus.ask("GET", "/dkim")).json
        self.names.records = {record["name"]: [record["text"].encode()]}


@dataclass
class MailboxSite:
    """A site whose mails are in a mailbox."""

    mails: MailSite
    dovecot: Dovecot
    sent: list[bytes] = field(default_factory=list)

    @property
    def site(self) -> Site:
        return self.mails.site

    def start(self, *arguments: str, **settings: str) -> Process:
        """Start a process that reads the mailbox and trusts the mail server's authority."""
        authority = self.mails.directory / "authority.pem"
        authority.write_text(self.dovecot.authority.pem)
        user = USER.replace("@", "%40")
        mailbox = {
            "MAILBOX_URL": f"imaps://{user}@localhost:{self.dovecot.tls_port}/INBOX",
            "MAILBOX_PASSWORD": PASSWORD,
        }
        trusting = ("env", f"SSL_CERT_FILE={authority}")
        return self.mails.start(*arguments, before=trusting, **mailbox | settings)

    @asynccontextmanager
    async def zeus(self, call_url: str, *options: str) -> AsyncIterator[Simulator]:
        """Run a simulator whose signed mails go into the mailbox within this block."""
        maildir = self.mails.directory / "Maildir"
        fixed = ("--maildir", str(maildir), "--set", "mails.customer=[]")
        with simulating("--call-url", call_url, *fixed, *options) as running:
            await self.mails.publish(running)
            moving = asyncio.create_task(self._move_mails(maildir))
            try:
                yield running
            finally:
                moving.cancel()
                with suppress(asyncio.CancelledError):
                    await moving

    async def _move_mails(self, maildir: Path) -> None:
        """Deliver what the simulator sends, as the mail server of the shop does."""
        while True:
            for file in sorted((maildir / "new").glob("*")):
                raw = file.read_bytes()
                self.sent.append(raw)
                self.dovecot.deliver(raw)
                file.unlink()
            await asyncio.sleep(0.05)


@asynccontextmanager
async def mail_site(
    site: Site, starter: Starter, directory: Path, mode: str
) -> AsyncIterator[MailSite]:
    """Yield a site with this RELAY_MAIL_MODE, whose calls are lost after some seconds."""
    number = os.getpid() % 60_000  # tests of other processes have their own address
    host = f"127.9.{number // 250}.{number % 250 + 1}"
    addressed = directory / "resolv.conf"
    addressed.write_text(f"nameserver {host}\n")
    settings = site.settings | {
        "MAIL_MODE": mode,
        "MAIL_GRACE": "3s",
        "MAIL_DOMAINS": DOMAIN,
        "IP_CODES": CLIENTIP,
    }
    async with name_server(host, 53) as names:
        yield MailSite(site, starter, names, directory, settings, addressed)


@asynccontextmanager
async def mailbox_site(
    site: Site, starter: Starter, dovecot: Dovecot, directory: Path, mode: str
) -> AsyncIterator[MailboxSite]:
    """Yield a site as `mail_site` does, with a mailbox."""
    async with mail_site(site, starter, directory, mode) as mails:
        yield MailboxSite(mails, dovecot)


async def apply_for(zeus: Simulator, words: Sequence[str], count: int) -> Mapping[str, list[Any]]:
    """Apply `count` times with these magic words in turn, and return the calls of every order."""
    left, orders = iter(range(count)), {}

    async def customer() -> None:
        for number in left:
            word = words[number % len(words)]
            order_no = await zeus.order_no(email=f"anyone+{word}@example.com", sendid=f"A-{number}")
            orders[order_no] = len(OUTCOMES[word])

    await asyncio.gather(*(customer() for _ in range(8)))
    calls = {}
    for order_no, expected in list(orders.items()):
        while len((order := await zeus.order(order_no))["calls"]) < expected:
            await asyncio.sleep(0.2)
        calls[order_no] = order["calls"]
        if reissued := order["replaced_by"]:
            calls[reissued] = await zeus.called(reissued, "01")
    return calls
