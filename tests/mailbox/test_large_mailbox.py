"""A mailbox with many messages: read in windows, with little memory, and only once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mailbox.dovecot import PASSWORD, Dovecot

MESSAGES = int(os.environ.get("RELAY_LARGE_MAILBOX", "10000"))
"""200000 takes minutes: the server needs them for its index."""
_PROGRAM = """
import asyncio, os, re, ssl, sys
from pathlib import Path
from app.mailbox.imap.address import read_address
from app.mailbox.reader import MailboxReader

port, count, ca = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
kept, positions = 0, []

class Positions:
    async def find(self, name, uidvalidity):
        return positions[-1] if positions else 0
    async def save(self, name, uidvalidity, uid, *, has_mails):
        positions.append(uid)
        del positions[:-1]

class Lock:
    async def is_ours(self):
        return True
    async def release(self):
        pass

async def keep(raw):
    global kept
    kept += 1

async def main():
    url = f"imaps://shop%40shop.example@localhost:{port}/INBOX"
    tls = ssl.create_default_context(cafile=ca)
    address = read_address(url, os.environ["PASSWORD"], "seen", tls)
    reader = MailboxReader(address, Positions(), Lock(), keep)
    task = asyncio.create_task(reader.run())
    while positions[-1:] != [count]:
        await asyncio.sleep(0.1)
        assert not task.done(), task
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait([task])

asyncio.run(main())
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(kept, int(peak[1]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_many_messages_are_read_once_with_little_memory(dovecot: Dovecot, tmp_path: Path) -> None:
    for number in range(MESSAGES):
        dovecot.deliver(b"Subject: %d\r\n\r\n%s\r\n" % (number, b"some words " * 100))
    authority = tmp_path / "authority.pem"
    authority.write_text(dovecot.authority.pem)
    arguments = [str(dovecot.tls_port), str(MESSAGES), str(authority)]
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        env={**os.environ, "PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        timeout=3_000,
    )
    assert ended.returncode == 0, ended.stderr
    kept, size = map(int, ended.stdout.split())

    assert kept == MESSAGES
    assert size < 100, f"{size} MiB"
    assert dovecot.flags() == ["S"] * MESSAGES
    print(f"{MESSAGES} messages: {size} MiB")
