"""Memory of reading and believing: measured in a process of its own, with the message in it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

_PROGRAM = """
import asyncio, re, sys
from pathlib import Path
from app.mailbox.authentication import BeliefRules, belief_of
from app.mailbox.message import texts_of

class Records:
    async def texts(self, name):
        return ()

raw = Path(sys.argv[1]).read_bytes()
rules = BeliefRules.of(["zeus.example"], ["zeus.example"], ["mx.shop.example"], Records())
found = texts_of(raw)
answers = {asyncio.run(belief_of(text.raw, rules)).believed for text in found}
assert answers == {False}, answers
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(len(found), int(peak[1]) // 1024)
"""
MIB = 1024 * 1024
LIMIT = 100
"""MiB of the whole process: interpreter, libraries, and the message itself."""
HEAD = b"From: info@zeus.example\r\nSubject: x\r\n"
SIGNATURE = (
    b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=zeus.example; s=test;\r\n"
    b" h=from:subject; bh=AAAA; b=AAAA\r\n"
)
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
ATTACHED = HEAD + b"Content-Type: message/rfc822\r\n\r\n"
ZEUS = HEAD + "\r\nコンビニ決済 入金速報通知\r\n■ オーダNo : 1234\r\n".encode()
MESSAGES: dict[str, Callable[[], bytes]] = {
    "50 MB": lambda: HEAD + b"\r\n" + b"x" * 50 * MIB,
    "50 MB of lines": lambda: HEAD + b"\r\n" + b"a b\r\n" * (10 * MIB),
    "10 MB signed": lambda: SIGNATURE + HEAD + b"\r\n" + b"x  y\n" * (2 * MIB - 1000),
    "1,000 parts of 50 kB": lambda: (
        MIXED + (b"--b\r\nContent-Type: text/plain\r\n\r\n" + b"x" * 50_000 + b"\r\n") * 1_000
    ),
    "5,000 attached mails": lambda: (
        MIXED
        + (b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + ZEUS + b"x" * 8_000 + b"\r\n") * 5_000
    ),
    "attached in attached": lambda: ATTACHED * 15 + ZEUS + b"x" * 9 * MIB,
    "50 MB in base64": lambda: (
        HEAD
        + b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + (b"QUJD" * 19 + b"\r\n") * 600_000
    ),
    "10 MB in base64": lambda: (
        HEAD
        + b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + (b"QUJD" * 19 + b"\r\n") * 130_000
    ),
    "50 MB of header": lambda: HEAD + b"A: b\r\n" * (8 * MIB),
    "deep": lambda: MIXED + b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * 500_000,
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_process_that_reads_it_stays_small(name: str, tmp_path: Path) -> None:
    file = tmp_path / "message"
    file.write_bytes(MESSAGES[name]())
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(file)], capture_output=True, text=True, timeout=100
    )
    assert ended.returncode == 0, ended.stderr
    mails, size = map(int, ended.stdout.split())

    assert 1 <= mails <= 1_000
    assert size < LIMIT, f"{size} MiB"
    print(f"{name}: {size} MiB, {mails} mails")  # shown by -rP
