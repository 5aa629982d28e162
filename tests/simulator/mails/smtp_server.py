"""OpenSMTPD with files of its own on a free port: keeps every mail in a Maildir, or as told."""

import os
import shutil
import smtplib
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.ports import free_port

SMTPD = shutil.which("smtpd", path=f"{os.environ['PATH']}:/usr/sbin")
CAN_RUN = SMTPD is not None and os.geteuid() == 0
"""It starts as root alone, and hides its queue and its socket in mounts that only it sees."""
USER = "nobody"
_KEEPING = """
action "keep" maildir "{maildir}" virtual {{ "@" = {user} }}
match from any for any action "keep"
"""
_START = """
mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/spool
mkdir /var/spool/smtpd && chmod 711 /var/spool/smtpd
{before}
exec "$1" -d -f "$2"
"""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A running server: its address and the Maildir of everybody's mails."""

    address: str
    maildir: Path


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A running server, its log and its queue."""

    address: str
    log: Path
    pid: int

    def queue(self) -> list[str]:
        """Return the mails that are not delivered yet, each as a line."""
        return self._control("show", "queue").splitlines()

    def try_again(self) -> None:
        """Deliver what waits at once, instead of when its time has come."""
        self._control("schedule", "all")

    def _control(self, *arguments: str) -> str:
        inside = ("nsenter", f"--mount=/proc/{self.pid}/ns/mnt", "smtpctl")
        return subprocess.run(
            [*inside, *arguments], check=True, capture_output=True, text=True
        ).stdout


@contextmanager
def smtp_server() -> Iterator[SmtpServer]:
    """Run a server that keeps all mails within this block."""
    with TemporaryDirectory(prefix="smtpd-") as name:
        directory = Path(name)
        directory.chmod(0o755)  # the user who keeps the mails has to get through
        maildir = directory / "Maildir"
        maildir.mkdir()
        shutil.chown(maildir, USER)
        rules = _KEEPING.format(maildir=maildir, user=USER)
        with running_server(rules, directory) as running:
            yield SmtpServer(running.address, maildir)


@contextmanager
def running_server(rules: str, directory: Path, before: str = "") -> Iterator[RunningServer]:
    """Run OpenSMTPD with these rules within this block.

    `before` is shell code that runs first, where mounts are seen by this server alone.
    """
    port = free_port()
    settings, log = directory / "smtpd.conf", directory / "log"
    settings.write_text(f"listen on 127.0.0.1 port {port}\n{rules}")
    start = _START.format(before=before)
    command = ["unshare", "--mount", "sh", "-ec", start, "sh", str(SMTPD), str(settings)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        _wait_until_it_answers(port, process, log)
        yield RunningServer(f"127.0.0.1:{port}", log, process.pid)
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_it_answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            smtplib.SMTP("127.0.0.1", port, timeout=5).quit()
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
