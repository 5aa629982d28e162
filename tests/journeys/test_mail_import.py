"""An mbox of many mails through the command: every process stays small and tells nobody's data."""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from app.zeus.mails import MailFacts, MailKind, write_mail
from tests.journeys.conftest import Site
from tests.journeys.crew import fetch, until
from tests.peak_memory import measured, peak_mib
from tests.processes import PROGRAM, Process, Starter, environment

GROWTH_MIB = 100
MANY = int(os.environ.get("RELAY_IMPORTED_MAILS", "10000"))
TELNO, EMAIL = "0398765432", "mark.of.test@example.com"
UNREAD = "SELECT 1 FROM mails WHERE state = 'unread' LIMIT 1"


def mbox(count: int) -> Iterator[bytes]:
    """Yield messages of an mbox that nothing proves to come from Zeus."""
    for number in range(count):
        facts = MailFacts(
            MailKind.PAID, money=5400, telno=TELNO, email=EMAIL, order_no=f"A-{number}"
        )
        head = "From zeus now\nFrom: info@zeus.example\nSubject: x\nContent-Type: text/plain\n\n"
        yield f"{head}{write_mail(facts)}\n".encode()


def peak_of(process: Process) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found
    return int(found[1]) // 1024


def import_mails(settings: Mapping[str, str], count: int, peak: Path) -> str:
    """Pipe mails into the command, and return what it printed. `peak` gets its peak memory."""
    with subprocess.Popen(
        measured(peak, [PROGRAM, "mails", "import", "-", "--json"]),
        env=environment(**settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as importing:
        assert importing.stdin
        assert importing.stdout
        for raw in mbox(count):
            importing.stdin.write(raw)
        importing.stdin.close()
        printed = importing.stdout.read().decode()
    assert 0 == importing.returncode
    return printed


@pytest.mark.parametrize(
    "count",
    [
        2_000,
        pytest.param(MANY, marks=(pytest.mark.slow, pytest.mark.timeout(1_800))),
    ],
)
async def test_an_mbox_is_imported_with_little_memory(
    site: Site, starter: Starter, tmp_path: Path, count: int
) -> None:
    settings = site.settings | {"MAIL_DOMAINS": "zeus.example", "IP_CODES": "2012000001"}
    settings |= {"LOG_LEVEL": "DEBUG"} if count <= 2_000 else {}
    worker = starter.start("work", **settings)
    await worker.logged("working")
    before, peak = peak_of(worker), tmp_path / "peak"
    printed = await asyncio.to_thread(import_mails, settings, count, peak)
    assert count == json.loads(printed)["messages"]

    async def are_read() -> bool:
        return not await fetch(site.database_url, UNREAD)

    await until(are_read, 60 + count / 100)
    growth, size = peak_of(worker) - before, peak_mib(peak)
    print(f"{count}: command {size} MiB, worker {growth} MiB more")
    assert size < 100
    assert growth < GROWTH_MIB
    [row] = await fetch(site.database_url, "SELECT count(*), min(state) AS state FROM mails")
    assert (count, "not_believed") == tuple(row)
    for text in (printed, worker.log_text()):
        assert [] == [mark for mark in (TELNO, EMAIL) if mark in text]
