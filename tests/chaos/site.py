"""Installation of a line: Postgres, receivers, workers, perhaps a proxy, and a subscriber."""

import json
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.events.signature import new_secret
from bench.ports import free_port
from tests.chaos.front import proxy
from tests.chaos.plan import Effort, Front, Line
from tests.chaos.postgres import Template
from tests.chaos.stores import Store, store
from tests.processes import Process, Starter, processes, service_settings
from tests.subscriber import Subscriber, subscriber

_WORKERS = 2
_LEASE = "5s"
"""Lease of the workers: the default of a minute would only make the run longer."""

_NO_PATIENCE = {"EXPIRY_GRACE": "0s", "CONFIRMATION_DUE": "1s"}


@dataclass
class Receiver:
    """A receiver's place: its ports stay when its process is replaced."""

    process: Process
    port: int
    metrics_port: int


@dataclass
class Site:
    """Parts of the installation that an outage may change. `urls` are the targets of the calls."""

    effort: Effort
    store: Store
    merchants: list[Subscriber]
    starter: Starter
    settings: dict[str, str]
    spool: Path
    piped_logs: bool = False
    timers: bool = False
    receivers: list[Receiver] = field(default_factory=list)
    workers: list[Process] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What a play found by itself."""

    @property
    def merchant(self) -> Subscriber:
        """Return the first subscriber."""
        return self.merchants[0]

    async def start_receiver(self, number: int) -> None:
        """Start the receiver in a free place, and wait until it is ready."""
        place = self.receivers[number]
        place.process = self._receive(place.port, place.metrics_port)
        await place.process.ready("receiver")

    async def start_worker(self, number: int, before: Sequence[str] = ()) -> None:
        """Start a worker in the place of a stopped one, and wait until it works.

        `before` is the prefix of its command, for example one that changes its clock.
        """
        self.workers[number] = self._work(before)
        await self.workers[number].logged("working")

    async def start(self, receivers: int) -> None:
        """Start everything."""
        for _ in range(receivers):
            port, metrics_port = free_port(), free_port()
            self.receivers.append(Receiver(self._receive(port, metrics_port), port, metrics_port))
        self.workers = [self._work() for _ in range(_WORKERS)]
        for receiver in self.receivers:
            await receiver.process.ready("receiver")
        for worker in self.workers:
            await worker.logged("working")

    async def start_together(self) -> None:
        """Start one process for everything."""
        port, metrics_port = free_port(), free_port()
        ports = {"PUBLIC_PORT": str(port), "OPERATOR_PORT": str(metrics_port)}
        process = self.starter.start_with(["up"], {**self.settings, **ports})
        self.receivers.append(Receiver(process, port, metrics_port))
        await process.ready("receiver")

    def _work(self, before: Sequence[str] = ()) -> Process:
        return self.starter.start_with(
            ["work"], self.settings, piped=self.piped_logs, before=before
        )

    def _receive(self, port: int, metrics_port: int) -> Process:
        ports = {"PUBLIC_PORT": str(port), "METRICS_PORT": str(metrics_port)}
        settings = {**self.settings, **ports}
        return self.starter.start_with(["receive"], settings, piped=self.piped_logs)


@asynccontextmanager
async def site(
    line: Line, effort: Effort, template: Template, directory: Path
) -> AsyncIterator[Site]:
    """Make the installation of a line for the time of the block."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(store(line, template, directory))
        secret = new_secret()
        merchants = [
            await stack.enter_async_context(subscriber(secret)) for _ in range(line.subscribers)
        ]
        spool = directory / "spool"
        if line.small_spool:
            stack.enter_context(_tmpfs(spool, effort.rate))
        starter = stack.enter_context(processes(directory / "processes"))
        settings = _settings(
            database.url, merchants, secret, spool, behind_proxy=line.front is not Front.NONE
        )
        if line.allowed:
            settings |= {"ALLOWED_SOURCES": line.allowed}
        if line.timers:
            settings |= _NO_PATIENCE
        settings |= line.settings
        if line.piped_logs:
            settings |= {"LOG_LEVEL": "DEBUG"}
        made = Site(
            effort, database, merchants, starter, settings, spool, line.piped_logs, line.timers
        )
        await (made.start_together() if line.together else made.start(line.receivers))
        ports = [receiver.port for receiver in made.receivers]
        if line.front is not Front.NONE:
            ports = [stack.enter_context(proxy(line.front, ports, directory / "proxy"))]
        made.urls = [f"http://127.0.0.1:{port}/zeus/notify" for port in ports]
        yield made


def _settings(
    url: str, merchants: Sequence[Subscriber], secret: str, spool: Path, *, behind_proxy: bool
) -> dict[str, str]:
    settings = service_settings(url)
    del settings["PUBLIC_PORT"]
    names = ("shop", *(f"shop-{number}" for number in range(2, len(merchants) + 1)))
    declared = [
        {"name": name, "url": merchant.url, "secret": secret}
        for name, merchant in zip(names, merchants, strict=True)
    ]
    settings |= {
        "SUBSCRIBERS": json.dumps(declared),
        "SPOOL_DIR": str(spool),
        "WORKER_LEASE": _LEASE,
    }
    return settings | {"TRUSTED_PROXIES": "127.0.0.1/32"} if behind_proxy else settings


@contextmanager
def _tmpfs(directory: Path, kib: int) -> Iterator[None]:
    """Mount a small disk."""
    directory.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kib}k,mode=700", "tmpfs", directory], check=True
    )
    try:
        yield
    finally:
        subprocess.run(["umount", directory], check=True)
