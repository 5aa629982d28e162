"""OpenSMTPD with files of its own: takes every mail on a free port and keeps it in a Maildir."""

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

from tests.simulator.simulator_server import unused_port

SMTPD = shutil.which("smtpd", path=f"{os.environ['PATH']}:/usr/sbin")
CAN_RUN = SMTPD is not None and os.geteuid() == 0
"""It starts as root alone, and hides its queue and its socket in mounts that only it sees."""
_USER = "nobody"
_SETTINGS = """
listen on 127.0.0.1 port {port}
action "keep" maildir "{maildir}" virtual {{ "@" = {user} }}
match from any for any action "keep"
"""
_START = """
mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/spool
mkdir /var/spool/smtpd && chmod 711 /var/spool/smtpd
exec "$1" -d -f "$2"
"""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A running server: its address and the Maildir of everybody's mails."""

    address: str
    maildir: Path


@contextmanager
def smtp_server() -> Iterator[SmtpServer]:
    """Run OpenSMTPD within this block."""
    port = unused_port()
    with TemporaryDirectory(prefix="smtpd-") as name:
        directory = Path(name)
        directory.chmod(0o755)  # the user who keeps the mails has to get through
        maildir = directory / "Maildir"
        maildir.mkdir()
        shutil.chown(maildir, _USER)
        settings = directory / "smtpd.conf"
        settings.write_text(_SETTINGS.format(port=port, maildir=maildir, user=_USER))
        command = ["unshare", "--mount", "sh", "-ec", _START, "sh", str(SMTPD), str(settings)]
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_until_it_answers(port, process, directory / "log")
            yield SmtpServer(f"127.0.0.1:{port}", maildir)
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
