"""Values of mails."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.db.tables.mails import MailRow
from app.mailbox.states import MailState
from app.operations.masking import MASK
from app.operations.models import Moment, Page, Value
from app.zeus.mails import MailKind
from app.zeus.parameters import deadline_of
from app.zeus.statuses import parse_status


class MailKindName(StrEnum):
    """Kind of a mail, as it is stored and shown."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    PAID = "paid"
    CONFIRMED = "confirmed"
    REVERSED = "reversed"
    PAID_AFTER_CANCEL = "paid_after_cancel"
    CONFIRMED_AFTER_CANCEL = "confirmed_after_cancel"
    REVERSED_AFTER_CANCEL = "reversed_after_cancel"
    CALL_FAILED = "call_failed"


class Mail(Value):
    """One mail: what it says, whether it is believed, and what became of it."""

    id: UUID
    received_at: Moment
    """Time at which the relay got it."""
    via: Annotated[str, Field(examples=["mailbox"])]
    """`mailbox`, `api` or `import`."""
    state: MailState
    believed: bool | None
    """True if it is proved to come from Zeus; None while it is not read."""
    belief: Annotated[str | None, Field(examples=["dkim"])]
    """Reason why it is believed, or why not."""
    kind: MailKindName | None
    """Kind of mail; None for one that is not from Zeus."""
    kind_name: Annotated[str | None, Field(examples=["入金速報通知"])]
    order_no: Annotated[str | None, Field(examples=["1234-56789-01234"])]
    status: Annotated[str | None, Field(examples=["04"])]
    status_name: Annotated[str | None, Field(examples=["入金済"])]
    money: int | None
    """Amount in yen."""
    occurred_at: Moment | None
    """処理時刻: the time that Zeus states."""
    clientip: Annotated[str | None, Field(examples=["2012000001"])]
    store: Annotated[str | None, Field(examples=["セブン-イレブン"])]
    """Store chain as the mail names it."""
    pay_no1: str | None
    pay_no2: str | None
    payment_deadline: Annotated[str | None, Field(examples=["2026-12-31"])]
    telno_tail: Annotated[str | None, Field(examples=[MASK])]
    """Last digits of the telephone number, `***` unless personal values are requested."""
    unread_values: list[str]
    """Values that the mail has and that cannot be read."""
    flags: Annotated[list[str], Field(examples=[["copy"]])]
    """`copy`: another mail says the same. `old`: it is about a time of which the relay knows no
    call and no mail, and an unknown order. `not_called`: Zeus makes no call for its status, as far
    as is known. `unwritable`: the database refused its values."""
    notice_id: UUID | None
    """Call that says the same."""
    healing_notice_id: UUID | None
    """Notice that was made of the mail."""
    settled_at: Moment | None
    """Time from which nothing more is to be done about it."""
    size: int
    """Bytes of the message."""
    message_id: str | None
    """Message-ID, which proves nothing."""
    part: int
    """Number of this mail among those in its message, from 0."""
    erased_at: Moment | None
    """Time at which the message and the telephone number were erased."""


class MailInFull(Mail):
    """One mail with its text and its message, if personal values are requested."""

    text: str | None
    """Text of the message; None unless personal values are requested, or once erased."""
    raw: str | None
    r"""Bytes of the message, other than printable ASCII as \xNN, at most 262,144 of them."""


class MailPage(Page[Mail]):
    """Mails, the newest first."""


class HandedInMail(Value):
    """A message that was handed in."""

    id: UUID
    state: MailState
    """`unread` for a new one: a worker reads it within seconds."""
    is_known: bool
    """True if the same message was handed in or read before."""


class HandedIn(Value):
    """Result of handing in messages."""

    messages: int
    """Messages in the file that were kept, now or before."""
    known: int
    """Those of them that were kept before."""
    too_large: int
    """Messages of more than 50 MiB, which were not kept."""
    mails: list[HandedInMail]
    """The first 1,000 messages."""


def mail_of(row: MailRow, *, personal: bool) -> Mail:
    """Return the value of a row."""
    kind = MailKind[row.kind.upper()] if row.kind else None
    status = parse_status(row.status) if row.status else None
    limit = deadline_of(row.pay_limit)
    names = (
        "id received_at via believed belief order_no status money occurred_at clientip store "
        "pay_no1 pay_no2 flags notice_id healing_notice_id settled_at size message_id part "
        "erased_at"
    )
    return Mail(
        **{name: getattr(row, name) for name in names.split()},
        state=MailState(row.state),
        kind=MailKindName(row.kind) if row.kind else None,
        kind_name=kind.value if kind else None,
        status_name=status.japanese if status else None,
        payment_deadline=limit.isoformat() if limit else None,
        telno_tail=row.telno_tail if personal or not row.telno_tail else MASK,
        unread_values=row.unread,
    )
