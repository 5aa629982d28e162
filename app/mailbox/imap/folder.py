"""Folder of a mailbox: messages by UID, in bounded pieces. Nothing is ever deleted."""

import imaplib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.mailbox.imap.address import SEEN, MailboxAddress, folder_argument
from app.mailbox.imap.client import PIECE, ImapClient, ImapError
from app.mailbox.imap.failures import MailboxFailed, explained

MESSAGE_LIMIT: Final = 10 * 1024 * 1024
"""Bytes of a message that is read. Zeus's mails have about 2,000."""
WINDOW: Final = 200
"""UIDs that are asked for at once."""


class CommandRefused(MailboxFailed):
    """The server answered a command with NO or BAD."""


class MessageTooLarge(Exception):
    """A message has more than MESSAGE_LIMIT bytes."""


@dataclass(frozen=True, slots=True)
class FolderTop:
    """The number of messages, and the highest UID."""

    count: int
    uid: int


class MailFolder:
    """An open folder. Each method raises MailboxFailed when server or connection fail."""

    def __init__(self, client: ImapClient, address: MailboxAddress, uidvalidity: int) -> None:
        self._client = client
        self._address = address
        self.uidvalidity = uidvalidity

    @property
    def can_idle(self) -> bool:
        """Return True if the server tells of new messages by itself."""
        return "IDLE" in self._client.capabilities

    def top(self) -> FolderTop:
        """Return what is in the folder now."""
        self._do("noop")
        for told in ("EXISTS", "RECENT", "EXPUNGE", "FETCH"):
            self._client.response(told)  # imaplib collects them until somebody asks
        try:
            found = self._do("fetch", "*", "(UID)")
        except CommandRefused:
            found = []  # some servers refuse `*` in an empty folder
        tops = [(_number(entry), _uid(entry)) for entry in found if entry]
        return FolderTop(*max(tops, default=(0, 0)))

    def sizes(self, first: int) -> dict[int, int]:
        """Return the sizes of the messages in the WINDOW from this UID, by UID, in order."""
        window = f"{first}:{first + WINDOW - 1}"
        found = {}
        for entry in self._do("uid", "FETCH", window, "(UID RFC822.SIZE)"):
            uid, size = _uid(entry), re.search(rb"RFC822\.SIZE (\d+)", _head(entry))
            if uid and size and first <= uid < first + WINDOW:
                found[uid] = int(size[1])
        return dict(sorted(found.items()))

    def next_uid(self, uid: int, top: FolderTop) -> int | None:
        """Return the lowest UID from `uid` on, by halving the numbers of messages."""
        low, high, found = 1, top.count, None
        while low <= high:
            middle = (low + high) // 2
            entries = self._do("fetch", str(middle), "(UID)")
            here = next((_uid(entry) for entry in entries if _number(entry) == middle), 0)
            if here == 0 or here >= uid:  # 0: others have removed messages meanwhile
                found, high = here or found, middle - 1
            else:
                low = middle + 1
        return found

    def small_messages(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Return messages by UID. Together they must be small.

        Those that have gone are missing, and those of servers that tell the UID after the message.
        """
        chosen = ",".join(map(str, uids))
        entries = self._do("uid", "FETCH", chosen, "(UID BODY.PEEK[])")
        read = {uid: _body(entry, uid) for entry in entries if (uid := _uid(entry)) in uids}
        return {uid: raw for uid, raw in read.items() if raw is not None}

    def message(self, uid: int) -> bytes | None:
        """Return a message, or None if it has gone. Raise MessageTooLarge."""
        raw = bytearray()
        while True:
            part = f"(UID BODY.PEEK[]<{len(raw)}.{PIECE}>)"
            pieces = (_body(entry, uid) for entry in self._do("uid", "FETCH", str(uid), part))
            piece = next((data for data in pieces if data is not None), None)
            if piece is None:
                return None
            raw += piece
            if len(raw) > MESSAGE_LIMIT:
                raise MessageTooLarge
            if len(piece) < PIECE:
                return bytes(raw)

    def mark(self, uids: Sequence[int]) -> None:
        """Mark messages as seen, or move them.

        A server that cannot move gets a copy in the other folder, and keeps the message, as seen.
        """
        chosen = ",".join(map(str, uids))
        if self._address.done != SEEN:
            other = folder_argument(self._address.done)
            if "MOVE" in self._client.capabilities:
                self._do("uid", "MOVE", chosen, other)
                return
            self._do("uid", "COPY", chosen, other)
        self._do("uid", "STORE", chosen, "+FLAGS.SILENT", r"(\Seen)")

    def begin_idle(self) -> bool:
        """Ask for news. Return True if there is some already.

        What the server told since `top`, in its answers to other commands, it does not tell again.
        """
        was_told = "EXISTS" in self._client.untagged_responses
        with explained():
            return self._client.begin_idle() or was_told

    def hears_news(self, seconds: float) -> bool:
        """Return True as soon as the server sends anything, False after this time."""
        with explained():
            return self._client.hears_news(seconds)

    def end_idle(self) -> None:
        """Stop asking for news."""
        with explained():
            self._client.end_idle()

    def abort(self) -> None:
        """End the connection from another thread."""
        self._client.abort_connection()

    def close(self) -> None:
        """Sign out, if the server still answers."""
        try:
            self._client.begin()
            self._client.logout()
        except ImapError:
            self._client.shutdown()

    def _do(self, method: str, *arguments: str) -> list[Any]:
        """Run a command. Raise CommandRefused if the server refuses it."""
        refused = f"the mail server refused {arguments[0] if method == 'uid' else method.upper()}"
        with explained():
            self._client.begin()
            try:
                kind, found = getattr(self._client, method)(*arguments)
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error as error:  # BAD
                raise CommandRefused(refused) from error
        if kind != "OK":
            raise CommandRefused(refused)
        return list(found)


def _head(entry: Any) -> bytes:
    """Return the line of an answer, without the literal in it."""
    line = entry[0] if isinstance(entry, tuple) else entry
    return line if isinstance(line, bytes) else b""


def _number(entry: Any) -> int:
    found = re.match(rb"(\d{1,10}) \(", _head(entry))
    return int(found[1]) if found else 0


def _uid(entry: Any) -> int:
    found = re.search(rb"[ (]UID (\d{1,10})", _head(entry))
    return int(found[1]) if found else 0


def _body(entry: Any, uid: int) -> bytes | None:
    """Return the piece of the message with this UID, or None if the answer is about another."""
    head = _head(entry)
    if b" BODY[]" not in head.replace(b"(BODY", b"( BODY") or _uid(entry) not in (0, uid):
        return None
    if isinstance(entry, tuple):
        return bytes(entry[1])
    found = re.search(rb'BODY\[\](?:<\d+>)? (?:NIL|"((?:[^"\\]|\\.)*)")', head)
    return re.sub(rb"\\(.)", rb"\1", found[1] or b"") if found else None
