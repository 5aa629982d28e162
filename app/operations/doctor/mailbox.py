"""Doctor check of the mailbox: signs in, opens the folder without a change, and reads nothing."""

import asyncio
import ssl

from app.mailbox.imap.address import MailboxAddress
from app.mailbox.imap.failures import MailboxFailed
from app.mailbox.imap.from_settings import mailbox_address_of
from app.mailbox.imap.sign_in import open_folder
from app.operations.doctor.findings import Finding, error, ok, warning
from app.settings import Settings, WrongSettings, variable_of

SECONDS = 15.0
_SUBJECT = "mailbox"


async def check_mailbox(settings: Settings, tls: ssl.SSLContext | None = None) -> list[Finding]:
    """Return findings about the mailbox and about whom its mails are believed.

    There are none without a mailbox. `tls` replaces the system's certificate authorities.
    """
    try:
        address = mailbox_address_of(settings, tls)
    except WrongSettings as wrong:
        return [error(_SUBJECT, str(wrong), "set one of the two variables")]
    if address is None:
        return []
    try:
        count = await asyncio.to_thread(_sign_in, address)
    except MailboxFailed as failure:
        return [error(_SUBJECT, str(failure), failure.remedy)]
    findings = [ok(_SUBJECT, f"the user can sign in, and the folder has {count} messages")]
    if not settings.mail_domains:
        remedy = f"set {variable_of('mail_domains')} to the domain of Zeus's mails"
        findings.append(warning("mails", "no mail is believed, since no domain is named", remedy))
    return findings


def _sign_in(address: MailboxAddress) -> int:
    """Return the number of messages in the folder. Block."""
    folder = open_folder(address, readonly=True, command_s=SECONDS)
    try:
        return folder.top().count
    finally:
        folder.close()
