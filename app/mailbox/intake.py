"""Intake: a message is kept once, verbatim, before anybody reads it. SQL."""

import hashlib
import re
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from email.policy import compat32
from io import BytesIO
from typing import BinaryIO, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7
from app.mailbox.states import MailState

SIZE_LIMIT: Final = 50 * 1024 * 1024
"""Bytes of a message at most."""
_PIECE: Final = 4 * 1024 * 1024
_HEADERS: Final = 64 * 1024
_ID_LIMIT: Final = 500

_INSERT = text("""
INSERT INTO mails (id, hash, via, raw, size, message_id)
VALUES (:id, :hash, :via, :raw, :size, :message_id)
ON CONFLICT (hash, part) DO NOTHING RETURNING id
""")
_APPEND = text("UPDATE mails SET raw = raw || CAST(:piece AS bytea) WHERE id = :id")
_KNOWN = text("SELECT id, state FROM mails WHERE hash = :hash AND part = 0")


@dataclass(frozen=True, slots=True)
class KeptMail:
    """A kept message: its id, its state, and whether it was kept before."""

    id: UUID
    state: MailState
    is_known: bool


async def keep_mail(session: AsyncSession, raw: bytes, via: str) -> KeptMail:
    """Keep a message, once however often it comes. Never commit."""
    return await keep_message(session, BytesIO(raw), via)


async def keep_message(session: AsyncSession, file: BinaryIO, via: str) -> KeptMail:
    """Keep the message that is the whole `file`, in pieces so that memory stays small.

    The hash of its bytes is its identity: two messages may share a Message-ID. How its lines end
    does not count, since a pipe and a mailbox give the same message differently. Never commit.
    """
    digest, size = _digest_of(file)
    file.seek(0)
    first = file.read(_PIECE)
    mail_id = uuid7()
    row = {
        "id": mail_id,
        "hash": digest,
        "via": via,
        "raw": first,
        "size": size,
        "message_id": _message_id(first[:_HEADERS]),
    }
    if await session.scalar(_INSERT, row) is None:
        known = (await session.execute(_KNOWN, {"hash": digest})).one()
        return KeptMail(known.id, MailState(known.state), is_known=True)
    while piece := file.read(_PIECE):
        await session.execute(_APPEND, {"id": mail_id, "piece": piece})
    return KeptMail(mail_id, MailState.UNREAD, is_known=False)


def _digest_of(file: BinaryIO) -> tuple[bytes, int]:
    file.seek(0)
    digest, size, rest = hashlib.sha256(), 0, b""
    while piece := file.read(_PIECE):
        size += len(piece)
        piece = rest + piece
        rest = b"\r" if piece.endswith(b"\r") else b""
        digest.update(piece[: len(piece) - len(rest)].replace(b"\r\n", b"\n"))
    digest.update(rest)
    return digest.digest(), size


def _message_id(head: bytes) -> str | None:
    """Return the Message-ID, a hint for humans only."""
    try:
        value = BytesHeaderParser(policy=compat32).parsebytes(head)["Message-ID"]
    except (ValueError, LookupError):  # what a header may hold is without limit
        return None
    return re.sub(r"[^\x20-\x7e]", "", str(value)).strip()[:_ID_LIMIT] or None if value else None
