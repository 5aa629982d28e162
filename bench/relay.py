"""Real installation: `zeus-relay` processes with settings in the environment."""

import ipaddress
import itertools
import json
import shlex
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet

from app.events.signature import new_secret
from bench.dead_subscribers import Ports
from bench.load import Job
from bench.ports import free_port
from bench.processes import Running, running

ROOT = str(Path(__file__).resolve().parents[1])
PROGRAM = str(Path(sys.executable).with_name("zeus-relay"))
ADMIN_TOKEN = "for-the-bench-only-make-your-own"
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Site:
    """One installation: database, directory, ports and settings that all its processes share.

    `database_url` is None for an installation with its own embedded Postgres. `settings` are named
    without their prefix.
    """

    database_url: str | None
    directory: Path
    settings: dict[str, str] = field(default_factory=dict)
    public_port: int = field(default_factory=free_port)
    secret_key: str = field(default_factory=lambda: Fernet.generate_key().decode())

    def environment(self, metrics_port: int) -> dict[str, str]:
        """Return the environment of one process."""
        settings = {
            "DATA_DIR": str(self.directory / "data"),
            "PUBLIC_PORT": str(self.public_port),
            "OPERATOR_PORT": str(metrics_port),
            "SUBSCRIBER_NETWORKS": str(LOOPBACK),
            "ALLOW_HTTP_SUBSCRIBERS": "true",
            "SECRET_KEYS": self.secret_key,
            "ADMIN_TOKEN": ADMIN_TOKEN,
            **self.settings,
        }
        if self.database_url is not None:
            settings["DATABASE_URL"] = self.database_url
        return {f"RELAY_{name}": value for name, value in settings.items()}

    @asynccontextmanager
    async def role(self, name: str, name_server: str | None = None) -> AsyncIterator[Running]:
        """Run `zeus-relay NAME` during the block; a `name_server` needs root."""
        metrics_port = free_port()
        environment = self.environment(metrics_port)
        if name in ("receive", "work"):
            environment["RELAY_METRICS_PORT"] = str(metrics_port)
        port = metrics_port if name == "work" else self.public_port
        output = self.directory / f"{name}-{next(_serial)}.log"
        arguments = (
            [PROGRAM, name]
            if name_server is None
            else self._with_name_server(name_server, [PROGRAM, name])
        )
        async with running(arguments, port, output, environment) as process:
            yield process

    def _with_name_server(self, address: str, arguments: Sequence[str]) -> list[str]:
        file = self.directory / "resolv.conf"
        file.write_text(f"nameserver {address}\n")
        script = f'mount --bind {shlex.quote(str(file))} /etc/resolv.conf && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", script, "sh", *arguments]

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[int]:
        """Run `zeus-relay operate` during the block. Yield the port of the console and the API."""
        port = free_port()
        async with running(
            [PROGRAM, "operate"],
            port,
            self.directory / f"operate-{next(_serial)}.log",
            self.environment(port),
        ):
            yield port

    def job(self, seconds: float, **options: object) -> Job:
        """Return a job that calls this installation. No two jobs use the same orders."""
        path = "/zeus/notify"
        return Job("127.0.0.1", self.public_port, path, f"b{next(_serial)}", seconds, **options)  # type: ignore[arg-type]


def declared(urls: dict[str, str], *, secret: str | None = None) -> dict[str, str]:
    """Return the setting that declares subscribers, from names and URLs."""
    entries = [
        {"name": name, "url": url, "secret": secret or new_secret()} for name, url in urls.items()
    ]
    return {"SUBSCRIBERS": json.dumps(entries)}


@asynccontextmanager
async def null_receiver(directory: Path, port: int) -> AsyncIterator[Running]:
    """Run the same server with a recorder that stores nothing."""
    async with _module("bench.null_receiver", directory, port) as process:
        yield process


@asynccontextmanager
async def orm_route(directory: Path, port: int, database_url: str) -> AsyncIterator[Running]:
    """Run the route of most applications: a session for each request, a row through the ORM."""
    async with _module("bench.baselines.orm_route", directory, port, database_url) as process:
        yield process


@asynccontextmanager
async def sink(directory: Path) -> AsyncIterator[int]:
    """Run a subscriber that records arrivals. Yield its port."""
    port = free_port()
    async with _module("bench.sink", directory, port):
        yield port


@asynccontextmanager
async def fake_zeus(directory: Path) -> AsyncIterator[str]:
    """Run a Zeus that takes applications. Yield the URL to post them to."""
    port = free_port()
    async with _module("bench.fake_zeus", directory, port):
        yield f"http://127.0.0.1:{port}/cgi-bin/cvs.cgi"


@asynccontextmanager
async def dead_subscribers(
    directory: Path, ports: Ports, name_server: str | None
) -> AsyncIterator[None]:
    """Run the servers of dead subscribers, and a name server at that address if one is given."""
    more = [] if name_server is None else ["--name-server", name_server]
    async with _module(
        "bench.dead_subscribers", directory, ports.ready, *ports.arguments[1:], *more
    ):
        yield


@asynccontextmanager
async def _module(name: str, directory: Path, port: int, *more: str) -> AsyncIterator[Running]:
    output = directory / f"{name}-{next(_serial)}.log"
    arguments: Sequence[str] = [sys.executable, "-m", name, str(port), *more]
    async with running(arguments, port, output, {"PYTHONPATH": ROOT}) as process:
        yield process
