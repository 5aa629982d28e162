"""Mails as operators and mail servers see them: hand in, list, show."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final, cast
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from app.db.engine import Sessions
from app.db.tables.mails import MailRow
from app.mailbox.intake import KeptMail, keep_message
from app.mailbox.mbox import messages_in
from app.mailbox.message import texts_of
from app.mailbox.states import MailState
from app.mailbox.suggestions import Suggestion, suggestions_for
from app.operations.access.audit import write_entry, write_look
from app.operations.access.permissions import Action, Actor
from app.operations.errors import FileNotKept
from app.operations.mails.errors import NoSuchMail
from app.operations.mails.models import (
    HandedIn,
    HandedInMail,
    MailInFull,
    MailKindName,
    MailPage,
    mail_of,
)
from app.operations.masking import escaped
from app.operations.pagination import Place, read_page

_END: Final = object()
_TOLD: Final = 1_000
_IN_ONE_COMMIT: Final = 100
_RAW_SHOWN: Final = 256 * 1024
_READ_AT_MOST: Final = 8 * 1024 * 1024


@dataclass(slots=True)
class _Tally:
    """Counts of the messages of a file, and the first of them."""

    messages: int = 0
    known: int = 0
    too_large: int = 0
    told: list[HandedInMail] = field(default_factory=list)

    def add(self, kept: KeptMail) -> None:
        """Count a kept message."""
        self.messages += 1
        self.known += kept.is_known
        if len(self.told) < _TOLD:
            told = HandedInMail(id=kept.id, state=kept.state, is_known=kept.is_known)
            self.told.append(told)

    @property
    def counts(self) -> dict[str, int]:
        """Return the counts alone."""
        return {"messages": self.messages, "known": self.known, "too_large": self.too_large}


async def hand_in(sessions: Sessions, file: BinaryIO, actor: Actor, via: str) -> HandedIn:
    """Keep the messages in `file`: one, or those of an mbox. Workers read them.

    Each is kept once, so a repetition after an error is harmless. Raise NotAllowed or FileNotKept.
    """
    actor.demand(Action.MAIL_HANDED_IN)
    tally, messages = _Tally(), messages_in(file)
    is_over = False
    while not is_over:
        async with sessions.begin() as session:
            is_over = await _keep_some(session, messages, tally, via)
            if is_over:
                await write_entry(session, actor, Action.MAIL_HANDED_IN, "mails", **tally.counts)
    return HandedIn(**tally.counts, mails=tally.told)


async def _keep_some(
    session: AsyncSession, messages: Iterator[BinaryIO | None], tally: _Tally, via: str
) -> bool:
    """Keep the next messages, and return True at the end. A thread reads them."""
    for _ in range(_IN_ONE_COMMIT):
        try:
            found = await asyncio.to_thread(next, messages, _END)
        except OSError as error:
            raise FileNotKept(error) from None
        if found is _END:
            return True
        if found is None:
            tally.too_large += 1
        else:
            tally.add(await keep_message(session, cast(BinaryIO, found), via))
    return False


async def list_mails(
    sessions: Sessions,
    place: Place,
    *,
    state: MailState | None = None,
    order_no: str | None = None,
    kind: MailKindName | None = None,
) -> MailPage:
    """Return the mails with these values, the newest first, personal values masked.

    Raise BadCursor.
    """
    wanted = (
        (MailRow.order_no, order_no),
        (MailRow.state, state),
        (MailRow.kind, kind),
    )
    given = [(column, value) for column, value in wanted if value is not None]
    query = select(MailRow).options(defer(MailRow.raw))
    # The index of orders has the status before the id, and an order has few mails.
    fixed = {} if order_no is not None else dict(given[:1])
    query = query.where(*(column == value for column, value in given[len(fixed) :]))
    async with sessions() as session:
        rows, cursor, has_more = await read_page(
            session, query, MailRow.id, place, newest_first=True, fixed=fixed
        )
    return MailPage(
        items=[mail_of(row, personal=False) for (row,) in rows],
        next_cursor=cursor,
        has_more=has_more,
    )


async def show_mail(
    sessions: Sessions, mail_id: UUID, *, shown_to: Actor | None = None
) -> MailInFull:
    """Return one mail; with its text and bytes if an actor is named, for the audit.

    Raise NoSuchMail or NotAllowed.
    """
    async with sessions.begin() as session:
        found = await read_mail_in_full(session, mail_id, personal=shown_to is not None)
        if shown_to is not None:
            await write_look(session, shown_to, f"mail:{mail_id}")
    return found


async def suggest_mails(sessions: Sessions, application_id: UUID) -> Sequence[Suggestion]:
    """Return the mails that may tell the outcome of an application. Nothing proves it."""
    async with sessions() as session:
        return await suggestions_for(session, application_id)


async def read_mail_in_full(
    session: AsyncSession, mail_id: UUID, *, personal: bool = False
) -> MailInFull:
    """Return one mail as it is now. Raise NoSuchMail."""
    row = await session.get(MailRow, mail_id, options=[defer(MailRow.raw)], populate_existing=True)
    if row is None:
        raise NoSuchMail
    mail = mail_of(row, personal=personal)
    if not personal or row.erased_at is not None:
        return MailInFull(**mail.model_dump(), text=None, raw=None)
    raw = await _raw_of(session, row)
    text = await asyncio.to_thread(_text_in, raw, row.part)
    return MailInFull(**mail.model_dump(), text=text, raw=escaped(raw[:_RAW_SHOWN]))


async def _raw_of(session: AsyncSession, row: MailRow) -> bytes:
    """Return the beginning of the message, which the first of its mails keeps."""
    query = select(func.substr(MailRow.raw, 1, _READ_AT_MOST)).where(
        MailRow.hash == row.hash, MailRow.part == 0
    )
    return await session.scalar(query) or b""


def _text_in(raw: bytes, part: int) -> str:
    """Return the text of a mail in a message."""
    texts = texts_of(raw)
    return texts[part].text if part < len(texts) else ""
