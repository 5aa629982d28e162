"""Signing in to a mailbox, and opening its folder."""

import imaplib
import re

from app.mailbox.imap.address import SEEN, MailboxAddress, folder_argument, quoted
from app.mailbox.imap.client import COMMAND_SECONDS, ImapClient
from app.mailbox.imap.failures import MailboxFailed, explained
from app.mailbox.imap.folder import MailFolder


def open_folder(
    address: MailboxAddress, *, readonly: bool = False, command_s: float = COMMAND_SECONDS
) -> MailFolder:
    """Sign in and open the folder. `readonly` changes nothing there.

    Raise MailboxFailed, also if the folder for read messages does not exist.
    """
    with explained():
        client = ImapClient(address.host, address.port, address.tls, command_s)
    try:
        _sign_in(client, address)
        uidvalidity = _select(client, address, readonly)
        if address.done != SEEN:
            _demand_folder(client, address.done)
    except BaseException:
        client.shutdown()
        raise
    return MailFolder(client, address, uidvalidity)


def _sign_in(client: ImapClient, address: MailboxAddress) -> None:
    client.begin()
    try:
        with explained():
            try:
                if "AUTH=PLAIN" in client.capabilities:
                    secret = f"\0{address.user}\0{address.password}".encode()
                    client.authenticate("PLAIN", lambda _: secret)
                else:
                    client.login(quoted(address.user), address.password)
            except imaplib.IMAP4.abort:
                raise
            except (imaplib.IMAP4.error, UnicodeEncodeError) as error:
                raise _Refused from error
    except _Refused as error:
        remedy = "check the user in RELAY_MAILBOX_URL and RELAY_MAILBOX_PASSWORD"
        raise MailboxFailed("the mail server refused user and password", remedy) from error
    with explained():
        client.begin()
        kind, found = client.capability()  # servers offer more after signing in
        if kind == "OK" and found and found[-1]:
            client.capabilities = tuple(found[-1].decode("ascii", "replace").upper().split())


class _Refused(Exception):
    """The server refused user and password."""


def _select(client: ImapClient, address: MailboxAddress, readonly: bool) -> int:
    remedy = "check the folder in RELAY_MAILBOX_URL, and the rights of the user"
    client.begin()
    try:
        with explained():
            kind, _ = client.select(folder_argument(address.folder), readonly)
    except MailboxFailed as error:
        if isinstance(error.__cause__, imaplib.IMAP4.readonly):
            raise MailboxFailed("the folder may only be read", remedy) from error
        raise
    if kind != "OK":
        raise MailboxFailed("the folder of the mailbox cannot be opened", remedy)
    _, told = client.response("UIDVALIDITY")
    if not told or not told[-1] or not re.fullmatch(rb"\d{1,10}", told[-1]):
        raise MailboxFailed("the mail server does not number its messages (no UIDVALIDITY)")
    return int(told[-1])


def _demand_folder(client: ImapClient, name: str) -> None:
    client.begin()
    with explained():
        kind, found = client.list('""', folder_argument(name))
    if kind != "OK" or not any(found):
        remedy = "create it, or set RELAY_MAILBOX_DONE to seen"
        raise MailboxFailed("the folder for read messages does not exist", remedy)
