"""Delivery of mails: to an SMTP server, into a Maildir, or nowhere."""

import mailbox
import smtplib
from dataclasses import dataclass
from pathlib import Path

from app.simulator.state.mail_settings import MailSettings, is_address

SMTP_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a mail: handed over, an error, or the reason why nobody was to get it."""

    delivered: bool
    error: str | None = None
    reason: str | None = None


def deliver(message: bytes, recipient: str, settings: MailSettings) -> Delivery:
    """Hand a message over by every way that is set. Blocks while the server takes it.

    The error is `refused` (a server's answer), `unreachable`, `unwritable` or `invalid_address`.
    """
    if not is_address(recipient):
        return Delivery(False, "invalid_address")  # smtplib would take a part of it
    if not settings.smtp_address and not settings.maildir:
        return Delivery(False, reason="no_destination")
    errors = [_by_smtp(message, recipient, settings), _into_maildir(message, settings)]
    error = next((error for error in errors if error), None)
    return Delivery(error is None, error)


def _by_smtp(message: bytes, recipient: str, settings: MailSettings) -> str | None:
    if settings.smtp_address is None:
        return None
    host, port = settings.smtp_address
    try:
        with smtplib.SMTP(host, port, timeout=SMTP_TIMEOUT_SECONDS) as server:
            server.sendmail(settings.sender, [recipient], message)
    except smtplib.SMTPException:
        return "refused"
    except OSError:
        return "unreachable"
    return None


def _into_maildir(message: bytes, settings: MailSettings) -> str | None:
    """Add the message to the Maildir, with lines in LF as mail servers keep them there."""
    if settings.maildir is None:
        return None
    path = Path(settings.maildir)
    try:
        for folder in ("tmp", "new", "cur"):
            (path / folder).mkdir(parents=True, exist_ok=True)
        mailbox.Maildir(path, create=False).add(message.replace(b"\r\n", b"\n"))
    except OSError:
        return "unwritable"
    return None
