"""Tables of mails from Zeus, and of the positions in the mailbox."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, SmallInteger, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base, empty_list


class MailRow(Base):
    """One mail as it was handed in or read, and what it says.

    `hash` is the SHA-256 of the raw message. A message may hold several mails of Zeus, as one that
    a human forwards: each has its `part`, counted from 0, and the first keeps the raw bytes. `via`
    is `mailbox`, `api` or `import`. `belief` says why the mail is believed, or why not.
    `notice_id` names the call that says the same, `healing_notice_id` the notice that stands for
    a lost one. `telno_tail` is erased with `raw`.
    """

    __tablename__ = "mails"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    hash: Mapped[bytes]
    part: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    received_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    via: Mapped[str]
    raw: Mapped[bytes]
    size: Mapped[int] = mapped_column(BigInteger)
    message_id: Mapped[str | None]

    state: Mapped[str] = mapped_column(server_default=text("'unread'"))
    judged_at: Mapped[datetime | None]
    believed: Mapped[bool | None]
    belief: Mapped[str | None]
    kind: Mapped[str | None]
    status: Mapped[str | None]
    clientip: Mapped[str | None]
    order_no: Mapped[str | None]
    money: Mapped[int | None] = mapped_column(BigInteger)
    occurred_at: Mapped[datetime | None]
    store: Mapped[str | None]
    pay_cvs: Mapped[str | None]
    pay_no1: Mapped[str | None]
    pay_no2: Mapped[str | None]
    pay_limit: Mapped[str | None]
    telno_tail: Mapped[str | None]
    unread: Mapped[list[str]] = empty_list()
    flags: Mapped[list[str]] = empty_list()

    notice_id: Mapped[UUID | None]
    healing_notice_id: Mapped[UUID | None]
    settled_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]

    __table_args__ = (
        Index("mails_hash_key", "hash", "part", unique=True),
        Index("mails_unread_idx", "id", postgresql_where=text("state = 'unread'")),
        # Mails whose call has not come, the oldest first.
        Index("mails_waiting_idx", "received_at", "id", postgresql_where=text("state = 'waiting'")),
        Index("mails_state_idx", "state", "id"),
        Index("mails_kind_idx", "kind", "id"),
        Index("mails_unerased_idx", "id", postgresql_where=text("erased_at IS NULL")),
        # Failed calls at which nobody has looked yet.
        Index(
            "mails_call_failed_idx",
            "id",
            postgresql_where=text("state = 'call_failed' AND settled_at IS NULL"),
        ),
        Index(
            "mails_order_no_idx",
            "order_no",
            "status",
            "id",
            postgresql_where=text("order_no IS NOT NULL"),
        ),
    )


class MailboxRow(Base):
    """The position in a folder of a mailbox, and the last time that it was read.

    UIDs count only within one `uidvalidity` (RFC 9051).
    """

    __tablename__ = "mailboxes"

    name: Mapped[str] = mapped_column(primary_key=True)
    uidvalidity: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger)
    read_at: Mapped[datetime | None]
    last_mail_at: Mapped[datetime | None]
