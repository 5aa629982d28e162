"""Address of a mailbox, as a site sets it: server, user, folder."""

import hashlib
import ssl
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

SEEN: Final = "seen"
"""Value of RELAY_MAILBOX_DONE that marks a message instead of moving it."""


@dataclass(frozen=True, slots=True)
class MailboxAddress:
    """What is needed to sign in. `done` is SEEN, or the folder that read messages go to."""

    host: str
    port: int
    user: str = field(repr=False)
    password: str = field(repr=False)
    folder: str
    done: str
    tls: ssl.SSLContext | None = field(repr=False)
    """None: no TLS, only for a server on this machine."""

    @property
    def name(self) -> str:
        """Return a name for tables and logs. It does not show the user."""
        user = hashlib.sha256(self.user.encode()).hexdigest()[:8]
        return f"{self.host}:{self.port}/{self.folder} {user}"


def read_address(
    url: str, password: str, done: str = SEEN, tls: ssl.SSLContext | None = None
) -> MailboxAddress:
    """Return the address in a checked URL `imaps://user@host/folder`.

    `tls` replaces the system's certificate authorities.
    """
    parts = urlsplit(url)
    is_secure = parts.scheme == "imaps"
    return MailboxAddress(
        parts.hostname or "",
        parts.port or (993 if is_secure else 143),
        unquote(parts.username or ""),
        password,
        unquote(parts.path.removeprefix("/")) or "INBOX",
        done,
        (tls or ssl.create_default_context()) if is_secure else None,
    )


def quoted(text: str) -> str:
    """Return a quoted string of IMAP."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def folder_argument(name: str) -> str:
    """Return the name of a folder as commands want it: in modified UTF-7, quoted."""
    pieces: list[str] = []
    foreign = ""
    for sign in [*name, ""]:
        if sign and not " " <= sign <= "~":
            foreign += sign
            continue
        if foreign:
            letters = foreign.encode("utf-7").decode()  # +…-
            pieces.append("&" + letters[1:].removesuffix("-").replace("/", ",") + "-")
            foreign = ""
        pieces.append("&-" if sign == "&" else sign)
    return quoted("".join(pieces))
