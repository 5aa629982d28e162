"""Dovecot with files of its own: one user, one Maildir, IMAP with and without TLS."""

import grp
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from app.mailbox.imap.address import MailboxAddress, read_address
from app.mailbox.imap.sign_in import open_folder
from bench.ports import free_port
from tests.forwarding.certificates import Authority

DOVECOT = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin")
CAN_RUN = DOVECOT is not None and os.geteuid() == 0
"""It starts as root alone."""
USER = "shop@shop.example"
PASSWORD = 'correct horse "battery" \\ staple ü'
_SETTINGS = """
protocols = imap
listen = 127.0.0.1
base_dir = {directory}/run
state_dir = {directory}/run
log_path = {directory}/log
ssl = yes
ssl_cert = <{directory}/certificate.pem
ssl_key = <{directory}/certificate.pem
disable_plaintext_auth = no
auth_username_format = %Lu
mail_location = maildir:{directory}/Maildir:INDEX={directory}/index
mailbox_idle_check_interval = 1 secs
mail_max_userip_connections = 50
imap_capability = {capability}
first_valid_uid = 1
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {directory}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={directory}/home
}}
"""


@dataclass(slots=True)
class Dovecot:
    """A running server."""

    directory: Path
    port: int
    tls_port: int
    authority: Authority
    process: subprocess.Popen[bytes] | None = None
    capability: str = ""
    sent: int = 0

    @property
    def maildir(self) -> Path:
        """Return the directory of the INBOX."""
        return self.directory / "Maildir"

    def address(self, *, folder: str = "INBOX", done: str = "seen") -> MailboxAddress:
        """Return the address over TLS."""
        user = USER.replace("@", "%40")
        url = f"imaps://{user}@localhost:{self.tls_port}/{folder}"
        return read_address(url, PASSWORD, done, self.tls())

    def tls(self) -> ssl.SSLContext:
        """Return a context that trusts the server's authority."""
        return ssl.create_default_context(cadata=self.authority.pem)

    def plain_address(self, port: int | None = None, done: str = "seen") -> MailboxAddress:
        """Return the address without TLS, at another port if something is in between."""
        user = USER.replace("@", "%40")
        return read_address(f"imap://{user}@127.0.0.1:{port or self.port}/INBOX", PASSWORD, done)

    def deliver(self, *messages: bytes) -> None:
        """Put messages into the INBOX, as a mail server does."""
        for message in messages:
            self.sent += 1
            name = f"{1_700_000_000 + self.sent}.M{self.sent:08}.test"
            (self.maildir / "tmp" / name).write_bytes(message.replace(b"\r\n", b"\n"))
            shutil.chown(self.maildir / "tmp" / name, "mail", "mail")
            (self.maildir / "tmp" / name).rename(self.maildir / "new" / name)

    def flags(self) -> list[str]:
        """Return the flags of every message of the INBOX, such as `S` for seen."""
        found = [file.name.partition(":2,")[2] for file in (self.maildir / "cur").iterdir()]
        return sorted(found + ["" for _ in (self.maildir / "new").iterdir()])

    def remove(self, uids: str) -> None:
        """Remove messages, as somebody at a mail program does."""
        other = open_folder(self.address())
        other._client.uid("STORE", uids, "+FLAGS.SILENT", r"(\Deleted)")
        other._client.expunge()
        other.close()

    def renumber(self) -> None:
        """Lose the index, so that UIDs begin anew, as after a move to another server.

        The server restarts: a process that still serves a connection would write the old UIDs.
        """
        self.stop()
        for path in (self.directory / "index").iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        for name in ("dovecot-uidlist", "dovecot-uidvalidity"):
            for file in self.maildir.glob(f"{name}*"):
                file.unlink()
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        users = self.directory / "users"
        users.write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        settings = self.directory / "dovecot.conf"
        settings.write_text(
            _SETTINGS.format(
                directory=self.directory,
                port=self.port,
                tls_port=self.tls_port,
                capability=self.capability,
                uid=pwd.getpwnam("mail").pw_uid,
                gid=grp.getgrnam("mail").gr_gid,
            )
        )
        log = self.directory / "log"
        with log.open("ab") as errors:  # of the settings: Dovecot writes them before it has a log
            self.process = subprocess.Popen(
                [str(DOVECOT), "-F", "-c", str(settings)], stderr=errors, start_new_session=True
            )
        deadline = time.monotonic() + 20
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as tried:
                if tried.recv(4) == b"* OK":
                    return
            assert time.monotonic() < deadline, log.read_text()
            assert self.process.poll() is None, log.read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server and every connection."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)  # those that serve a connection
            self.process = None


@contextmanager
def running_dovecot(capability: str = "") -> Iterator[Dovecot]:
    """Run Dovecot within this block. `capability` replaces what it says it can do."""
    with TemporaryDirectory(prefix="dovecot-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        authority = Authority("mail")
        (directory / "certificate.pem").write_text(authority.issue("localhost"))
        for folder in ("", "new", "cur", "tmp"):
            (directory / "Maildir" / folder).mkdir(exist_ok=True)
            shutil.chown(directory / "Maildir" / folder, "mail", "mail")
        for folder in ("home", "index"):
            (directory / folder).mkdir()
            shutil.chown(directory / folder, "mail", "mail")
        server = Dovecot(directory, free_port(), free_port(), authority)
        server.capability = capability
        try:
            server.start()
            yield server
        finally:
            server.stop()
