"""Mails read back as a recipient has them; Debian's dkimpy verifies their signatures."""

import email
import email.policy
import subprocess
from email.message import EmailMessage
from pathlib import Path

from app.zeus.mails import MailFacts, read_mail

DEBIANS_PYTHON = "/usr/bin/python3"
_VERIFY = """
import sys, dkim
name, text = sys.argv[1:]
def record(asked, timeout=5):
    return text.encode() if asked.decode() == name + "." else None
print(dkim.verify(sys.stdin.buffer.read(), dnsfunc=record))
"""


def can_verify() -> bool:
    """Tell whether Debian's python3-dkim is installed."""
    command = [DEBIANS_PYTHON, "-c", "import dkim"]
    return (
        Path(DEBIANS_PYTHON).exists()
        and subprocess.run(command, capture_output=True).returncode == 0
    )


def verified(message: bytes, name: str, text: str) -> bool:
    """Tell whether the signature is good by the DNS record `name` with `text`."""
    ended = subprocess.run(
        [DEBIANS_PYTHON, "-c", _VERIFY, name, text], input=message, capture_output=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip() == b"True"


def message_of(raw: bytes) -> EmailMessage:
    """Read a message; every defect of its form fails the test."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def text_of(raw: bytes) -> str:
    """Return the decoded text of a message with lines in LF."""
    message = message_of(raw)
    assert message.get_content_type() == "text/plain"
    return str(message.get_content()).replace("\r\n", "\n")


def facts_of(raw: bytes) -> MailFacts | None:
    """Return what a mail says, as the relay reads it."""
    return read_mail(message_of(raw)["Subject"], text_of(raw))


def delivered(maildir: Path) -> list[bytes]:
    """Return every message of a Maildir, the oldest first."""
    files = sorted((maildir / "new").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    return [file.read_bytes() for file in files]
