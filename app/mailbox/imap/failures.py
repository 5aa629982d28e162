"""Failures of a mailbox, as sentences for an operator. They never hold what a server said."""

import imaplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager


class MailboxFailed(Exception):
    """The mailbox cannot be used. The text says why, `remedy` what to do."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.remedy = remedy or "check that the mail server runs, and read its log"


@contextmanager
def explained() -> Iterator[None]:
    """Turn errors of connection and server into MailboxFailed."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        problem = f"the certificate of the mail server is not valid ({error.verify_message})"
        remedy = "use the name that its certificate has, or trust its authority by SSL_CERT_FILE"
        raise MailboxFailed(problem, remedy) from error
    except ssl.SSLError as error:
        remedy = "check the port: imaps:// needs TLS from the first byte"
        raise MailboxFailed("the mail server does not speak TLS", remedy) from error
    except socket.gaierror as error:
        remedy = "check the server in RELAY_MAILBOX_URL"
        raise MailboxFailed("the name of the mail server was not found", remedy) from error
    except TimeoutError as error:
        raise MailboxFailed("the mail server did not answer in time") from error
    except OSError as error:
        what = type(error).__name__
        raise MailboxFailed(f"the mail server cannot be reached ({what})") from error
    except imaplib.IMAP4.error as error:  # also its abort, for a connection that broke off
        problem = "the mail server ended the connection, or does not speak IMAP"
        raise MailboxFailed(problem) from error
