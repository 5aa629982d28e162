"""Address of the mailbox, out of the settings."""

import ssl

from app.configured_files import read_configured_text
from app.mailbox.imap.address import MailboxAddress, read_address
from app.settings import Settings, WrongSettings, variable_of


def mailbox_address_of(
    settings: Settings, tls: ssl.SSLContext | None = None
) -> MailboxAddress | None:
    """Return the address of the mailbox, or None if none is set.

    `tls` replaces the system's certificate authorities. Raise WrongSettings without a password.
    """
    if settings.mailbox_url is None:
        return None
    url, done = settings.mailbox_url.get_secret_value(), settings.mailbox_done
    return read_address(url, _password_of(settings), done, tls)


def _password_of(settings: Settings) -> str:
    text, file = variable_of("mailbox_password"), variable_of("mailbox_password_file")
    if settings.mailbox_password is not None:
        if settings.mailbox_password_file is not None:
            raise WrongSettings(f"{text}: is given twice, also as {file}")
        return settings.mailbox_password.get_secret_value()
    if settings.mailbox_password_file is None:
        raise WrongSettings(f"{text}: is missing, and {file} too; the mailbox needs one of them")
    try:
        return read_configured_text(settings.mailbox_password_file).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSettings(f"{file}: cannot be read ({type(error).__name__})") from None
